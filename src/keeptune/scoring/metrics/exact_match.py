"""Exact match after SQuAD normalisation."""

from __future__ import annotations

from keeptune.records import Example, ItemScore
from keeptune.scoring.mean import MeanMetric, mean_score
from keeptune.scoring.metric import references_of
from keeptune.scoring.normalise import same_answer
from keeptune.scoring.table import METRICS


def exact_match(output: str, example: Example) -> ItemScore:
    """100 where the output equals any reference, both SQuAD-normalised; else 0. Corpus: the mean. A reference of which
    normalisation leaves nothing, such as the letter A, is compared as it is written.

    Rajpurkar et al. 2016, arXiv:1606.05250, ``evaluate-v1.1.py``.
    """
    return mean_score(100.0 * any(same_answer(output, reference) for reference in references_of(example)))


METRICS.add("exact_match", MeanMetric("exact_match", exact_match, binary=True))
