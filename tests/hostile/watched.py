"""A command line that is watched: what it runs, where it connects to, how long and in how much memory it works."""

from __future__ import annotations

import contextlib
import io
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import keeptune
from keeptune.cli.main import main
from keeptune.errors import KeeptuneError

SECONDS = 30
MEMORY = 4 << 30
"""Address space above what the process has already; torch alone maps some of it when it starts its threads."""
CODE = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn", "subprocess.Popen", "pickle.find_class")
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.bind")
PACKAGE = Path(keeptune.__file__).resolve().parent

_noticed: list[str] = []
_watching = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command line did."""

    code: int
    out: str
    err: str
    error: type[BaseException] | None
    """The kind of error that it ended with."""
    noticed: tuple[str, ...]
    """Code that it ran and connections that it opened."""

    @property
    def message(self) -> str:
        """The error in one line; "" without one."""
        place = max(self.err.rfind("error: "), self.err.rfind("Error: "))
        return " ".join(self.err[place:].split(": ", 1)[1].split()) if place >= 0 else ""


def watched(words: Sequence[str], folder: Path) -> Outcome:
    """Give `words` to the command line in `folder`; a TimeoutError or MemoryError where it goes beyond its bounds."""
    out, err = io.StringIO(), io.StringIO()
    errors: list[KeeptuneError] = []
    with pytest.MonkeyPatch.context() as patch, _bounded(), _noticing() as noticed:
        patch.chdir(folder)
        say = sys.modules["keeptune.cli.main"]._say_error  # type: ignore[attr-defined]
        patch.setattr("keeptune.cli.main._say_error", lambda error: (errors.append(error), say(error)))
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(words))
    error = type(errors[-1]) if errors else None
    return Outcome(code, out.getvalue(), err.getvalue(), error, tuple(noticed))


@contextlib.contextmanager
def _noticing() -> Iterator[list[str]]:
    global _watching
    _noticed.clear()
    _watching = True
    try:
        yield _noticed
    finally:
        _watching = False


def _notice(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching and event in (*CODE, *NETWORK) and not _is_own(event, arguments):
        _noticed.append(f"{event} {arguments!r}"[:200])


def _is_own(event: str, arguments: tuple[Any, ...]) -> bool:
    """Processes that keeptune starts itself: one in which an adapter's expressions are tried, and git, asked for the
    version of keeptune's own folder."""
    if event != "subprocess.Popen":
        return False
    words, folder = list(arguments[1]), Path(arguments[2] or ".").resolve()
    return words[:4] == [sys.executable, "-I", "-S", "-c"] or (words[0] == "git" and PACKAGE in folder.parents)


sys.addaudithook(_notice)


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"more than {SECONDS} seconds")

    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    handler = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
