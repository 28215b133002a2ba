"""The lenient reading of a short answer: the reference occurs in what was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.mean import mean_corpus, mean_score
from keeptune.scoring.metric import UNSCORED, Needs, Unit, references_of
from keeptune.scoring.normalise import squad_tokens


@dataclass(frozen=True, slots=True)
class Contained:
    """100 where the words of a reference occur in a row in the output, both SQuAD-normalised; else 0. Corpus: mean.

    What ``exact_match`` is to the strict reading. Token F1 is not: it also falls where a right answer stands in a
    longer sentence, so it would call form a loss of knowledge. A long answer may contain a reference by accident;
    what that gives is told by shuffled references.
    """

    name: str = "contained"
    needs: Needs = "output"
    higher_is_better: bool = True
    unit: Unit = "points"
    binary: bool = True

    def item(self, answer: Answer, example: Example) -> ItemScore:
        if answer.output is None:
            return UNSCORED
        found = any(_holds(answer.output, reference) for reference in references_of(example) if reference.strip())
        return mean_score(100.0 if found else 0.0)

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:  # noqa: ARG002
        return mean_corpus(counts)


def _holds(output: str, reference: str) -> bool:
    if squad_tokens(reference):
        return _padded(reference) in _padded(output)
    # Of the letter A, or of a sign, normalisation leaves nothing.
    words = output.casefold().split()
    return reference.strip().casefold() in (*words, *(word.strip(".,:;!?()\"'") for word in words))


def _padded(text: str) -> str:
    return f" {' '.join(squad_tokens(text))} "
