"""`keeptune.open_server`: base and tuned behind an endpoint for clients of OpenAI's interface."""

from __future__ import annotations

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.events import Observer, shown
from keeptune.report.progress import shows_progress
from keeptune.serving.server import Server as Server
from keeptune.serving.server import start_server
from keeptune.serving.settings import ServeSettings as ServeSettings


@shows_progress
def open_server(
    model: ModelConfig,
    settings: ServeSettings | None = None,
    observer: Observer = shown,
    data: DataConfig | None = None,
    base: str | None = None,
) -> Server:
    """Load `model`, a run, an adapter or full weights, beside its base, and listen; ``run()`` answers.

    Args:
        data: its prompt template and system message, where they are not to be those that the model was trained with,
            and the longest prompt.
        base: the base's name, where the tuned model does not name it itself.

    Raises:
        MissingDependency: the packages of the extra `serve` are not installed. ConfigError: a setting, a port that is
            taken, or a base that is not known.
    """
    return start_server(model, base, data or DataConfig(), settings or ServeSettings(), observer)
