"""Token F1 of SQuAD v1.1: the overlap of the words of output and reference."""

from __future__ import annotations

from collections import Counter

from keeptune.records import Example, ItemScore
from keeptune.scoring.mean import MeanMetric, mean_score
from keeptune.scoring.metric import references_of
from keeptune.scoring.normalise import same_answer, squad_tokens
from keeptune.scoring.table import METRICS


def token_f1(output: str, reference: str) -> float:
    """F1 = 2·P·R/(P + R) over the multiset of normalised words, in [0, 1].

    As in the official script, no common word gives 0, and so do two texts that are both empty once
    normalised.
    """
    output_tokens, reference_tokens = squad_tokens(output), squad_tokens(reference)
    common = sum((Counter(output_tokens) & Counter(reference_tokens)).values())
    if common == 0:
        return 0.0
    precision = common / len(output_tokens)
    recall = common / len(reference_tokens)
    return 2 * precision * recall / (precision + recall)


def best_token_f1(output: str, example: Example) -> ItemScore:
    """The best token F1 over the references, × 100. Corpus: the mean over items. A reference of which normalisation
    leaves nothing, such as the letter A, is right or wrong as it is written.

    Rajpurkar et al. 2016, arXiv:1606.05250, ``evaluate-v1.1.py``. Words are split at white space, so this is
    of little use for languages that write none.
    """
    return mean_score(100.0 * max(_f1(output, reference) for reference in references_of(example)))


def _f1(output: str, reference: str) -> float:
    if squad_tokens(reference):
        return token_f1(output, reference)
    return float(bool(reference.strip()) and same_answer(output, reference))


METRICS.add("token_f1", MeanMetric("token_f1", best_token_f1))
