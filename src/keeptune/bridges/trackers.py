"""Trackers (TensorBoard, Weights & Biases, MLflow, Trackio) as an Observer, through those of `accelerate`.

Which trackers are told is no setting of a run: a run that is resumed or reproduced sends nothing anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from keeptune.bridges.logged_ability import logged_ability
from keeptune.config.schema import TuneConfig
from keeptune.errors import ConfigError, MissingDependency, first_line
from keeptune.events import Event, Notice, Observer, RunFinished, RunStarted, StepDone, TrainingStarted, ValidationDone
from keeptune.near_names import did_you_mean
from keeptune.records import ForgettingReport, Interval, from_plain, to_plain
from keeptune.records.masked import public
from keeptune.workspace.workspace import Workspace

TRACKERS = ("tensorboard", "wandb", "mlflow", "trackio")
"""Each is also the name of its package."""
PROJECT = "keeptune"


@contextmanager
def tracked(names: str | Sequence[str], config: TuneConfig, observer: Observer) -> Iterator[Observer]:
    """An Observer for `tune` in the block: it tells `observer` everything, and the trackers the course and the result.

    They begin with the training, so that a run that is refused sends nothing.

    Args:
        names: of `TRACKERS`, as a list or separated by commas; "" or ``none`` for none of them.
        config: of the run; its settings are sent without secrets and home folders.

    Raises:
        ConfigError: there is no such tracker. MissingDependency: its package is not installed.
    """
    wanted = wanted_trackers(names)
    told = _Trackers(wanted, config, observer)
    try:
        yield told if wanted else observer
    finally:
        told.finish()


def wanted_trackers(names: str | Sequence[str]) -> list[str]:
    """The trackers of `tracked`, each once.

    Raises:
        ConfigError, MissingDependency: as there.
    """
    listed = names.split(",") if isinstance(names, str) else names
    wanted = list(dict.fromkeys(name.strip().casefold() for name in listed))
    if wanted in ([""], ["none"]):
        return []
    for name in wanted:
        if name not in TRACKERS:
            hint = did_you_mean(name, TRACKERS)
            raise ConfigError(f"there is no tracker {name!r}", f"{hint}One of: {', '.join(TRACKERS)}, none")
        if find_spec(name) is None:
            raise MissingDependency(f"the tracker {name} needs a package that is not installed", f"pip install {name}")
    return wanted


@dataclass(slots=True)
class _Trackers:
    names: Sequence[str]
    config: TuneConfig
    observer: Observer
    _run: str = field(default="", init=False)
    _open: dict[str, Any] = field(default_factory=dict, init=False)
    _begun: bool = field(default=False, init=False)
    _before: int = field(default=0, init=False)
    """Steps of the trainings before this one, such as those of a search."""
    _step: int = field(default=0, init=False)

    def __call__(self, event: Event, /) -> None:
        self.observer(event)
        match event:
            case RunStarted() if not self._run:
                # Later ones are of runs inside this one.
                self._run = event.path
            case TrainingStarted():
                self._begin()
                self._before = max(self._step - event.first_step, 0)
            case StepDone():
                self._step = self._before + event.step
                values = {"loss": event.loss, "lr": event.lr, "grad_norm": event.grad_norm, "epoch": event.epoch}
                self._log({f"train/{name}": value for name, value in values.items()})
            case ValidationDone():
                self._log({f"validation/{name}": value for name, value in event.metrics.items()})
            case RunFinished() if event.path == self._run:
                self._begin()
                self._log(_result(event))
            case _:
                pass

    def finish(self) -> None:
        """Let every tracker write what it still holds."""
        for name, tracker in list(self._open.items()):
            with self._left_out_if_it_fails(name):
                tracker.finish()

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        settings = dict(_flat(to_plain(public(self.config))))
        for name in self.names:
            with self._left_out_if_it_fails(name):
                self._open[name] = tracker = _started(name, Path(self._run))
                tracker.store_init_configuration(settings)

    def _log(self, values: Mapping[str, float]) -> None:
        for name, tracker in list(self._open.items()):
            with self._left_out_if_it_fails(name):
                tracker.log(dict(values), step=self._step)

    @contextmanager
    def _left_out_if_it_fails(self, name: str) -> Iterator[None]:
        """The run does not depend on a tracker: one that fails, such as without a network, is told nothing more."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - what trackers raise is written nowhere
            if (tracker := self._open.pop(name, None)) is not None:
                with suppress(Exception):
                    tracker.finish()
            self.observer(Notice("tracker", f"{name} is told nothing from here on: {first_line(error)}"))


def _started(name: str, run: Path) -> Any:
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    # What the trackers write to their log asks for it.
    PartialState()
    kind = LOGGER_TYPE_TO_CLASS[name]
    if kind.requires_logging_directory:
        tracker = kind(name, logging_dir=str(run))
    else:
        tracker = kind(PROJECT, **{"run_name" if name == "mlflow" else "name": run.name})
    # Whichever process of a launcher leads, it tells.
    tracker.main_process_only = False
    tracker.start()
    return tracker


def _flat(plain: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, bool | int | float | str]]:
    for key, value in plain.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        elif key != "type" and value is not None:
            yield f"{above}{key}", value if isinstance(value, (bool, int, float)) else str(value)


def _result(event: RunFinished) -> dict[str, float]:
    """The gain by each metric, and every ability with its change and verdict."""
    values: dict[str, float] = {}
    for comparison in event.comparisons:
        if (comparison.before_name, comparison.after_name) != ("base", "tuned"):
            continue
        name = f"task/{comparison.metric}"
        values |= {f"{name}/before": comparison.before, f"{name}/after": comparison.after}
        if isinstance(comparison.gain, Interval):
            values[f"{name}/gain"] = comparison.gain.estimate
    run = Workspace(Path(event.path))
    if run.has_forgetting:
        for ability in from_plain(ForgettingReport, run.forgetting()).abilities:
            values |= logged_ability(ability)
    return values
