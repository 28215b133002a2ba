"""The length of a run, and its learning-rate schedule."""

from __future__ import annotations

import math
from dataclasses import dataclass

from keeptune.training.checkpoint import LoopState


def cosine_with_warmup(progress: float, warmup: float, floor: float = 0.0) -> float:
    """Factor on the peak learning rate: linear from 0 over `warmup`, then half a cosine down to `floor`.

    SGDR without restarts (Loshchilov & Hutter 2017, arXiv:1608.03983).

    Args:
        progress: share of the run that is done, 0 to 1.
        warmup: share of the run spent warming up, 0 to 1.
    """
    if progress < warmup:
        return progress / warmup
    rest = (progress - warmup) / (1 - warmup) if warmup < 1 else 1.0
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * min(rest, 1.0)))


@dataclass(frozen=True, slots=True)
class Timetable:
    """The length of a run: a number of steps, or of minutes if they end it sooner."""

    steps: int
    epoch_steps: int
    validations_per_epoch: int
    max_minutes: float | None

    def validation_steps(self) -> set[int]:
        """Steps after which the model is validated."""
        every = self.epoch_steps / max(self.validations_per_epoch, 1)
        return {round(every * (i + 1)) for i in range(math.ceil(self.steps / every))}

    def progress(self, state: LoopState) -> float:
        """Share of the run that is done by the middle of the next step."""
        share = (state.step + 0.5) / self.steps
        left = 60 * (self.max_minutes or 0.0) - state.ready
        if left > 0:
            share = max(share, (state.seconds - state.ready) / left)
        return min(share, 1.0)

    def out_of_time(self, state: LoopState) -> bool:
        """Whether the minutes are over."""
        return self.max_minutes is not None and state.seconds >= 60 * self.max_minutes

    def within(self, seconds: float, state: LoopState) -> float:
        """`seconds`, or those until the minutes are over."""
        limit = self.max_minutes
        return seconds if limit is None else min(seconds, max(60 * limit - state.seconds, 0.0))
