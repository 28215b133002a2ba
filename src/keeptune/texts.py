"""Texts that come with the package, in YAML and TSV files.

Each file begins with its version, licence and source; after a line ``---`` stands the content.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeVar

import yaml

from keeptune.records.serialise import from_plain

T = TypeVar("T")

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Reads every scalar as text: ``no``, ``14`` and ``1:30`` are what is written."""


@dataclass(frozen=True, slots=True)
class About:
    """What a file says of itself."""

    version: str
    """Raised with any change of the content."""
    licence: str
    source: str
    """Who wrote the texts, or where they are from."""


def about(path: str) -> About:
    """The head of a file; `path` is relative to the package keeptune."""
    return _typed(path, About, yaml.load(_parts(path)[0], Loader=_Loader))


def read_texts(path: str, schema: type[T]) -> T:
    """The content of a YAML file.

    Raises:
        ValueError: the content does not have the shape of `schema`.
    """
    return _typed(path, schema, yaml.load(_parts(path)[1], Loader=_Loader))


def read_table(path: str, row: type[T]) -> tuple[T, ...]:
    """The rows of a TSV file; its columns are the fields of the dataclass `row`.

    Raises:
        ValueError: the columns are not those of `row`, or a row has more cells.
    """
    lines = _parts(path)[1].splitlines()
    records = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
    return tuple(_typed(path, row, record) for record in records)


def _parts(path: str) -> tuple[str, str]:
    head, _, content = (files("keeptune") / path).read_text(encoding="utf-8").partition("\n---\n")
    return head, content


def _typed(path: str, kind: type[T], plain: Any) -> T:
    try:
        return from_plain(kind, plain)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
