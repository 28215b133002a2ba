"""Few-shot prompts: a baseline without training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from keeptune.data.encode import Encoder
from keeptune.data.split import limit_examples
from keeptune.records import Example, Message


class Shown(NamedTuple):
    """Items with what is shown before each."""

    examples: list[Example]
    shots: int
    """Number of rows shown; fewer than requested if there are not enough, or if no more fit."""


def with_shots(
    examples: Sequence[Example], train: Sequence[Example], shots: int, seed: int, encoder: Encoder, room: int
) -> Shown:
    """`examples` with the same `shots` rows of `train` before each, as earlier turns.

    The shots are a seeded choice among the shorter half of train, so that they fit beside the item. Where they do not,
    as many are shown as fit whole before the longest item that fits itself: what is cut was not shown.

    Args:
        room: tokens to leave for the answer.
    """
    by_length = sorted(train, key=lambda example: len(example.prompt_text) + len(example.completion))
    limit = encoder.max_length - room
    lengths = [
        (len(ids), -place) for place, (ids, cut) in enumerate(encoder.prompt(e, limit) for e in examples) if not cut
    ]
    longest = examples[-max(lengths)[1]] if lengths else None
    for count in range(min(shots, len(train)), 0, -1):
        chosen = limit_examples(by_length[: max(count, len(by_length) // 2)], count, seed)
        turns: list[Message] = []
        for shot in chosen:
            turns += [message for message in shot.prompt if message.role != "system"]
            turns.append(Message("assistant", shot.completion))
        if longest is not None and not encoder.prompt(_prepend(longest, turns), limit)[1]:
            return Shown([_prepend(example, turns) for example in examples], count)
    return Shown(list(examples), 0)


def fewer_shown(shown: int, wanted: int, rows: int) -> str:
    """Why fewer examples than wanted are shown, in words."""
    why = f"there are only {rows} train rows" if shown == rows else "no more fit in full before the longest item"
    return f"{shown} of {wanted} examples precede each item: {why}"


def _prepend(example: Example, turns: Sequence[Message]) -> Example:
    system = [message for message in example.prompt if message.role == "system"]
    rest = [message for message in example.prompt if message.role != "system"]
    return dataclasses.replace(example, prompt=(*system, *turns, *rest))
