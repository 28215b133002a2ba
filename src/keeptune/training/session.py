"""A Session: the settings, folder, data, metrics and observer of one run, made once and passed as one value."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from keeptune.config.schema import ModelConfig, TuneConfig
from keeptune.data.encode import Encoder
from keeptune.data.task_metrics import Metrics
from keeptune.data.task_rows import Rows
from keeptune.events import Observer
from keeptune.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Session:
    """The context of one run. `new_session` makes it; methods and `dataclasses.replace` derive others from it."""

    config: TuneConfig
    workspace: Workspace
    """The run folder."""
    rows: Rows
    encoder: Encoder
    metrics: Metrics
    observer: Observer
    notices: list[str] = field(default_factory=list)
    """Messages of all notices so far; the observer adds to them."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Part of the run → wall-clock seconds; each part adds its own."""

    def with_config(self, config: TuneConfig) -> Session:
        """The same run with other settings."""
        return replace(self, config=config)

    def with_model(self, model: ModelConfig) -> Session:
        """The same run from another base."""
        return self.with_config(replace(self.config, model=model))

    def for_candidate(self, config: TuneConfig, workspace: Workspace) -> Session:
        """A training within this run: other settings, a folder of its own, and its own seconds."""
        return replace(self, config=config, workspace=workspace, seconds={})

    @property
    def tuned_model(self) -> ModelConfig:
        """The weights that the run made."""
        return replace(self.config.model, name=str(self.workspace.weights), revision=None)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Record the seconds of the block under `part`, unless it raises."""
        began = time.monotonic()
        yield
        self.seconds[part] = time.monotonic() - began
