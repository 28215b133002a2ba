"""Token F1 of SQuAD v1.1: the overlap of the words of output and reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.mean import mean_corpus, mean_score
from keeptune.scoring.metric import UNSCORED, Needs, Unit, references_of
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


@METRICS.register("token_f1")
@dataclass(frozen=True, slots=True)
class TokenF1:
    """The best token F1 over the references, × 100. Corpus: the mean over items. A reference of which normalisation
    leaves nothing, such as the letter A, is right or wrong as it is written.

    Rajpurkar et al. 2016, arXiv:1606.05250, ``evaluate-v1.1.py``. Words are split at white space, so this is
    of little use for languages that write none.
    """

    name: str = "token_f1"
    needs: Needs = "output"
    higher_is_better: bool = True
    unit: Unit = "points"
    binary: bool = False

    def item(self, answer: Answer, example: Example) -> ItemScore:
        if answer.output is None:
            return UNSCORED
        return mean_score(100.0 * max(_f1(answer.output, reference) for reference in references_of(example)))

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:  # noqa: ARG002
        return mean_corpus(counts)


def _f1(output: str, reference: str) -> float:
    if squad_tokens(reference):
        return token_f1(output, reference)
    return float(bool(reference.strip()) and same_answer(output, reference))
