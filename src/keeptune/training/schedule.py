"""The learning rate over a run."""

from __future__ import annotations

import math


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
