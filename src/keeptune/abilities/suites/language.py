"""Language modelling: how unlikely a model finds ordinary English prose.

The prose is Python's own documentation, read at run time from the interpreter's library: the topics of ``help()``
and the docstrings of modules, classes and functions. Nothing of it is shipped. Another version of Python
may hold other text, so its number is part of the ability's version.
"""

from __future__ import annotations

import functools
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence

from keeptune.abilities.suite import Item, Suite, stable_hash
from keeptune.abilities.table import SUITES
from keeptune.data.stdlib_modules import library_folder, modules, package_of
from keeptune.errors import DataError

MIN_WORDS, MAX_WORDS = 40, 120
"""Of a paragraph."""
MAX_ITEMS = 12
"""Paragraphs of one topic or package at most, so that none outweighs the others."""
PLAIN_SHARE = 0.85
"""Of the words that must be plain English words, punctuation aside: the rest are names and code."""
MARGIN = 0.05
"""Nats a token: a perplexity 5 % higher."""

_PLAIN = re.compile(r"[\"'(“*]*[A-Za-z][A-Za-z'’-]*[\"'”)*]*[.,;:!?]*[)\"']*")
_CODE = re.compile(r"::=|>>>|\||->|==")
_HEADER = re.compile(r"^\s*(?:async\s+)?(def|class)\s", re.M)


def _is_prose(text: str) -> bool:
    words = text.split()
    return (
        MIN_WORDS <= len(words) <= MAX_WORDS
        and text[0].isupper()
        and text[-1] in ".!?"
        and sum(1 for word in words if _PLAIN.fullmatch(word)) >= PLAIN_SHARE * len(words)
        and not _CODE.search(text)
    )


def _paragraphs(text: str) -> list[str]:
    """Each on one line."""
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text.strip())]


def _topics() -> Iterator[tuple[str, str]]:
    """(topic, paragraph) of everything that ``help()`` can tell about the language."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise DataError(
            "this Python lacks the texts of help() (the module pydoc_data), which the ability language is made from",
            "use a complete Python (Debian: install libpython3-stdlib), or leave this ability out",
        ) from error
    for topic, text in sorted(topics.items()):
        for paragraph in _paragraphs(text):
            yield f"help: {topic}", paragraph


def _docstrings() -> Iterator[tuple[str, str]]:
    """(package, paragraph); of a function not the first, which the built-in task asks for.

    Cut at the triple quotes: parsing all modules takes seconds, and what is not prose is left out anyway.
    """
    for module, path in modules(library_folder()):
        try:
            with tokenize.open(path) as file:
                pieces = file.read().split('"""')
        except (SyntaxError, UnicodeDecodeError):
            continue  # a template or a fixture, not a module
        for code, docstring in zip(pieces[::2], pieces[1::2], strict=False):
            headers = _HEADER.findall(code)
            of_function = headers[-1:] == ["def"] and code.rstrip().endswith(":")
            for paragraph in _paragraphs(docstring)[of_function:]:
                yield package_of(module), paragraph


@functools.cache
def make() -> Sequence[Item]:
    """One item a paragraph of prose, no paragraph twice; a topic or a package is one cluster."""
    by_place: dict[str, list[str]] = {}
    places: dict[str, str] = {}
    for place, paragraph in (*_topics(), *_docstrings()):
        if _is_prose(paragraph) and places.setdefault(paragraph, place) == place:
            by_place.setdefault(place, []).append(paragraph)
    return [
        Item(fields={"text": paragraph}, answer=paragraph, cluster=place)
        for place, paragraphs in by_place.items()
        for paragraph in sorted(dict.fromkeys(paragraphs), key=stable_hash)[:MAX_ITEMS]
    ]


LANGUAGE = Suite(
    name="language",
    title="loss on English prose",
    version=f"1-python{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}",
    templates=(),
    output_type="loss",
    demonstrations=(),
    metrics=("token_loss",),
    chance=None,
    margin=MARGIN,
    max_new_tokens=0,
    make=make,
)
SUITES.add(LANGUAGE.name, LANGUAGE)
