"""All pairs of rows whose sets of shingles have a Jaccard similarity of 0.8 or more, in bounded memory.

The same exact join as in `keeptune.data.similarity` (prefix filter: Chaudhuri et al. 2006; AllPairs: Bayardo et al.
2007), on 64-bit hashes of shingles that lie on disk. A shingle that only one row has can be in no intersection: it
counts for the size of its set and is forgotten, which of natural text leaves a small part. No pair is missed, as
MinHash would miss some; a chance collision of two hashes among 10⁸ shingles has a probability below 10⁻³.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from keeptune.data.mix.seeded import Ints, UInts
from keeptune.data.similarity import DENOMINATOR, NUMERATOR

BLOCK = 1 << 21
"""Hashes in memory at once."""
CANDIDATES = 1 << 21
"""Candidate pairs in memory at once."""
VERIFIED = 1 << 16
"""Pairs verified at once."""


@dataclass(frozen=True, slots=True)
class ShingleFile:
    """Sets of 64-bit shingle hashes on disk, one after another, each without repeats."""

    path: Path
    sizes: Ints
    """Members of each set, at least one."""


@dataclass(frozen=True, slots=True)
class SimilarPairs:
    """Some pairs; all pairs of one `later` come together."""

    earlier: Ints
    later: Ints
    similarity: NDArray[np.float64]


def similar_pairs(sets: ShingleFile) -> Iterator[SimilarPairs]:
    """Every pair of similar sets, the earlier place first, in the order of the later."""
    members = _shared_members(sets, _ranked_repeated(sets))
    prefix = _prefixes(members, sets.sizes)
    into = np.diff(prefix.tocsc().indptr)
    costs = np.zeros(len(sets.sizes), dtype=np.int64)
    np.add.at(costs, np.repeat(np.arange(len(costs)), np.diff(prefix.indptr)), into[prefix.indices])
    bounds = np.cumsum(costs)
    start = 0
    while start < len(costs):
        before = bounds[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(bounds, before + CANDIDATES, side="right")))
        candidates = (prefix[start:stop] @ prefix[:stop].T).tocoo()
        later, earlier = candidates.row.astype(np.int64) + start, candidates.col.astype(np.int64)
        yield _verified(members, sets.sizes, earlier[earlier < later], later[earlier < later])
        start = stop


def _verified(members: Any, sizes: Ints, earlier: Ints, later: Ints) -> SimilarPairs:
    """The pairs that are similar, by their true Jaccard similarity."""
    smaller, larger = np.minimum(sizes[earlier], sizes[later]), np.maximum(sizes[earlier], sizes[later])
    possible = smaller * DENOMINATOR >= larger * NUMERATOR
    earlier, later = earlier[possible], later[possible]
    shared = np.zeros(len(later), dtype=np.int64)
    for at in range(0, len(later), VERIFIED):
        part = slice(at, at + VERIFIED)
        shared[part] = members[earlier[part]].multiply(members[later[part]]).sum(axis=1).ravel()
    union = sizes[earlier] + sizes[later] - shared
    similar = shared * DENOMINATOR >= union * NUMERATOR
    return SimilarPairs(earlier[similar], later[similar], shared[similar] / union[similar])


def _ranked_repeated(sets: ShingleFile) -> tuple[UInts, Ints]:
    """The hashes that occur in two sets or more, ascending, and the rank of each by frequency, rarest first."""
    parts = np.uint64(1 + int(sets.sizes.sum()) // BLOCK)
    found, counts = [], []
    for part in range(int(parts)):
        inside = [block[block % parts == part] for block in _blocks(sets.path)]
        hashes, often = np.unique(np.concatenate(inside), return_counts=True)
        found.append(hashes[often > 1])
        counts.append(often[often > 1])
    hashes, often = np.concatenate(found), np.concatenate(counts)
    order = np.argsort(hashes)
    hashes, often = hashes[order], often[order]
    ranks = np.empty(len(hashes), dtype=np.int64)
    ranks[np.argsort(often, kind="stable")] = np.arange(len(hashes))
    return hashes, ranks


def _blocks(path: Path) -> Iterator[UInts]:
    with path.open("rb") as handle:
        while True:
            block = np.fromfile(handle, dtype=np.uint64, count=BLOCK)
            yield block
            if len(block) < BLOCK:
                return


def _shared_members(sets: ShingleFile, repeated: tuple[UInts, Ints]) -> Any:
    """Sets × ranks, sparse: which repeated shingles each set has, the rarest first."""
    hashes, ranks = repeated
    ends = np.cumsum(sets.sizes)
    columns, kept = [], np.zeros(len(ends), dtype=np.int64)
    at = 0
    for block in _blocks(sets.path):
        places = np.searchsorted(hashes, block)
        known = np.zeros(len(block), dtype=bool)
        inside = places < len(hashes)
        known[inside] = hashes[places[inside]] == block[inside]
        rows = np.searchsorted(ends, np.flatnonzero(known) + at, side="right")
        kept += np.bincount(rows, minlength=len(ends))
        columns.append(ranks[places[known]].astype(np.int32))
        at += len(block)
    indices = np.concatenate(columns)
    shape = (len(ends), max(1, len(hashes)))
    members = sparse.csr_array(
        (np.ones(len(indices), dtype=np.int32), indices, np.concatenate([[0], np.cumsum(kept)])), shape=shape
    )
    members.sort_indices()
    return members


def _prefixes(members: Any, sizes: Ints) -> Any:
    """The rarest members of which a similar set must share one: the first of each row, shingles of one row counted."""
    kept = np.diff(members.indptr)
    needed = -(-sizes * NUMERATOR // DENOMINATOR)
    lengths = np.clip(sizes - needed + 1 - (sizes - kept), 0, kept)
    place = np.arange(members.nnz) - np.repeat(members.indptr[:-1], kept)
    chosen = place < np.repeat(lengths, kept)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return sparse.csr_array((members.data[chosen], members.indices[chosen], indptr), shape=members.shape)
