"""Decide which rows of the sources are left out, and why: they occur in a test set or duplicate an earlier row.

The definitions are those of `keeptune.data.duplicates`: exact where the prompts' own parts are equal but for case and
white space, near where the Jaccard similarity of their word 3-shingles is 0.8 or more. Earlier means an earlier source
of the recipe, or an earlier line. Rows on one text with other answers are different items in a source that has many of
them, and stay: many questions on one passage, or a second task over the texts of another source. A text of a test set
stays out whatever is asked about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from keeptune.data.duplicates import SHARED_CONTEXT, answers_repeat
from keeptune.data.mix.bodies import Texts, bodies, shingle_sets, template
from keeptune.data.mix.near_duplicates import ShingleFile, similar_pairs
from keeptune.data.mix.seeded import Ints, UInts
from keeptune.data.mix.spool import Spool, SpooledSource
from keeptune.records import Example

SETS_AT_ONCE = 1 << 14
"""Rows whose shingles are made at once."""


class Reason(IntEnum):
    """Why a row is left out."""

    NONE = 0
    LEAK = 1
    EXACT_WITHIN = 2
    EXACT_ACROSS = 3
    NEAR = 4


@dataclass(frozen=True, slots=True)
class Removals:
    """For the rows of all sources, one after another."""

    reasons: NDArray[np.uint8]
    """`Reason` of each row."""
    leaked_from: Ints
    """Place of the test set that the row occurs in; -1 for a row that is no leak."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of the test sets, then of the sources, one after another."""

    sides: tuple[SpooledSource, ...]
    tests: int
    """Number of test sets among the sides."""
    first: Ints
    """The first row of each side, and the number of all: one more than there are sides."""

    @property
    def tested(self) -> int:
        """Rows of the test sets: as many come before the sources'."""
        return int(self.first[self.tests])

    def side_of(self, rows: Ints) -> Ints:
        """The side that each row belongs to."""
        return np.searchsorted(self.first, rows, side="right") - 1

    def example(self, spool: Spool, row: int) -> Example:
        """Read one row."""
        side = int(np.searchsorted(self.first, row, side="right")) - 1
        return spool.example_of(self.sides[side], row - int(self.first[side]))


def find_removals(
    spool: Spool, sources: Sequence[SpooledSource], tests: Sequence[SpooledSource], scratch: Path, *, near: bool
) -> Removals:
    """The rows of `sources` to leave out; `scratch` is a folder for files that are as large as the data."""
    sides = (*tests, *sources)
    rows = _Rows(sides, len(tests), np.concatenate([[0], np.cumsum([len(side) for side in sides])]).astype(np.int64))
    heads, tails = ([template(_texts(spool, side), backwards) for side in sides] for backwards in (False, True))
    digests = np.concatenate([bodies(_texts(spool, side), heads, tails).digests() for side in sides])
    reasons, matched = _exact(rows, digests)
    _spare_other_tasks(spool, rows, reasons, matched)
    if near:
        distinct = _distinct(digests, rows.tested)
        sets = _shingle_file(scratch / "shingles", spool, rows, (heads, tails), distinct, digests)
        _mark_near(spool, rows, distinct, sets, reasons, matched)
    leaked = np.where(reasons == Reason.LEAK, rows.side_of(matched), -1)
    return Removals(reasons[rows.tested :], leaked[rows.tested :])


def _texts(spool: Spool, side: SpooledSource) -> Texts:
    bounds = side.words - side.words[0]
    return Texts(spool.words_of(side), bounds[:-1], bounds[1:])


def _exact(rows: _Rows, digests: UInts) -> tuple[NDArray[np.uint8], Ints]:
    """(reason of each row, the first row with the same body)."""
    _, firsts, groups = np.unique(digests, return_index=True, return_inverse=True)
    matched = firsts[groups].astype(np.int64)
    places = np.arange(len(digests))
    repeats = matched < places
    across = rows.side_of(matched) != rows.side_of(places)
    reasons = np.where(repeats, np.where(across, Reason.EXACT_ACROSS, Reason.EXACT_WITHIN), Reason.NONE)
    reasons[matched < rows.tested] = Reason.LEAK
    return reasons.astype(np.uint8), matched


