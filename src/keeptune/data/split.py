"""Seeded choices that do not depend on the order of rows, nor on which other rows there are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

from keeptune.records import Example


def split_examples(
    examples: Sequence[Example], fraction: float, seed: int
) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """(kept, set apart), both in the file's order; rows of one group stay together.

    A cluster is set apart where its hash, a number in [0, 1) from seed, fraction and cluster, is below
    `fraction`: rows that are added later never move another row. Where that leaves a side empty (few
    clusters), the share `fraction` of the clusters with the lowest numbers is set apart, one at least and
    not all. One cluster alone is kept, and a fraction of 0 sets nothing apart.

    Raises:
        ValueError: `fraction` is not in [0, 1).
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction must be in [0, 1), not {fraction}")
    places = {example.cluster: _place(f"split {fraction!r}", seed, example.cluster) for example in examples}
    apart = {cluster for cluster, place in places.items() if place < fraction}
    if fraction > 0 and len(apart) in (0, len(places)):
        count = min(max(1, round(fraction * len(places))), len(places) - 1)
        apart = set(sorted(places, key=lambda cluster: (places[cluster], cluster))[: max(0, count)])
    return (
        tuple(example for example in examples if example.cluster not in apart),
        tuple(example for example in examples if example.cluster in apart),
    )


def limit_examples(examples: Sequence[Example], n: int, seed: int) -> tuple[Example, ...]:
    """`n` of the examples (all, where there are fewer), in the file's order.

    Nested: with one seed, the choice of 100 lies within the choice of 500.
    """
    if n >= len(examples):
        return tuple(examples)
    ranked = sorted(range(len(examples)), key=lambda row: (_place("limit", seed, examples[row].id), row))
    return tuple(examples[row] for row in sorted(ranked[: max(0, n)]))


def limit_clusters(examples: Sequence[Example], n: int, seed: int = 0) -> tuple[Example, ...]:
    """Whole clusters with `n` examples at most together (one cluster at least), in the file's order. Nested as
    `limit_examples`."""
    if n >= len(examples):
        return tuple(examples)
    sizes = Counter(example.cluster for example in examples)
    kept: set[str] = set()
    room = n
    for cluster in sorted(sizes, key=lambda name: (_place("limit", seed, name), name)):
        if kept and sizes[cluster] > room:
            break
        kept.add(cluster)
        room -= sizes[cluster]
    return tuple(example for example in examples if example.cluster in kept)


def _place(purpose: str, seed: int, name: str) -> float:
    digest = hashlib.sha256(f"{purpose}\0{seed}\0{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
