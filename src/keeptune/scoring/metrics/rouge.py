"""ROUGE-1, ROUGE-2 and ROUGE-L by the package `rouge-score`.

Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries". The Porter stemmer is on, as in the
figures that papers quote. Words are runs of ``[a-z0-9]``: text in another script scores 0 (use chrF there).
"""

from __future__ import annotations

from functools import cache, lru_cache, partial
from typing import Any

from keeptune.records import Example, ItemScore
from keeptune.scoring.mean import MeanMetric, mean_score
from keeptune.scoring.metric import references_of
from keeptune.scoring.table import METRICS

ROUGE_TYPES = ("rouge1", "rouge2", "rougeL")


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGE_TYPES), use_stemmer=True)


@lru_cache(maxsize=64)
def _best_f(output: str, references: tuple[str, ...]) -> dict[str, float]:
    """F1 in [0, 1] of each type. Cached, so that the three metrics stem each text once."""
    best = _scorer().score_multi(list(references), output)
    return {kind: float(best[kind].fmeasure) for kind in ROUGE_TYPES}


def _rouge(kind: str, output: str, example: Example) -> ItemScore:
    """F1 × 100 of n-grams (rouge1, rouge2) or of the longest common subsequence of the whole text (rougeL).

    Several references: for each metric on its own, the reference with the best F1 counts (`score_multi` of
    the package), so rouge1 and rougeL of one item may come from different references. Corpus: the mean over
    items.
    """
    return mean_score(100.0 * _best_f(output, references_of(example))[kind])


for kind in ROUGE_TYPES:
    METRICS.add(kind, MeanMetric(kind, partial(_rouge, kind)))
