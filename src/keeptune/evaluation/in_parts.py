"""Rows through a model part by part, and by smaller parts once memory has run out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from keeptune.events import Notice, Observer
from keeptune.models.memory import out_of_memory
from keeptune.numerics.batching import split_by_budget

T = TypeVar("T")
Split = Callable[[Sequence[int], Sequence[int], int], list[list[int]]]
"""Some indices, the lengths by index, a budget → parts of them."""


def in_parts(
    run: Callable[[list[int]], T],
    lengths: Sequence[int],
    token_budget: int,
    observer: Observer,
    split: Split = split_by_budget,
    times: float = 1,
) -> Iterator[tuple[list[int], T]]:
    """Each part of `range(len(lengths))` with `run(part)`.

    Where memory ends, that part and all after it are cut by half of what the part held, and it is told.

    Args:
        times: tokens that a part may hold for each token of the budget.

    Raises:
        RuntimeError: what `run` raised, be it for lack of memory with a single row.
    """
    waiting = deque(split(range(len(lengths)), lengths, int(times * token_budget)))
    while waiting:
        part = waiting.popleft()
        try:
            found = run(part)
        except RuntimeError as error:
            if len(part) == 1 or not out_of_memory(error):
                raise
        else:
            yield part, found
            continue
        # The error is gone, and with it what its frames held.
        torch.cuda.empty_cache()
        held = len(part) * max(lengths[index] for index in part)
        token_budget = int(held / times) // 2
        message = f"memory does not hold {held:,} tokens at a time: asked in smaller parts"
        observer(Notice("memory", f"{message}; evaluation.token_budget={token_budget} begins with such"))
        waiting = deque(
            split([index for each in (part, *waiting) for index in each], lengths, int(times * token_budget))
        )
