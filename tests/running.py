"""A server in a thread, for as long as a block runs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol


class Runs(Protocol):
    def run(self) -> None: ...

    def stop(self) -> None: ...


@contextlib.contextmanager
def running(server: Runs) -> Iterator[None]:
    """It answers while the block runs, and has to end within a minute."""
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join(60)
        assert not thread.is_alive()
