"""Stopping between two steps: who asks for it need not know where the training stands."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from keeptune.errors import Stopped

_under_way = 0
_asked: Stopped | None = None


def ask_to_stop(why: Stopped) -> bool:
    """Ask the training under way to stop after its step, with a checkpoint. → False: none is under way, or it has been
    asked before."""
    global _asked
    if not _under_way or _asked is not None:
        return False
    _asked = why
    return True


def stop_asked() -> Stopped | None:
    """The exception to raise after the current step; None to go on."""
    return _asked


@contextlib.contextmanager
def stops_between_steps() -> Iterator[None]:
    """In the block, a training looks after each step whether it was asked to stop."""
    global _under_way, _asked
    _under_way += 1
    try:
        yield
    finally:
        _under_way -= 1
        _asked = None
