"""An application that listens: opened, run and stopped."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from keeptune.commands import install
from keeptune.errors import ConfigError, MissingDependency
from keeptune.serving.settings import MOST_WAITING, ServeSettings

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PACKAGES = ("starlette", "uvicorn", "regex")
MOST_CONNECTIONS = MOST_WAITING + 256
"""Beyond those that wait or are answered, some whose bodies come, or that ask nothing yet."""
LAST_SECONDS = 10
"""For answers that are being made when the server is told to stop."""


class Listener:
    """Listens since its socket was opened; answers while it runs."""

    def __init__(self, app: ASGIApp, listening: socket.socket) -> None:
        import uvicorn

        self._socket = listening
        self.url = f"http://{_shown(listening)}:{listening.getsockname()[1]}"
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                proxy_headers=False,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=LAST_SECONDS,
            )
        )

    def run(self) -> None:
        """Answer until a signal, or `stop`, ends it; from a cell of a notebook, too.

        Raises:
            ConfigError: it has ended.
        """
        if self._socket.fileno() < 0:
            raise ConfigError(f"nothing listens on {self.url} any more", "open it anew")
        try:
            if not _in_a_loop():
                self._uvicorn.run(sockets=[self._socket])
                return
            with ThreadPoolExecutor(1, "keeptune-listener") as beside:
                answering = beside.submit(self._uvicorn.run, sockets=[self._socket])
                try:
                    answering.result()
                finally:
                    self.stop()
        finally:
            self.close()

    def close(self) -> None:
        """Give the port back, where nothing runs."""
        self._socket.close()

    def stop(self) -> None:
        """End `run`, from any thread."""
        self._uvicorn.should_exit = True


def guarded(app: ASGIApp, listening: socket.socket, settings: ServeSettings) -> ASGIApp:
    """`app` for those alone that may ask it."""
    from keeptune.serving.guard import Guard

    names = {"localhost", "127.0.0.1", "[::1]", _shown(listening), settings.host.lower()}
    return Guard(app, names if settings.api_key is None else set(), settings.api_key)


def require_packages(what: str = "serving") -> None:
    """Raise MissingDependency where a package of the extra `serve` is not installed."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependency(f"{what} needs the packages {', '.join(missing)}", install("serve"))


def listen(settings: ServeSettings) -> socket.socket:
    """The open socket.

    Raises:
        ConfigError: the port is taken, or not this user's.
    """
    family, address = settings.address()
    try:
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {settings.host}, port {settings.port}: {error.strerror or error}",
            "name another --port, or --port 0 for any that is free",
        ) from None


def _in_a_loop() -> bool:
    """Whether a loop of asyncio runs in this thread, as in a notebook, beside which no second one may."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _shown(listening: socket.socket) -> str:
    host = str(listening.getsockname()[0])
    return f"[{host}]" if ":" in host else host
