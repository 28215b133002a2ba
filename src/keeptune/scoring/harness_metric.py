"""Metrics of lm-evaluation-harness: it has scored the items itself, here are its values in our units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np

from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.mean import mean_corpus, mean_score
from keeptune.scoring.metric import UNSCORED, Needs, Unit

PREFIX = "lm-eval:"
LOSSES = frozenset({"perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "ter", "brier_score"})
"""The harness's own metrics of which less is better, for logs that do not say it."""
_WEIGHTED = {"word_perplexity": "word", "byte_perplexity": "byte", "bits_per_byte": "byte"}
"""Metrics whose items are (Σ ln p of the text, its size), and what the size counts."""

Kind = Literal["", "graded", "nats"]


@dataclass(frozen=True, slots=True)
class HarnessMetric:
    """The mean of the harness's item values: points, or nats a word, a byte or an answer. Corpus: Σ value·n / Σ n.

    Its name says all that it is, so that records kept on disk need no table: ``lm-eval:acc`` is 0 or 100 an item,
    ``lm-eval:f1:graded`` anything between, ``lm-eval:word_perplexity:nats`` a loss; ``:lower`` at the end where
    less is better. A metric of several filters carries theirs: ``lm-eval:exact_match,strict-match``.
    """

    of: str
    """The harness's name of it."""
    kind: Kind = ""
    higher_is_better: bool = True

    @property
    def name(self) -> str:
        lower = "" if self.higher_is_better or self.kind == "nats" else ":lower"
        return PREFIX + self.of + (f":{self.kind}" if self.kind else "") + lower

    @property
    def unit(self) -> Unit:
        return "nats" if self.kind == "nats" else "points"

    @property
    def counted_in(self) -> str:
        """The unit in words."""
        if self.kind != "nats":
            return "points"
        size = _WEIGHTED.get(self.of.partition(",")[0])
        return f"nats per {size}" if size else "nats per answer"

    @property
    def needs(self) -> Needs:
        return "choices" if self.of.startswith("acc") else "output"

    @property
    def binary(self) -> bool:
        return self.kind == ""

    def item(self, answer: Answer, example: Example) -> ItemScore:  # noqa: ARG002
        """Unscored: only the harness knows how it scores, and its value comes with its sample."""
        return UNSCORED

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:  # noqa: ARG002
        return mean_corpus(counts)


def is_harness_metric(name: str) -> bool:
    """Whether a metric's name means one of the harness."""
    return name.startswith(PREFIX)


def harness_metric(name: str) -> HarnessMetric:
    """The metric that a name tells: ``harness_metric(metric.name) == metric``."""
    of = name.removeprefix(PREFIX)
    higher = not of.endswith(":lower")
    of = of.removesuffix(":lower")
    if of.endswith(":nats"):
        return HarnessMetric(of.removesuffix(":nats"), "nats", higher_is_better=False)
    if of.endswith(":graded"):
        return HarnessMetric(of.removesuffix(":graded"), "graded", higher)
    return HarnessMetric(of, "", higher)


def harness_scores(
    of: str, values: Sequence[Any], higher_is_better: bool | None = None, corpus: float | None = None
) -> list[tuple[HarnessMetric, list[ItemScore]]]:
    """What the harness logged for one metric on every item, as scores; the kind is read from the values.

    - All 0 or 1: ``lm-eval:<of>``, in points; and the same as ``:graded``, for another model's values may lie
      between, and two models are compared by a metric that both have.
    - All in [0, 1]: ``:graded``, in points.
    - (log-likelihood, size) pairs of a perplexity, and the log-likelihoods of ``perplexity``: ``:nats``.
    - Anything else has a corpus formula of its own (``f1`` and ``mcc`` over choices, BLEU) or a scale that nobody
      tells: ``:graded`` with every item unscored. So has a metric whose mean is not the harness's own `corpus`.

    A single item without a finite value is unscored.

    Args:
        of: the harness's name, with its filter after a comma where it has one.
        higher_is_better: what the task says; None where it says nothing: then true, but for `LOSSES`.
        corpus: the harness's own score of all items, where known.
    """
    metric = of.partition(",")[0]
    if metric in _WEIGHTED or metric == "perplexity":
        pairs = [_pair(value) if metric in _WEIGHTED else (_number(value), 1.0) for value in values]
        return [(HarnessMetric(of, "nats", higher_is_better=False), [_nats(*pair) for pair in pairs])]
    higher = higher_is_better if higher_is_better is not None else metric not in LOSSES
    graded = HarnessMetric(of, "graded", higher)
    fractions = _fractions(values)
    known = [value for value in fractions if value is not None]
    if not known or (corpus is not None and not math.isclose(sum(known) / len(known), corpus, abs_tol=1e-6)):
        return [(graded, [UNSCORED] * len(values))]
    scores = [UNSCORED if value is None else mean_score(100.0 * value) for value in fractions]
    if set(known) <= {0.0, 1.0}:
        return [(HarnessMetric(of, "", higher), scores), (graded, scores)]
    return [(graded, scores)]


def _fractions(values: Sequence[Any]) -> list[float | None]:
    """The values where all are in [0, 1], None for one that is missing or not finite; else nothing but None."""
    found = [math.nan if value is None else _number(value) for value in values]
    finite = [value for value in found if value is None or math.isfinite(value)]
    if any(value is None or not 0.0 <= value <= 1.0 for value in finite):
        return [None] * len(values)
    return [value if value is not None and math.isfinite(value) else None for value in found]


def _nats(loglikelihood: float | None, size: float | None) -> ItemScore:
    if loglikelihood is None or size is None or not size > 0.0:
        return UNSCORED
    if not (math.isfinite(loglikelihood / size) and math.isfinite(size)):
        return UNSCORED
    return ItemScore(-loglikelihood / size, {"sum": -loglikelihood, "n": size})


def _pair(value: Any) -> tuple[float | None, float | None]:
    if isinstance(value, (list, tuple)) and len(value) == 2:
        return _number(value[0]), _number(value[1])
    return None, None


def _number(value: Any) -> float | None:
    """A number, true and false among them, numpy's too (older logs write numpy's booleans as text); else None."""
    if isinstance(value, str):
        return {"True": 1.0, "False": 0.0}.get(value)
    return float(value) if isinstance(value, (Real, np.bool_)) else None
