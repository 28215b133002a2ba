"""`keeptune.open_chat`: base and tuned side by side, each with its own side of the conversation."""

from __future__ import annotations

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.events import Observer, shown
from keeptune.inference.chat import Chat as Chat
from keeptune.inference.chat import begin_chat
from keeptune.report.progress import shows_progress


@shows_progress
def open_chat(model: ModelConfig, observer: Observer = shown, data: DataConfig | None = None) -> Chat:
    """Load `model`; where it is an adapter, or the folder of a run, its base beside it.

    Args:
        data: its prompt template and system message, where they are not to be those that the model was trained with.
    """
    return begin_chat(model, data or DataConfig(), observer)
