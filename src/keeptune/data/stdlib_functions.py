"""The built-in task: summarise a Python function of the standard library in one sentence.

The rows are read at run time from the source of the interpreter's own standard library: the prompt is a
function without its docstring, the completion is the docstring's first sentence. Nothing is downloaded or
shipped.
"""

from __future__ import annotations

import functools
import hashlib
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from keeptune.data.stdlib_modules import library_folder
from keeptune.data.summarised_functions import SummarisedFunction, plain_words, summarised_functions
from keeptune.errors import DataError
from keeptune.records import Example, Message

TASK = "function-summary"
PROMPT = "Summarize what this Python function does in one sentence.\n\n```python\n{source}\n```"

TRAIN, TEST = 500, 120
MAX_SHARE = 0.12
"""Of one side that may come from one package."""
MIN_TEST_PACKAGES = 40
"""An interval over packages needs 30 clusters at least; a few may turn out to have no difference."""
LARGE = 30
"""A package with more functions than this is never in test."""
NEAR = 0.8
"""Jaccard similarity from which two functions, or two sentences, count as the same one."""

_CODE_TOKEN = re.compile(r"\w+|[^\w\s]")


def stdlib_examples(
    train: int = TRAIN, test: int = TEST, seed: int = 0
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """`train` and `test` functions of the standard library, no package on both sides, in a seeded order.

    A package is a top-level module or package. Packages and functions are drawn by the hash of their names,
    so another version of Python gives other rows only where its library differs; fewer rows
    are a part of more.

    Raises:
        DataError: the library's source is not on this machine, or holds fewer functions than asked for.
    """
    by_package: dict[str, list[SummarisedFunction]] = defaultdict(list)
    for function in _pool(library_folder()):
        by_package[function.package].append(function)
    for name, functions in by_package.items():
        by_package[name] = sorted(functions, key=lambda function: _hash(seed, function.id))

    order = sorted(by_package, key=lambda name: _hash(seed, "package", name))
    test_names = _test_packages({name: len(by_package[name]) for name in order}, test)
    sides = []
    for side, want in (("train", train), ("test", test)):
        packages = [by_package[name] for name in order if (name in test_names) == (side == "test")]
        sides.append(_balanced(packages, want, side, seed))
    return sides[0], sides[1]


@functools.cache
def _pool(folder: Path) -> tuple[SummarisedFunction, ...]:
    """Every function to draw from. Reading them takes seconds, so a process does it once."""
    return tuple(_without_repeats(summarised_functions(folder)))


def _without_repeats(functions: Iterable[SummarisedFunction]) -> list[SummarisedFunction]:
    """The first of every set of functions with the same id, sentence or code, or nearly so."""
    ids: set[str] = set()
    sentences, codes = _SeenTexts(), _SeenTexts()
    kept = []
    for function in functions:
        words = plain_words(function.summary).split()
        # The name in the first line is left aside: two methods of one body differ in nothing else.
        tokens = _CODE_TOKEN.findall(function.source.replace(function.id.rpartition(".")[2], "f", 1))
        if function.id in ids or sentences.has(words, 2) or codes.has(tokens, 3):
            continue
        ids.add(function.id)
        sentences.add(words, 2)
        codes.add(tokens, 3)
        kept.append(function)
    return kept


class _SeenTexts:
    """Texts so far, as sets of shingles, with an index from shingle to text: exact Jaccard, no sketch."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._index: dict[tuple[str, ...], list[int]] = defaultdict(list)

    @staticmethod
    def _shingles(tokens: Sequence[str], size: int) -> set[tuple[str, ...]]:
        return {tuple(tokens[i : i + size]) for i in range(max(1, len(tokens) - size + 1))}

    def add(self, tokens: Sequence[str], size: int) -> None:
        shingles = self._shingles(tokens, size)
        for shingle in shingles:
            self._index[shingle].append(len(self._sizes))
        self._sizes.append(len(shingles))

    def has(self, tokens: Sequence[str], size: int) -> bool:
        shingles = self._shingles(tokens, size)
        shared = Counter(text for shingle in shingles for text in self._index.get(shingle, ()))
        return any(count >= NEAR * (len(shingles) + self._sizes[text] - count) for text, count in shared.items())


def _test_packages(counts: Mapping[str, int], test: int) -> set[str]:
    """The first packages of `counts` that fill the test side and are enough clusters for an interval.

    Large packages stay in train, which needs them more.
    """
    test = max(test, TEST)
    names: set[str] = set()
    room = 0
    for name, count in counts.items():
        if room >= test and len(names) >= MIN_TEST_PACKAGES:
            break
        if count <= LARGE:
            names.add(name)
            room += min(count, _cap(test))
    return names


def _cap(want: int) -> int:
    return max(1, int(MAX_SHARE * want))


def _balanced(packages: Sequence[Sequence[SummarisedFunction]], want: int, side: str, seed: int) -> tuple[Example, ...]:
    """`want` functions, one more from every package in turn, none giving more than its share."""
    cap = _cap(want)
    turns = (functions[turn] for turn in range(cap) for functions in packages if turn < len(functions))
    chosen = [function for function, _ in zip(turns, range(want), strict=False)]
    if len(chosen) < want:
        raise DataError(
            f"the standard library of Python {sys.version.split()[0]} gives {len(chosen)} functions "
            f"for {side}, {want} were asked for",
            f"request {len(chosen)} or fewer",
        )
    return tuple(_example(function) for function in sorted(chosen, key=lambda f: _hash(seed, "order", f.id)))


def _example(function: SummarisedFunction) -> Example:
    return Example(
        id=function.id,
        prompt=(Message("user", PROMPT.format(source=function.source)),),
        completion=function.summary,
        references=(function.summary,),
        group=function.package,
        task=TASK,
        source=function.where,
    )


def _hash(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