def _spare_other_tasks(spool: Spool, rows: _Rows, reasons: NDArray[np.uint8], matched: Ints) -> None:
    """Of a source with many rows on another's texts, whose answers are others, only what is the same with its template
    is a repeat."""
    found = np.flatnonzero(reasons == Reason.EXACT_ACROSS)
    sides = rows.side_of(found)
    other = _other_answers(spool, rows, _Matches(found, matched[found]))
    many = np.bincount(sides[other], minlength=len(rows.sides)) > SHARED_CONTEXT * np.diff(rows.first)
    spared = found[other & many[sides]]
    if len(spared):
        whole = np.concatenate([_texts(spool, side).digests() for side in rows.sides])
        as_a_whole, with_template = _exact(rows, whole)
        reasons[spared], matched[spared] = as_a_whole[spared], with_template[spared]


def _distinct(digests: UInts, tested: int) -> Ints:
    """The first row of each body among the test sets, and of each among the sources."""
    of_tests = np.unique(digests[:tested], return_index=True)[1]
    of_sources = np.unique(digests[tested:], return_index=True)[1] + tested
    return np.concatenate([np.sort(of_tests), np.sort(of_sources)]).astype(np.int64)


def _shingle_file(
    path: Path,
    spool: Spool,
    rows: _Rows,
    templates: tuple[Sequence[tuple[int, ...]], Sequence[tuple[int, ...]]],
    distinct: Ints,
    digests: UInts,
) -> ShingleFile:
    """The shingles of the rows `distinct`, on disk."""
    sizes = [np.zeros(0, dtype=np.int64)]
    with path.open("wb") as handle:
        for side, first, last in zip(rows.sides, rows.first, rows.first[1:], strict=False):
            own = bodies(_texts(spool, side), *templates)
            chosen = distinct[(distinct >= first) & (distinct < last)]
            for start in range(0, len(chosen), SETS_AT_ONCE):
                part = chosen[start : start + SETS_AT_ONCE]
                hashed, counts = shingle_sets(own.of(part - first), digests[part])
                handle.write(hashed.data)
                sizes.append(counts)
    return ShingleFile(path, np.concatenate(sizes))


def _mark_near(
    spool: Spool, rows: _Rows, distinct: Ints, sets: ShingleFile, reasons: NDArray[np.uint8], matched: Ints
) -> None:
    """Write near leaks and near repeats into `reasons`, and what they repeat into `matched`."""
    leaks, repeats = _best_matches(sets, distinct, rows)
    other = _other_answers(spool, rows, repeats)
    sides = rows.side_of(repeats.later)
    sizes = np.diff(rows.first)
    context = np.bincount(sides[other], minlength=len(sizes)) > SHARED_CONTEXT * sizes
    repeats = repeats.of(~(other & context[sides]))
    in_context = context[rows.side_of(leaks.later)]
    in_context[in_context] = _other_answers(spool, rows, leaks.of(in_context))
    leaks = leaks.of(~in_context)
    for found, reason in ((leaks, Reason.LEAK), (repeats, Reason.NEAR)):
        open_still = found.of(reasons[found.later] == Reason.NONE)
        reasons[open_still.later], matched[open_still.later] = reason, open_still.earlier


@dataclass(frozen=True, slots=True)
class _Matches:
    """Rows of the sources, and the row that each repeats."""

    later: Ints
    earlier: Ints

    def of(self, chosen: NDArray[np.bool_]) -> _Matches:
        return _Matches(self.later[chosen], self.earlier[chosen])


def _best_matches(sets: ShingleFile, distinct: Ints, rows: _Rows) -> tuple[_Matches, _Matches]:
    """(best match of each row in the test sets, best among the earlier rows of sources): the most similar, the first
    of those."""
    found: tuple[list[_Matches], list[_Matches]] = ([], [])
    for pairs in similar_pairs(sets):
        later, earlier = distinct[pairs.later], distinct[pairs.earlier]
        for kind, into in zip((earlier < rows.tested, earlier >= rows.tested), found, strict=True):
            chosen = np.flatnonzero(kind & (later >= rows.tested))
            ranked = chosen[np.lexsort((earlier[chosen], -pairs.similarity[chosen], later[chosen]))]
            best = ranked[np.unique(later[ranked], return_index=True)[1]]
            into.append(_Matches(later[best], earlier[best]))
    leaks, repeats = (
        _Matches(*(np.concatenate([getattr(each, name) for each in parts]) for name in ("later", "earlier")))
        for parts in found
    )
    return leaks, repeats


def _other_answers(spool: Spool, rows: _Rows, matches: _Matches) -> NDArray[np.bool_]:
    """Whether the two rows of each match have other answers."""
    pairs = zip(matches.later.tolist(), matches.earlier.tolist(), strict=True)
    other = [
        not answers_repeat(rows.example(spool, earlier), rows.example(spool, later), exact=False)
        for later, earlier in pairs
    ]
    return np.array(other, dtype=bool)
