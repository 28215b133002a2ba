"""Prompts with solved examples before them: the baseline that costs no training."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keeptune.data.split import limit_examples
from keeptune.records import Example, Message


def with_shots(examples: Sequence[Example], train: Sequence[Example], shots: int, seed: int) -> list[Example]:
    """`examples` with the same `shots` rows of `train` before each, as earlier turns.

    The shots are a seeded choice among the shorter half of train, so that they fit beside the item.
    """
    by_length = sorted(train, key=lambda example: len(example.prompt_text) + len(example.completion))
    chosen = limit_examples(by_length[: max(shots, len(by_length) // 2)], shots, seed)
    turns: list[Message] = []
    for shot in chosen:
        turns += [message for message in shot.prompt if message.role != "system"]
        turns.append(Message("assistant", shot.completion))
    return [_prepend(example, turns) for example in examples]


def _prepend(example: Example, turns: Sequence[Message]) -> Example:
    system = [message for message in example.prompt if message.role == "system"]
    rest = [message for message in example.prompt if message.role != "system"]
    return dataclasses.replace(example, prompt=(*system, *turns, *rest))
