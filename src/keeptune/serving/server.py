"""The endpoint with its models: opened, run and stopped."""

from __future__ import annotations

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.events import Notice, Observer
from keeptune.records.shown import Shown
from keeptune.serving.listener import Listener, guarded, listen, require_packages
from keeptune.serving.rule import Rule
from keeptune.serving.service import ROUTED, Service
from keeptune.serving.settings import ServeSettings
from keeptune.serving.sides import load_sides
from keeptune.serving.worker import Worker


class Server(Shown):
    """Listens since it was opened; answers while it runs."""

    def __init__(self, service: Service, listener: Listener) -> None:
        self._service = service
        self._listener = listener
        self.url = f"{listener.url}/v1"
        """What clients take as the base URL."""

    @property
    def names(self) -> tuple[str, ...]:
        """The models that can be asked: ``base``, ``tuned`` and perhaps ``route``."""
        return self._service.names

    def run(self) -> None:
        """Answer until a signal, or `stop`, ends it; then the models and the port are let go."""
        try:
            self._listener.run()
        finally:
            self.close()

    def stop(self) -> None:
        """End `run`, from any thread."""
        self._listener.stop()

    def close(self) -> None:
        """Let the models and the port of a server go that is not run."""
        self._listener.close()
        self._service.close()

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
    require_packages()
    settings.check()
    listening = listen(settings)
    try:
        from keeptune.serving.app import make_app

        sides = load_sides(model, base, data, observer, folded=settings.folded)
        rule = Rule(sides["tuned"].format, settings.rule())
        told = f"{ROUTED}: {rule} go to tuned, all others to base"
        if not rule.tells:
            told = f"there is no {ROUTED}, as the task's requests have no form of their own; --route-if gives one"
        observer(Notice("route", told))
        service = Service(sides, rule, Worker(sides))
        return Server(service, Listener(guarded(make_app(service), listening, settings), listening))
    except BaseException:
        listening.close()
        raise
