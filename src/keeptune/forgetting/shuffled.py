"""Score answers against the references of other items: the score that needs no ability."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from keeptune.records import EvalRecord, Example, Message

SHUFFLES = 5
SEED = 0


def shuffles(records: Sequence[EvalRecord]) -> list[list[tuple[EvalRecord, EvalRecord]]]:
    """5 seeded derangements across clusters: each record with one of another cluster; none where one cluster holds more
    than half of the items."""
    found = [_others(records, random.Random(SEED + shuffle)) for shuffle in range(SHUFFLES)]
    return [pairs for pairs in found if pairs]


def _others(records: Sequence[EvalRecord], rng: random.Random) -> list[tuple[EvalRecord, EvalRecord]]:
    """Clusters in shuffled order, and their items too (clusters that are built alike would meet item by item, with the
    same references), shifted by the largest one's size. The order of `records` does not matter."""
    rank = {cluster: rng.random() for cluster in sorted({record.cluster for record in records})}
    place = {item_id: rng.random() for item_id in sorted(record.item_id for record in records)}
    ordered = sorted(records, key=lambda record: (rank[record.cluster], place[record.item_id]))
    shift = max((len(list(group)) for _, group in groupby(ordered, key=lambda r: r.cluster)), default=0)
    if 2 * shift > len(ordered) or not ordered:
        return []
    return list(zip(ordered, ordered[shift:] + ordered[:shift], strict=True))


def with_references_of(record: EvalRecord, other: EvalRecord, examples: Mapping[str, Example] | None = None) -> Example:
    """The item with another's references; of choices that the other does not share, the one at the same place.

    Args:
        examples: the items by id, where they are at hand: a user's metric may read more of them than records keep.
    """
    references = other.references
    if record.choices and not {r.strip() for r in references} & {c.strip() for c in record.choices}:
        places = [i for i, choice in enumerate(other.choices) if choice.strip() in {r.strip() for r in references}]
        references = (record.choices[(places[0] if places else 0) % len(record.choices)],)
    example = (examples or {}).get(record.item_id) or example_of(record)
    return replace(example, completion=references[0] if references else "", references=references)


def example_of(record: EvalRecord) -> Example:
    """The item of a record, as far as the record contains it."""
    return Example(
        id=record.item_id,
        prompt=(Message("user", record.prompt),),
        completion=record.references[0] if record.references else "",
        references=record.references,
        choices=record.choices,
        group=record.cluster,
    )
