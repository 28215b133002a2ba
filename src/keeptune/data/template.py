"""Prompt templates: `Summarize: {dialogue}`. Fields are put in as they are; nothing is ever executed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from keeptune.errors import DataError
from keeptune.near_names import did_you_mean_quoted

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Template:
    """Text with places for fields."""

    parts: tuple[tuple[bool, str], ...]
    """(is a field, its name or the literal text), in order."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields it names, each once, in order."""
        return tuple(dict.fromkeys(text for is_field, text in self.parts if is_field))

    def size(self, values: Mapping[str, str]) -> int:
        """Characters of what `fill` makes, without making it."""
        return sum(len(values[text] if is_field else text) for is_field, text in self.parts)

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with every field replaced by its value, braces in values untouched."""
        return "".join(values[text] if is_field else text for is_field, text in self.parts)

    @property
    def has_words(self) -> bool:
        """Whether something stands around its fields by which a filled one is known."""
        return any(not is_field and text.strip() for is_field, text in self.parts)

    def fits(self, text: str) -> bool:
        """Whether `fill` gives this text for some values, empty ones counted."""
        literals = [
            "" if is_field else "".join(part for _, part in parts)
            for is_field, parts in groupby(self.parts, key=lambda part: part[0])
        ]
        if len(literals) < 2:
            return literals in ([""], [text])
        first, *between, last = literals
        at = len(first)
        for literal in between:
            found = text.find(literal, at)
            if found < 0:
                return False
            at = found + len(literal)
        return text.startswith(first) and text.endswith(last) and at + len(last) <= len(text)


def parse_template(text: str, known: Iterable[str], where: str) -> Template:
    """`text` as a Template over the fields `known`; `{{` and `}}` stand for braces.

    `where` is the setting it came from (``--prompt``), for messages.

    Raises:
        DataError: a stray brace, or a field that the rows do not have; the message gives the template's line.
    """
    fields = tuple(known)
    parts: list[tuple[bool, str]] = []
    position = 0
    for match in _TOKEN.finditer(text):
        if match.start() > position:
            parts.append((False, text[position : match.start()]))
        position = match.end()
        token, name = match.group(0), match.group(1)
        if token in ("{{", "}}"):
            parts.append((False, token[0]))
        elif name is None:
            line = _line_of(text, match.start())
            raise DataError(
                f"{where}, line {line}: a single '{token}' in the template",
                f"write '{token * 2}' for a brace, {{field}} for a field",
            )
        elif name.strip() in fields:
            parts.append((True, name.strip()))
        else:
            raise _unknown_field(name, fields, where, _line_of(text, match.start()))
    if position < len(text):
        parts.append((False, text[position:]))
    return Template(tuple(parts))


def field_names(text: str) -> tuple[str, ...]:
    """The fields that a template names, whatever the rows have; none where `text` is itself a field's name."""
    found = (match.group(1) for match in _TOKEN.finditer(text) if match.group(1) is not None)
    return tuple(dict.fromkeys(name.strip() for name in found))


def field_or_template(text: str, known: Iterable[str], where: str) -> Template:
    """As `parse_template`, but a text that is itself a field's name stands for that field."""
    fields = tuple(known)
    if text in fields:
        return Template(((True, text),))
    template = parse_template(text, fields, where)
    if template.fields:
        return template
    raise DataError(
        f'{where}: "{text}" is not a field of the rows and contains no field{did_you_mean_quoted(text, fields)}',
        f"use a field's name, or a template with {{field}}; the fields are {', '.join(fields)}",
    )


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _unknown_field(name: str, fields: tuple[str, ...], where: str, line: int) -> DataError:
    hint = did_you_mean_quoted(name, fields)
    if re.fullmatch(r"\s*\w+\s*[.\[!:].*", name, flags=re.DOTALL):
        hint = hint or " (a template takes plain field names only: no attribute, index or format)"
    return DataError(
        f'{where}, line {line}: the rows have no field "{name}"{hint}',
        f"the fields are {', '.join(fields)}; write {{{{ and }}}} for literal braces",
    )
