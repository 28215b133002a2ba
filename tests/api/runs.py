"""A small run that several tests look at: rows, settings, and what was told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from keeptune.api.tune import tune
from keeptune.config import (
    Adapter,
    DataConfig,
    EvaluationConfig,
    MeasureConfig,
    MitigationConfig,
    ModelConfig,
    TrainingConfig,
    TuneConfig,
)
from keeptune.events import Event
from keeptune.records import TuneResult

COLOURS = ("red", "green", "blue", "yellow", "black", "white")
THINGS = ("house", "river", "stone", "garden", "window", "letter", "bridge", "candle")
OTHER_THINGS = ("table", "chair", "lamp", "spoon", "door", "coat")
CPU: dict[str, Any] = {"device": "cpu", "dtype": "float32"}


def write_rows(folder: Path) -> tuple[Path, Path]:
    """(train, test): colours and things, no row in both; beside them ``kept.jsonl``, of other things."""
    rows, kept = (
        [
            {"id": f"{colour}-{thing}", "prompt": f"{colour} {thing}", "completion": f"the {thing} is {colour}"}
            for colour in COLOURS
            for thing in things
        ]
        for things in (THINGS, OTHER_THINGS)
    )
    test = [row for n, row in enumerate(rows) if n % 4 == 0]
    train = [row for n, row in enumerate(rows) if n % 4 != 0]
    for name, each in (("train", train), ("test", test), ("kept", kept)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in each))
    return folder / "train.jsonl", folder / "test.jsonl"


def with_base(folder: Path, model: Path) -> Path:
    """`folder` with the rows of `write_rows`, and `model` as ``base``, for a command line that runs there."""
    write_rows(folder)
    (folder / "base").symlink_to(model)
    return folder


def settings(model: Path, folder: Path, output: str, **training: Any) -> TuneConfig:
    """A run of a few seconds on the rows in `folder`."""
    return TuneConfig(
        model=ModelConfig(name=str(model), **CPU),
        data=DataConfig(train=str(folder / "train.jsonl"), test=str(folder / "test.jsonl")),
        method=Adapter(rank=4, dropout=0.0),
        training=TrainingConfig(**({"lr": 0.03, "epochs": 3.0, "batch_size": 4, "torch_compile": False} | training)),
        evaluation=EvaluationConfig(max_new_tokens=8, metrics=("rouge1", "token_loss")),
        measure=MeasureConfig(extent="none"),
        mitigation=MitigationConfig(plain=True),
        output=str(folder / output),
    )


@dataclass
class Told:
    """An observer that keeps what it hears, and stops the run where asked."""

    events: list[Event] = field(default_factory=list)
    stop_at: Any = None

    def __call__(self, event: Event, /) -> None:
        self.events.append(event)
        if self.stop_at is not None and self.stop_at(event):
            raise InterruptedError("stopped by the test")

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


@dataclass(frozen=True)
class Ran:
    """A finished run."""

    folder: Path
    model: Path
    config: TuneConfig
    result: TuneResult
    told: Told

    @property
    def path(self) -> Path:
        return Path(self.result.path)


def ran(model: Path, folder: Path) -> Ran:
    """Write rows, tune, and keep everything."""
    write_rows(folder)
    config, told = settings(model, folder, "run"), Told()
    return Ran(folder, model, config, tune(config, told), told)
