"""Jaccard similarity of word 3-shingles, and an exact join of all pairs that reach 0.8.

The join is exact, not sketched (MinHash with LSH misses a few pairs): two sets with J ≥ t share at least one
of their first ⌊(1 − t)·n⌋ + 1 members under any common order, so with rare members first few pairs are left
to verify (prefix filter: Chaudhuri et al. 2006; AllPairs: Bayardo et al. 2007).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

SHINGLE_WORDS = 3
# The threshold 0.8 as a fraction, so that a pair at exactly 0.8 is decided without rounding.
NUMERATOR, DENOMINATOR = 4, 5

Shingles = frozenset[tuple[str, ...]]


def shingles(words: Sequence[str]) -> Shingles:
    """All runs of 3 words; a shorter text is one shingle."""
    if len(words) < SHINGLE_WORDS:
        return frozenset([tuple(words)])
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def jaccard(first: Shingles, second: Shingles) -> float:
    """|A ∩ B| / |A ∪ B|, for sets that are not empty."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def is_similar(first: Shingles, second: Shingles) -> bool:
    """Whether the Jaccard similarity is at least 0.8."""
    shared = len(first & second)
    return shared * DENOMINATOR >= (len(first) + len(second) - shared) * NUMERATOR


def similar_pairs(left: Sequence[Shingles], right: Sequence[Shingles]) -> Iterator[tuple[int, int]]:
    """Every (i, j) for which `left[i]` and `right[j]` are similar, each once."""
    counts = Counter(shingle for side in (left, right) for members in side for shingle in members)
    rank = {shingle: place for place, (shingle, _) in enumerate(reversed(counts.most_common()))}
    index: defaultdict[int, list[int]] = defaultdict(list)
    for i, members in enumerate(left):
        for place in _prefix(members, rank):
            index[place].append(i)
    for j, members in enumerate(right):
        candidates = {i for place in _prefix(members, rank) for i in index.get(place, ())}
        for i in sorted(candidates):
            if is_similar(left[i], members):
                yield i, j


def _prefix(members: Shingles, rank: dict[tuple[str, ...], int]) -> list[int]:
    needed = -(-len(members) * NUMERATOR // DENOMINATOR)
    return sorted(rank[shingle] for shingle in members)[: len(members) - needed + 1]
