"""Lenient parsing of a short answer: the reference occurs in the output."""

from __future__ import annotations

from keeptune.records import Example, ItemScore
from keeptune.scoring.mean import MeanMetric, mean_score
from keeptune.scoring.metric import references_of
from keeptune.scoring.normalise import same_answer, squad_tokens


def contained(output: str, example: Example) -> ItemScore:
    """100 if the words of a reference occur consecutively in the output, both SQuAD-normalised; else 0. Corpus: mean.

    The lenient counterpart of ``exact_match``. Token F1 is not lenient: it also falls if a right answer is part of a
    longer sentence, so it would mistake a change of form for a loss of knowledge. A long answer may contain a
    reference by accident; shuffled references measure how often.
    """
    return mean_score(100.0 * any(_holds(output, each) for each in references_of(example) if each.strip()))


CONTAINED = MeanMetric("contained", contained, binary=True)


def _holds(output: str, reference: str) -> bool:
    if squad_tokens(reference):
        return _padded(reference) in _padded(output)
    # Normalisation leaves nothing of the letter A or of a punctuation mark.
    words = output.casefold().split()
    alone = reference.strip().casefold() in (*words, *(word.strip(".,:;!?()\"'") for word in words))
    return alone or same_answer(output, reference)


def _padded(text: str) -> str:
    return f" {' '.join(squad_tokens(text))} "
