"""The part of each prompt that is its own, on hashes of words: what `prompt_body` does, for many sources at once.

A template is what nearly all prompts of a source (or test set) begin or end with, as `prompt_body.shared_prefix` has
it. Each prompt loses the longest template of any source that it begins with, and that it ends with: so the cut depends
on the prompt alone, and a prompt that stands in two sources is cut alike in both.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keeptune.data.mix.seeded import Ints, UInts, scramble
from keeptune.data.prompt_body import FEWEST_PROMPTS, SHARED_BY
from keeptune.data.similarity import SHINGLE_WORDS

Template = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts as runs of word hashes."""

    words: UInts
    starts: Ints
    ends: Ints

    def word(self, depth: int, backwards: bool, rows: Ints | slice = slice(None)) -> UInts:
        """The word at `depth` from the start, or from the end, of these rows, which must have it."""
        return self.words[self.ends[rows] - 1 - depth if backwards else self.starts[rows] + depth]

    def digests(self) -> UInts:
        """64 bits of the BLAKE2 hash of each text's words."""
        bytes_of = self.words.data.cast("B")
        bounds = zip((8 * self.starts).tolist(), (8 * self.ends).tolist(), strict=True)
        hashed = b"".join(hashlib.blake2b(bytes_of[start:end], digest_size=8).digest() for start, end in bounds)
        return np.frombuffer(hashed, dtype=np.uint64)

    def of(self, rows: Ints | NDArray[np.bool_]) -> Texts:
        """Some of them."""
        return Texts(self.words, self.starts[rows], self.ends[rows])


def template(texts: Texts, backwards: bool) -> Template:
    """The longest first (or last) run of words that 90 % of the distinct texts share, in reading order.

    Empty where too few can tell.
    """
    distinct = texts.of(np.sort(np.unique(texts.digests(), return_index=True)[1]))
    needed = SHARED_BY * len(distinct.starts)
    found: list[int] = []
    if len(distinct.starts) < FEWEST_PROMPTS:
        return ()
    while True:
        distinct = distinct.of(distinct.ends - distinct.starts > len(found))
        if len(distinct.starts) < needed:
            break
        at_depth = distinct.word(len(found), backwards)
        words, counts = np.unique(at_depth, return_counts=True)
        if counts.max() < needed:
            break
        word = words[counts.argmax()]
        distinct = distinct.of(at_depth == word)
        found.append(int(word))
    return tuple(found[::-1] if backwards else found)


def bodies(texts: Texts, heads: Iterable[Template], tails: Iterable[Template]) -> Texts:
    """Each text without its longest template at either end; whole where nothing would be left."""
    starts = texts.starts + _longest(texts, heads, backwards=False)
    ends = texts.ends - _longest(texts, tails, backwards=True)
    left = starts < ends
    return Texts(texts.words, np.where(left, starts, texts.starts), np.where(left, ends, texts.ends))


def _longest(texts: Texts, templates: Iterable[Template], backwards: bool) -> Ints:
    """The length of the longest of `templates` that each text begins (or ends) with."""
    lengths = texts.ends - texts.starts
    found = np.zeros(len(lengths), dtype=np.int64)
    for words in sorted(set(templates), key=lambda words: (len(words), words)):
        rows = np.flatnonzero(lengths >= len(words))
        for depth, word in enumerate(reversed(words) if backwards else words):
            rows = rows[texts.word(depth, backwards, rows) == np.uint64(word)]
        found[rows] = len(words)
    return found


def shingle_sets(texts: Texts, digests: Sequence[int] | UInts) -> tuple[UInts, Ints]:
    """(hashes of the word 3-shingles of each text, without repeats, text after text; how many each has).

    A text of fewer than three words is one shingle, and stands under its digest.
    """
    lengths = texts.ends - texts.starts
    runs = np.maximum(lengths - SHINGLE_WORDS + 1, 0)
    short = runs == 0
    rows = np.repeat(np.arange(len(runs)), runs)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(runs) - runs, runs) + np.repeat(texts.starts, runs)
    hashed = np.zeros(len(rows), dtype=np.uint64)
    for word in range(SHINGLE_WORDS):
        hashed = scramble(hashed + texts.words[places + word])
    rows = np.concatenate([rows, np.flatnonzero(short)])
    hashed = np.concatenate([hashed, np.asarray(digests, dtype=np.uint64)[short]])
    order = np.lexsort((hashed, rows))
    rows, hashed = rows[order], hashed[order]
    first = np.ones(len(rows), dtype=bool)
    first[1:] = (rows[1:] != rows[:-1]) | (hashed[1:] != hashed[:-1])
    return hashed[first], np.bincount(rows[first], minlength=len(runs)).astype(np.int64)
