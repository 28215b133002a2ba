"""Constraints on a text that code can check, written as a short line such as ``words<=8; starts:Yes; no:,``.

After IFEval (Zhou et al. 2023, "Instruction-Following Evaluation for Large Language Models", arXiv:2311.07911).

A line holds one constraint or more, with ``; `` between them, in one of these forms:

=====================  ==========================================================================================
``words<=8``           number of words, split at white space; ``=``, ``<=`` or ``>=``, as in all that follow
``sentences=2``        pieces that end in ``.``, ``!`` or ``?`` (a last piece without a mark counts)
``lines=3``            lines that are not empty
``bullets=3``          lines that begin with ``-``, ``*`` or ``•`` and a space
``numbered=3``         lines that begin with ``1.``, ``2.`` … in this order
``items=4``            pieces between commas, none of them empty
``characters<=20``     characters, white space at the ends aside
``count:apple=3``      times that a text occurs
``contains:apple``     a text occurs; letters and digits at its ends match whole words only; case aside
``no:,``               a text does not occur, read in the same way
``starts:Yes``         the text begins so, case aside
``ends:the end.``      the text ends so, case aside
``only:yes|no``        the text is one of these, case and a full stop aside
``uppercase``          no lower-case letter, and at least one letter
``lowercase``          no upper-case letter, and at least one letter
``quoted``             in double quotes
``json``               the whole text is JSON
=====================  ==========================================================================================
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from keeptune.errors import MetricError
from keeptune.scoring.metrics.json_match import read_json

_FORM = re.compile(r"(?P<kind>[a-z]+)(?::(?P<text>.+?))?(?:(?P<sign><=|>=|=)(?P<number>\d+))?", re.S)
_SIGNS: Mapping[str, Callable[[int, int], bool]] = {"=": operator.eq, "<=": operator.le, ">=": operator.ge}
_MARKS = re.compile(r"[.!?]+[\"'”’)]*(?=\s|$)")
_BULLET = re.compile(r"\s*[-*•]\s+\S")
_NUMBERED = re.compile(r"\s*(\d+)[.)]\s+\S")


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint."""

    kind: str
    text: str = ""
    """What is looked for; "" where the kind takes none."""
    sign: str = ""
    number: int = 0
    """The number that a count is compared with by `sign`."""

    def holds(self, text: str) -> bool:
        """Whether `text` keeps it. An empty text keeps none."""
        text = text.strip()
        if not text:
            return False
        if self.kind in _COUNTS:
            return _SIGNS[self.sign](_COUNTS[self.kind](text, self.text), self.number)
        return _CHECKS[self.kind](text, self.text)


@lru_cache(maxsize=4096)
def parse_constraints(line: str) -> tuple[Constraint, ...]:
    """The constraints of a line.

    Raises:
        MetricError: a part of the line that is none of the forms.
    """
    return tuple(_parse(part.strip(), line) for part in line.split("; "))


def _parse(part: str, line: str) -> Constraint:
    form = _FORM.fullmatch(part)
    kind = form["kind"] if form else ""
    if form is None or kind not in {*_COUNTS, *_CHECKS}:
        known = ", ".join([*_COUNTS, *_CHECKS])
        raise MetricError(f"{part!r} in {line!r} is not a constraint", f"use one of: {known}, with '; ' between them")
    text, sign = form["text"] or "", form["sign"] or ""
    if kind not in _COUNTS and sign:
        # The sign belongs to the text: "contains:x=1".
        text, sign = part.partition(":")[2], ""
    if bool(text) != (kind in _WITH_TEXT) or bool(sign) != (kind in _COUNTS):
        example = f"{kind}{':text' if kind in _WITH_TEXT else ''}{'<=3' if kind in _COUNTS else ''}"
        raise MetricError(f"{part!r} in {line!r} is not of the form {example!r}", "correct the reference")
    return Constraint(kind, text, sign, int(form["number"]) if sign else 0)


def _sentences(text: str, _: str) -> int:
    return sum(1 for piece in _MARKS.split(text) if re.search(r"\w", piece))


def _numbered(text: str, _: str) -> int:
    """Lines numbered 1, 2, 3 …; 0 where the order is another."""
    numbers = [int(found[1]) for found in map(_NUMBERED.match, text.splitlines()) if found]
    return len(numbers) if numbers == list(range(1, len(numbers) + 1)) else 0


def _items(text: str, _: str) -> int:
    """Pieces between commas; 0 where one is empty."""
    pieces = text.strip(" .").split(",")
    return len(pieces) if all(piece.strip() for piece in pieces) else 0


def _occurrences(text: str, wanted: str) -> int:
    before = r"(?<!\w)" if wanted[0].isalnum() else ""
    after = r"(?!\w)" if wanted[-1].isalnum() else ""
    return len(re.findall(before + re.escape(wanted) + after, text, re.I))


def _only(text: str, wanted: str) -> bool:
    return text.rstrip(".").casefold() in wanted.casefold().split("|")


_COUNTS: Mapping[str, Callable[[str, str], int]] = {
    "words": lambda text, _: len(text.split()),
    "sentences": _sentences,
    "lines": lambda text, _: sum(1 for line in text.splitlines() if line.strip()),
    "bullets": lambda text, _: sum(1 for line in text.splitlines() if _BULLET.match(line)),
    "numbered": _numbered,
    "items": _items,
    "characters": lambda text, _: len(text),
    "count": _occurrences,
}
_CHECKS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda text, wanted: _occurrences(text, wanted) > 0,
    "no": lambda text, wanted: _occurrences(text, wanted) == 0,
    "starts": lambda text, wanted: text.casefold().startswith(wanted.casefold()),
    "ends": lambda text, wanted: text.casefold().endswith(wanted.casefold()),
    "only": _only,
    "uppercase": lambda text, _: text.upper() == text and text.lower() != text,
    "lowercase": lambda text, _: text.lower() == text and text.upper() != text,
    "quoted": lambda text, _: len(text) > 2 and text[0] in '"“' and text[-1] in '"”',
    "json": lambda text, _: read_json(text) is not None,
}
_WITH_TEXT = frozenset({"count", "contains", "no", "starts", "ends", "only"})
