"""Whether an answer keeps the constraints of its instruction: checked by code, not by a judge."""

from __future__ import annotations

import re
from functools import partial

from keeptune.records import Example, ItemScore
from keeptune.scoring.constraints import parse_constraints
from keeptune.scoring.mean import MeanMetric, mean_score
from keeptune.scoring.metric import references_of
from keeptune.scoring.table import METRICS

_OPENING = re.compile(
    r"(?:(?:sure|certainly|of course|okay|absolutely|here(?:'s| is| are))\b[^\n:]*[:!.]|[^\n]*:(?=\s*\n))\s+", re.I
)
_FENCE = re.compile(r".*?```[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```.*", re.S)
_MARKS = re.compile(r"\*\*|__|`|^#+[ \t]+|(?<!\w)\*(?=\w)|(?<=[\w.!?])\*(?!\w)", re.M)
_QUOTES = "\"'“”‘’"


def _without_opening(text: str) -> str:
    found = _OPENING.match(text)
    return text[found.end() :] if found else text


def _without_fence(text: str) -> str:
    found = _FENCE.fullmatch(text)
    return found[1] if found else text


def _without_marks(text: str) -> str:
    return _MARKS.sub("", text)


def _without_quotes(text: str) -> str:
    return text[1:-1] if len(text) > 2 and text[0] in _QUOTES and text[-1] in _QUOTES else text


def readings(output: str) -> tuple[str, ...]:
    """The output, and what is left of it without the dress that chat models put on an answer.

    Taken off, in every combination, as in IFEval's loose accuracy: an opening such as "Sure, here is a list:",
    what stands around a code fence, markdown marks, and quotes around the whole. The output as it is comes
    first, so that what holds strictly also holds leniently.
    """
    found = [output]
    for take_off in (_without_opening, _without_fence, _without_marks, _without_quotes):
        found += [take_off(text.strip()) for text in found]
    return tuple(dict.fromkeys(found))


def constraints(output: str, example: Example, strict: bool = False) -> ItemScore:
    """100 where every constraint in the item's first reference holds; else 0. Corpus: the mean.

    The form of the reference is told in `keeptune.scoring.constraints`. ``constraints_strict`` checks the
    output as it is; ``constraints``, for each, also what is left without the dress of an answer (`readings`). The
    counts ``held`` and ``constraints`` give the share of single constraints that hold.

    IFEval's prompt-level accuracy, strict and loose (Zhou et al. 2023, arXiv:2311.07911).
    """
    wanted = parse_constraints(references_of(example)[0])
    texts = (output,) if strict else readings(output)
    held = sum(any(constraint.holds(text) for text in texts) for constraint in wanted)
    return mean_score(100.0 * (held == len(wanted)), held=float(held), constraints=float(len(wanted)))


METRICS.add("constraints", MeanMetric("constraints", constraints, binary=True))
METRICS.add("constraints_strict", MeanMetric("constraints_strict", partial(constraints, strict=True), binary=True))
