"""Find how many tokens a pass can hold on this machine, by two passes before the first step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keeptune.data.batching import split_by_budget
from keeptune.events import Notice, Observer
from keeptune.models.memory import Meter, out_of_memory
from keeptune.records import EncodedRow

SPARE = 0.1
"""Share of the free memory that stays unused."""


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes that a training holds beside a pass."""

    gradient: int
    """Of the trained weights; a pass leaves it."""
    moments: int
    """Of the optimizer."""


RunPass = Callable[[Sequence[EncodedRow]], None]
"""A forward and a backward pass over some rows."""
MANY_MORE = 1.25
GAPS = 0.1
"""Share that the passes together add to what the largest takes, on a CPU: the C library keeps what a pass frees in
pieces, and a pass of other lengths takes new memory beside those that do not hold it."""


@dataclass(frozen=True, slots=True)
class MemoryFit:
    """Result of the passes before the first step."""

    token_budget: int
    peak_bytes: int
    """Bytes of the largest pass, without the optimizer's moments; 0 if unknown."""

    def forecast(self, device: str) -> int:
        """Maximum bytes of the training on a device of this type."""
        return self.peak_bytes if device == "cuda" else round((1 + GAPS) * self.peak_bytes)


def fit_memory(
    batches: Sequence[Sequence[EncodedRow]],
    token_budget: int,
    held: Held,
    meter: Meter,
    run_pass: RunPass,
    observer: Observer,
) -> MemoryFit:
    """The largest budget, up to `token_budget`, whose largest pass fits beside the optimizer's moments.

    A small pass tells what a token takes; the largest is run only where by that it fits, since a CPU's memory, once
    used up, ends the process without a word.

    Args:
        batches: the rows of each step.
        held: what the training holds beside a pass.
    """
    shortest = min((row for batch in batches for row in batch), key=lambda row: row.length)
    largest = _largest_pass(batches, token_budget)
    meter.release()
    if meter.device.type == "cpu" and _tokens(largest) > shortest.length:

        def rise(rows: Sequence[EncodedRow]) -> int:
            meter.release()
            before = meter.used()
            run_pass(rows)
            return meter.peak() - before - held.gradient

        free, first = meter.free(), rise([shortest])
        # If the memory did not grow, the need is unknown.
        if free is not None and first > 0:
            room = max((1 - SPARE) * free - held.gradient - held.moments, 0)
            # What a pass takes beside its tokens makes this too few.
            fits = round(room * shortest.length / first)
            small = _up_to(fits, largest)
            more = _tokens(small) - shortest.length
            by_token = (rise(small) - first) / more if more > 0 else 0.0
            if by_token > 0:
                fits = shortest.length + round(max(room - first, 0) / by_token)
            if fits < _tokens(largest):
                token_budget = _lowered(token_budget, max(fits, shortest.length), batches, observer)
    while True:
        largest = _largest_pass(batches, token_budget)
        most_learned = _largest_pass(batches, token_budget, _learned)
        try:
            run_pass(largest)
            # A learned token has logits beside the rest: a pass with many more of them may be the one that takes most.
            if _learned(most_learned) > MANY_MORE * _learned(largest):
                largest = most_learned
                run_pass(largest)
        except RuntimeError as error:
            if not out_of_memory(error) or len(largest) == 1:
                raise
            token_budget = _lowered(token_budget, _tokens(largest) // 2, batches, observer)
        else:
            peak, free = meter.peak(), meter.free()
            if meter.device.type == "cuda" and free is not None and free < held.moments:
                observer(
                    Notice("memory", "the optimizer's moments may not fit: use --method lora or --optimizer adamw_8bit")
                )
            return MemoryFit(token_budget, peak + held.moments if peak else 0)


def _lowered(old: int, new: int, batches: Sequence[Sequence[EncodedRow]], observer: Observer) -> int:
    longest = max(row.length for batch in batches for row in batch)
    observer(Notice("memory", f"memory holds {new:,} tokens per pass, not {old:,}: steps are divided into more passes"))
    if new < longest:
        observer(
            Notice("memory", f"the longest row has {longest:,} tokens and may not fit: lower --max-length, or use lora")
        )
    return new


def _up_to(tokens: int, largest: Sequence[EncodedRow]) -> list[EncodedRow]:
    """A quarter of a pass, its shortest rows, with at most so many tokens; none where one row has more."""
    rows = sorted(largest, key=lambda row: row.length)[: max(1, len(largest) // 4)]
    while rows and _tokens(rows) > tokens:
        rows.pop()
    return rows


def _tokens(rows: Sequence[EncodedRow]) -> int:
    """With padding."""
    return len(rows) * max((row.length for row in rows), default=0)


def _learned(rows: Sequence[EncodedRow]) -> int:
    return sum(row.learned for row in rows)


def _largest_pass(
    batches: Sequence[Sequence[EncodedRow]],
    token_budget: int,
    size: Callable[[Sequence[EncodedRow]], int] = _tokens,
) -> list[EncodedRow]:
    passes = (
        [batch[index] for index in part]
        for batch in batches
        for part in split_by_budget(range(len(batch)), [row.length for row in batch], token_budget)
    )
    return max(passes, key=size)
