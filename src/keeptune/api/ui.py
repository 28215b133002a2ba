"""`keeptune.open_ui`: the runs of a folder in a browser."""

from __future__ import annotations

from keeptune.config.schema import ModelConfig
from keeptune.events import Observer, silent
from keeptune.near_paths import expanded
from keeptune.serving.settings import ServeSettings
from keeptune.ui.server import DEFAULTS, start_ui
from keeptune.ui.server import Ui as Ui


def open_ui(
    folder: str = "runs",
    settings: ServeSettings = DEFAULTS,
    model: ModelConfig | None = None,
    observer: Observer = silent,
) -> Ui:
    """Listen with pages over the runs of a folder; ``run()`` shows them.

    Args:
        model: device and dtype of the models that a chat loads; its name is not used.

    Raises:
        StoreError: there is no such folder. MissingDependency: the packages of the extra `serve` are not installed.
        ConfigError: a setting, or a port that is taken.
    """
    return start_ui(expanded(folder), model or ModelConfig(), settings, observer)
