"""The pages on a socket: opened, run and stopped."""

from __future__ import annotations

from pathlib import Path

from keeptune.config.schema import ModelConfig
from keeptune.events import Observer
from keeptune.records.shown import Shown
from keeptune.serving.listener import Listener, guarded, listen, require_packages
from keeptune.serving.settings import ServeSettings
from keeptune.ui.folder import RunsFolder
from keeptune.ui.open_chat import OpenChat

DEFAULTS = ServeSettings(port=8080)


class Ui(Shown):
    """Listens since it was opened; shows its pages while it runs."""

    def __init__(self, listener: Listener, chat: OpenChat) -> None:
        self._listener = listener
        self._chat = chat
        self.url = f"{listener.url}/"
        """What a browser opens."""

    def run(self) -> None:
        """Show pages until a signal, or `stop`, ends it; then the port is let go."""
        try:
            self._listener.run()
        finally:
            self.close()

    def stop(self) -> None:
        """End `run`, from any thread."""
        self._listener.stop()

    def close(self) -> None:
        """Let the port of pages go that are not shown."""
        self._listener.close()
        self._chat.close()

    def _line(self) -> str:
        return self.url


def start_ui(folder: Path, model: ModelConfig, settings: ServeSettings, observer: Observer) -> Ui:
    """Listen; a model loads when a chat is opened.

    Args:
        model: device and dtype of the models that are asked.

    Raises:
        MissingDependency: a package of the extra `serve` is not installed. ConfigError: the settings, or a port that
            is taken. StoreError: there is no such folder.
    """
    require_packages("keeptune ui")
    settings.check()
    found = RunsFolder(folder)
    found.check()
    from keeptune.ui.app import make_app
    from keeptune.ui.browser_key import BrowserKey

    listening = listen(settings)
    try:
        chat = OpenChat(model, observer)
        app = guarded(make_app(found, chat), listening, settings)
        if settings.api_key is not None:
            app = BrowserKey(app, settings.api_key, listening.getsockname()[1])
        return Ui(Listener(app, listening), chat)
    except BaseException:
        listening.close()
        raise
