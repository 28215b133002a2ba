"""Rows through a model part by part, and by smaller parts once memory has run out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from keeptune.data.batching import split_by_budget
from keeptune.events import Notice, Observer
from keeptune.models.memory import out_of_memory

T = TypeVar("T")
Split = Callable[[Sequence[int], Sequence[int], int], list[list[int]]]
"""Some indices, the lengths by index, a budget → parts of them."""


def in_batches(
    run: Callable[[list[int]], T],
    lengths: Sequence[int],
    token_budget: int,
    observer: Observer,
    split: Split = split_by_budget,
) -> Iterator[tuple[list[int], T]]:
    """Each part of `range(len(lengths))` with `run(part)`.

    Where memory ends, that part and all after it are cut by half of what the part held, and it is told.

    Raises:
        RuntimeError: what `run` raised, be it for lack of memory with a single row.
    """
    waiting = deque(split(range(len(lengths)), lengths, token_budget))
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
        held = len(part) * max(lengths[index] for index in part)
        token_budget = held // 2
        _smaller(held, token_budget, observer)
        waiting = deque(split([index for each in (part, *waiting) for index in each], lengths, token_budget))


def in_flow(
    run: Callable[[list[int], int], Iterator[tuple[int, T]]],
    lengths: Sequence[int],
    token_budget: int,
    observer: Observer,
    times: float = 1,
) -> Iterator[tuple[int, T]]:
    """Each of `range(len(lengths))` with what `run` makes of it, which is given those to do and the tokens it may hold.

    Where memory ends, those that are not done are run again with half of what was held, and it is told.

    Args:
        times: tokens that may be held for each token of the budget.

    Raises:
        RuntimeError: what `run` raised, be it for lack of memory with a single row.
    """
    waiting = list(range(len(lengths)))
    while waiting:
        longest = max(lengths[index] for index in waiting)
        held = min(int(times * token_budget) // longest or 1, len(waiting)) * longest
        done = set()
        try:
            for at, found in run(waiting, held):
                done.add(at)
                yield waiting[at], found
            return
        except RuntimeError as error:
            if held == longest or not out_of_memory(error):
                raise
        waiting = [index for at, index in enumerate(waiting) if at not in done]
        token_budget = int(held / times) // 2
        _smaller(held, token_budget, observer)


def _smaller(held: int, token_budget: int, observer: Observer) -> None:
    # The error is gone, and with it what its frames held.
    torch.cuda.empty_cache()
    message = f"{held:,} tokens at a time do not fit into memory: continuing with smaller batches"
    observer(Notice("memory", f"{message}; evaluation.token_budget={token_budget} starts with these"))
