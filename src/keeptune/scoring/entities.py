"""The parser of entity lists: "type: name; type: name", or "none"."""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import NamedTuple

from keeptune.scoring.parse_outcome import ParseOutcome

Entity = tuple[str, str]
"""(type, name), both normalised."""

_ENTRY = re.compile(r"(?P<type>[^\W\d][\w/&-]*(?: [\w/&-]+){0,2})\s*:\s*(?P<name>\S.*)")
_BRACKETED = re.compile(r"(?P<name>\S.*)\((?P<type>[^\W\d][\w/& -]*)\)")
"""Both of a whole part, without white space around it: a pattern that looks for it takes the square of its length."""
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_NONE = re.compile(r"^\s*(?:there (?:is|are) )?(?:none|no (?:named )?entit(?:y|ies)|n/?a|nothing)\b[^:;\n]*$", re.I)
_REFERENCE = re.compile(r"&#?\w+;")
"""HTML character references, in web text: the semicolon of "M&amp;M" separates nothing."""
_MARKS = '*_`"“”'


class ParsedEntities(NamedTuple):
    """The multiset of entities that was read, and how; empty where `outcome` is FAILED."""

    entities: Counter[Entity]
    outcome: ParseOutcome


def normalise_entity(kind: str, name: str) -> Entity:
    """Type without regard to case; name as written, white space collapsed."""
    return " ".join(kind.split()).casefold(), " ".join(name.split())


def parse_entities(output: str) -> ParsedEntities:
    """Read an entity list.

    STRICT: one line, either ``none`` (any case) or entries ``type: name`` separated by ``;``. A type is one
    to three words and starts with a letter; a name may hold colons but no semicolon.
    LENIENT: entries on lines of their own, bullets, numbering, bold or quotes, a heading without a name, a
    full stop after ``none``, sentences such as "There are no entities", and ``name (type)``; parts that
    cannot be read are passed over. FAILED: nothing could be read.
    """
    text = _REFERENCE.sub(lambda match: html.unescape(match[0]), output).strip()
    if text.casefold() == "none":
        return ParsedEntities(Counter(), ParseOutcome.STRICT)
    if text and "\n" not in text:
        entries = [_ENTRY.fullmatch(part.strip()) for part in text.split(";")]
        if all(entries):
            return ParsedEntities(_count(entries), ParseOutcome.STRICT)
    return _parse_leniently(text)


def _parse_leniently(text: str) -> ParsedEntities:
    entries: list[re.Match[str] | None] = []
    none = False
    for line in re.split(r"[;\n]", text):
        part = _BULLET.sub("", line)
        for mark in _MARKS:
            part = part.replace(mark, "")
        part = part.strip()
        if _NONE.match(part):
            none = True
            continue
        entries.append(_ENTRY.fullmatch(part) or _BRACKETED.fullmatch(part))
    entities = _count(entries)
    if entities or none:
        return ParsedEntities(entities, ParseOutcome.LENIENT)
    return ParsedEntities(Counter(), ParseOutcome.FAILED)


def _count(entries: list[re.Match[str] | None]) -> Counter[Entity]:
    return Counter(normalise_entity(entry["type"], entry["name"]) for entry in entries if entry is not None)
