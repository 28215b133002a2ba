"""An endpoint that listens: opened, run and stopped."""

from __future__ import annotations

import importlib.util
import socket

from keeptune.commands import install
from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.errors import ConfigError, MissingDependency
from keeptune.events import Notice, Observer
from keeptune.records.shown import Shown
from keeptune.serving.rule import Rule
from keeptune.serving.service import ROUTED, Service
from keeptune.serving.settings import ServeSettings
from keeptune.serving.sides import load_sides
from keeptune.serving.worker import MOST_WAITING, Worker

PACKAGES = ("starlette", "uvicorn", "regex")
MOST_CONNECTIONS = MOST_WAITING + 256
"""Beyond those that wait or are answered, some whose bodies come, or that ask nothing yet."""
LAST_SECONDS = 10
"""For answers that are being made when the server is told to stop."""


class Server(Shown):
    """Listens since it was opened; answers while it runs."""

    def __init__(self, service: Service, listening: socket.socket, settings: ServeSettings) -> None:
        import uvicorn

        from keeptune.serving.app import make_app
        from keeptune.serving.guard import Guard

        self._service = service
        self._socket = listening
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{port}/v1"
        """What clients take as the base URL."""
        hosts = {"localhost", "127.0.0.1", "[::1]", shown, settings.host.lower()} if settings.api_key is None else set()
        app = Guard(make_app(service), hosts, settings.api_key)
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

    @property
    def names(self) -> tuple[str, ...]:
        """The models that can be asked: ``base``, ``tuned`` and perhaps ``route``."""
        return self._service.names

    def run(self) -> None:
        """Answer until a signal, or `stop`, ends it."""
        try:
            self._uvicorn.run(sockets=[self._socket])
        finally:
            self._service.close()
            self._socket.close()

    def stop(self) -> None:
        """End `run`, from any thread."""
        self._uvicorn.should_exit = True

    def _line(self) -> str:
        return f"{', '.join(self.names)} on {self.url}"


def start_server(
    model: ModelConfig, base: str | None, data: DataConfig, settings: ServeSettings, observer: Observer
) -> Server:
    """Load, and listen.

    Raises:
        MissingDependency: a package of the extra `serve` is not installed. ConfigError: the settings, or a port that
            is taken.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependency(f"serving needs the packages {', '.join(missing)}", install("serve"))
    settings.check()
    listening = _listening(settings)
    try:
        sides = load_sides(model, base, data, observer, folded=settings.folded)
        rule = Rule(sides["tuned"].format, settings.rule())
        told = f"{ROUTED}: {rule} go to tuned, all others to base"
        if not rule.tells:
            told = f"there is no {ROUTED}, as the task's requests have no form of their own; --route-if gives one"
        observer(Notice("route", told))
        return Server(Service(sides, rule, Worker(sides)), listening, settings)
    except BaseException:
        listening.close()
        raise


def _listening(settings: ServeSettings) -> socket.socket:
    family, address = settings.address()
    try:
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {settings.host}, port {settings.port}: {error.strerror or error}",
            "name another --port, or --port 0 for any that is free",
        ) from None
