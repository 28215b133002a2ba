"""Corpus chrF by `sacrebleu`, from additive character n-gram counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.metric import UNSCORED, Needs, Unit, references_of
from keeptune.scoring.table import METRICS

_ORDERS = (1, 2, 3, 4, 5, 6)


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


@METRICS.register("chrf")
@dataclass(frozen=True, slots=True)
class Chrf:
    """chrF2 = (1 + β²)·P·R/(β²·P + R) × 100, β = 2, P and R averaged over character 1- to 6-grams of the
    whole set; equal to ``sacrebleu.corpus_chrf``.

    Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation". White space is not counted.
    Several references: each item uses the one with its best sentence score. It needs no tokenizer, so it
    works for any script and for code. counts: ``output_n``, ``reference_n``, ``match_n`` for n = 1…6. An
    item's own value is its sentence chrF.
    """

    name: str = "chrf"
    needs: Needs = "output"
    higher_is_better: bool = True
    unit: Unit = "points"
    binary: bool = False

    def item(self, answer: Answer, example: Example) -> ItemScore:
        if answer.output is None:
            return UNSCORED
        # sacrebleu gives these statistics only under a private name; the tests hold it to `corpus_chrf`.
        references = [[reference] for reference in references_of(example)]
        stats = _chrf()._extract_corpus_statistics([answer.output], references)[0]
        counts: dict[str, float] = {}
        for order in _ORDERS:
            output, reference, match = stats[3 * order - 3 : 3 * order]
            counts |= {
                f"output_{order}": float(output),
                f"reference_{order}": float(reference),
                f"match_{order}": float(match),
            }
        return ItemScore(value=float(_chrf()._compute_f_score(stats)), counts=counts)

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:
        if items == 0:
            return Undefined("no items")
        stats: list[int] = []
        for order in _ORDERS:
            stats += [round(counts[f"{part}_{order}"]) for part in ("output", "reference", "match")]
        return float(_chrf()._compute_f_score(stats))
