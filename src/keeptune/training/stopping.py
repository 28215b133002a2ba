"""Stop a training between two steps, from code that does not know its state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from keeptune.errors import Stopped

_under_way = 0
_asked: Stopped | None = None


def ask_to_stop(why: Stopped) -> bool:
    """Request that the running training stops after its step, with a checkpoint. False: none is running, or a stop was
    already requested."""
    global _asked
    if not _under_way or _asked is not None:
        return False
    _asked = why
    return True


def stop_asked() -> Stopped | None:
    """The exception to raise after the current step; None to continue."""
    return _asked


@contextlib.contextmanager
def stops_between_steps() -> Iterator[None]:
    """In the block, a training checks after each step whether a stop was requested.

    Raises:
        Stopped: it was requested after the last check.
    """
    global _under_way, _asked
    _under_way += 1
    try:
        yield
        if _asked is not None:
            raise _asked
    finally:
        _under_way -= 1
        _asked = None
