"""Exact match after SQuAD normalisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.mean import mean_corpus, mean_score
from keeptune.scoring.metric import UNSCORED, Needs, Unit, references_of
from keeptune.scoring.normalise import same_answer
from keeptune.scoring.table import METRICS


@METRICS.register("exact_match")
@dataclass(frozen=True, slots=True)
class ExactMatch:
    """100 where the output equals any reference, both SQuAD-normalised; else 0. Corpus: the mean. A reference of which
    normalisation leaves nothing, such as the letter A, is compared as it is written.

    Rajpurkar et al. 2016, arXiv:1606.05250, ``evaluate-v1.1.py``.
    """

    name: str = "exact_match"
    needs: Needs = "output"
    higher_is_better: bool = True
    unit: Unit = "points"
    binary: bool = True

    def item(self, answer: Answer, example: Example) -> ItemScore:
        if answer.output is None:
            return UNSCORED
        output = answer.output
        match = any(same_answer(output, reference) for reference in references_of(example))
        return mean_score(100.0 if match else 0.0)

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:  # noqa: ARG002
        return mean_corpus(counts)
