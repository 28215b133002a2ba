"""Corpus BLEU by `sacrebleu`, from additive n-gram counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.metric import UNSCORED, Needs, Unit, references_of
from keeptune.scoring.table import METRICS

_ORDERS = (1, 2, 3, 4)


@cache
def _sentence_bleu() -> Any:
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True, force=True)


@METRICS.register("bleu")
@dataclass(frozen=True, slots=True)
class Bleu:
    """BLEU = BP · exp(¼ Σₙ ln pₙ) × 100 over the whole set; equal to ``sacrebleu.corpus_bleu``.

    Papineni et al. 2002; Post 2018, arXiv:1804.08771. Tokenizer 13a, mixed case, exponential smoothing;
    several references: n-gram counts are clipped by their maximum over references, the closest length is
    taken. counts: ``sys_len``, ``ref_len``, ``correct_n``, ``total_n`` for n = 1…4. An item's own value is
    sentence BLEU with effective order, which is shown and compared but does not enter the corpus score.
    """

    name: str = "bleu"
    needs: Needs = "output"
    higher_is_better: bool = True
    unit: Unit = "points"
    binary: bool = False

    def item(self, answer: Answer, example: Example) -> ItemScore:
        if answer.output is None:
            return UNSCORED
        score = _sentence_bleu().sentence_score(answer.output, list(references_of(example)))
        counts = {"sys_len": float(score.sys_len), "ref_len": float(score.ref_len)}
        for order in _ORDERS:
            counts[f"correct_{order}"] = float(score.counts[order - 1])
            counts[f"total_{order}"] = float(score.totals[order - 1])
        return ItemScore(value=float(score.score), counts=counts)

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:
        if items == 0:
            return Undefined("no items")
        score = _sentence_bleu().compute_bleu(
            correct=[round(counts[f"correct_{order}"]) for order in _ORDERS],
            total=[round(counts[f"total_{order}"]) for order in _ORDERS],
            sys_len=round(counts["sys_len"]),
            ref_len=round(counts["ref_len"]),
            smooth_method="exp",
        )
        return float(score.score)
