"""Jaccard similarity of word 3-shingles, and an exact join of all pairs that reach 0.8.

The join is exact, not sketched (MinHash with LSH misses a few pairs): two sets with J ≥ t share at least one
of their first ⌊(1 − t)·n⌋ + 1 members under any common order, so with rare members first few pairs are left
to verify (prefix filter: Chaudhuri et al. 2006; AllPairs: Bayardo et al. 2007).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set

SHINGLE_WORDS = 3
# The threshold 0.8 as a fraction, so that a pair at exactly 0.8 is decided without rounding.
NUMERATOR, DENOMINATOR = 4, 5

Shingles = frozenset[tuple[str, ...]]


def shingles(words: Sequence[str]) -> Shingles:
    """All runs of 3 words; a shorter text is one shingle."""
    if len(words) < SHINGLE_WORDS:
        return frozenset([tuple(words)])
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def jaccard(first: Set[object], second: Set[object]) -> float:
    """|A ∩ B| / |A ∪ B|, for sets that are not empty."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def is_similar(first: Set[object], second: Set[object]) -> bool:
    """Whether the Jaccard similarity is at least 0.8."""
    shared = len(first & second)
    return shared * DENOMINATOR >= (len(first) + len(second) - shared) * NUMERATOR


def similar_pairs(left: Sequence[Shingles], right: Sequence[Shingles]) -> Iterator[tuple[int, int, float]]:
    """(i, j, similarity) wherever `left[i]` and `right[j]` are similar; i < j where `right` is `left`."""
    sides = (left,) if right is left else (left, right)
    counts = Counter(shingle for side in sides for members in side for shingle in members)
    rank = {shingle: place for place, (shingle, _) in enumerate(reversed(counts.most_common()))}
    ranked = [[frozenset(rank[shingle] for shingle in members) for members in side] for side in sides]
    first, second = ranked[0], ranked[-1]
    index: defaultdict[int, list[int]] = defaultdict(list)
    for i, members in enumerate(first):
        for place in _prefix(members):
            index[place].append(i)
    for j, members in enumerate(second):
        candidates = {i for place in _prefix(members) for i in index.get(place, ())}
        for i in sorted(candidates):
            if (i < j or right is not left) and is_similar(first[i], members):
                yield i, j, jaccard(first[i], members)


def _prefix(members: frozenset[int]) -> list[int]:
    """The members of lowest rank (rarest) of which a similar set must share one."""
    needed = -(-len(members) * NUMERATOR // DENOMINATOR)
    return sorted(members)[: len(members) - needed + 1]
