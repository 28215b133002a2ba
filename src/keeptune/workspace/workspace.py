"""A Workspace: one run folder. Only this class writes and reads its files and knows their names."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from keeptune.config.paths import with_absolute_paths
from keeptune.config.schema import TuneConfig
from keeptune.errors import StoreError
from keeptune.records import (
    AlphaChoice,
    EvalRecord,
    EvalResult,
    ForgettingReport,
    HyperparameterSearchReport,
    TrainingSummary,
    TuneResult,
    from_plain,
    to_plain,
)
from keeptune.workspace import layout
from keeptune.workspace.atomic import remove_partials, write_json, write_text
from keeptune.workspace.json_file import read_json_object
from keeptune.workspace.path_part import path_part
from keeptune.workspace.read_back import NEW_RUN, current_path, read_eval_records, read_object, read_record
from keeptune.workspace.written import write_record, write_records, write_settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The run folder at `path`. A file that is missing or damaged raises a StoreError when it is read."""

    path: Path

    def __str__(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def is_empty(self) -> bool:
        """Whether the folder does not exist, or holds nothing but a lock."""
        return not self.path.is_dir() or all(entry.name == layout.LOCK for entry in self.path.iterdir())

    @property
    def is_finished(self) -> bool:
        """Whether the run is finished."""
        return self.has_result or (self.has_forgetting and not self.has_origin)

    # --- settings

    @property
    def settings_file(self) -> Path:
        """Path of the settings, for a command line."""
        return self.path / layout.CONFIG

    @property
    def has_settings(self) -> bool:
        """Whether a run was begun here."""
        return self.settings_file.exists()

    def settings(self, fix: str = NEW_RUN) -> dict[str, Any]:
        """The settings of any verb as plain values; `fix` is the way out if they cannot be read."""
        return read_object(self.settings_file, fix)

    def tune_settings(self, fix: str = NEW_RUN) -> TuneConfig:
        """The settings of a `tune`."""
        try:
            return from_plain(TuneConfig, self.settings(fix))
        except (ValueError, KeyError, TypeError) as error:
            fix = "name the folder of a run of tune"
            raise StoreError(f"the settings of {self} are not those of a training: {error}", fix) from error

    def write_settings(self, settings: Any) -> None:
        """Write the settings of any verb, replacing existing ones."""
        write_settings(self.settings_file, settings)

    def write_tune_settings(self, config: TuneConfig) -> None:
        """Write the settings of a `tune`, so that it can be resumed from any folder."""
        self.write_settings(with_absolute_paths(replace(config, output=str(self), resume=False)))

    def begin(self, config: TuneConfig) -> None:
        """Write the settings of a `tune`, unless an earlier start has."""
        if not self.has_settings:
            self.write_tune_settings(config)

    # --- what the run is made of

    @property
    def origin_file(self) -> Path:
        """Path of the origin, for messages."""
        return self.path / layout.ROWS

    @property
    def has_origin(self) -> bool:
        """Whether the run has recorded its origin."""
        return self.origin_file.exists()

    def origin(self) -> dict[str, Any]:
        """The origin of the run: hashes of its rows, model and settings, and the settings that were not given."""
        return read_json_object(self.origin_file, NEW_RUN)

    def write_origin(self, origin: Mapping[str, Any]) -> None:
        """Write the origin of the run."""
        write_json(self.origin_file, origin)

    def started_from(self) -> dict[str, Any]:
        """The models from which the run started, with their hashes; empty if none is recorded."""
        file = self.path / layout.STARTED
        return read_json_object(file, NEW_RUN) if file.exists() else {}

    def write_started_from(self, models: Mapping[str, Any]) -> None:
        """Write the models from which the run started."""
        write_settings(self.path / layout.STARTED, models)

    # --- a reproduction

    @property
    def reproduces(self) -> str:
        """Path of the run that this one repeats; "" if it repeats none."""
        file = self.path / layout.REPRODUCES
        return str(read_json_object(file, NEW_RUN).get("run", "")) if file.exists() else ""

    @property
    def own_cache(self) -> Path:
        """Folder for what a reproduction computes, until it ends."""
        return self.path / layout.OWN_CACHE

    @property
    def start_model(self) -> Path:
        """Folder for the merged start model."""
        return self.path / layout.START

    def notices(self) -> list[str]:
        """The messages of the starts before; none of them where their file is damaged."""
        file = self.path / layout.NOTICES
        with suppress(StoreError, ValueError):
            return from_plain(list[str], read_json_object(file, NEW_RUN).get("notices")) if file.exists() else []
        return []

    def write_notices(self, messages: Sequence[str]) -> bool:
        """Keep the messages for a start after this one, if the run has its settings. Returns whether it has."""
        if self.has_settings:
            write_json(self.path / layout.NOTICES, {"notices": list(messages)})
        return self.has_settings

    # --- training and weights

    @property
    def course_file(self) -> Path:
        """File of the course of the training (`workspace/course.py`)."""
        return self.path / layout.COURSE

    def looks(self) -> dict[str, Any]:
        """The looks at a training of another program."""
        return read_json_object(self.path / layout.LOOKS, NEW_RUN)

    def write_looks(self, looks: Mapping[str, Any]) -> None:
        """Write the looks, replacing those before."""
        write_json(self.path / layout.LOOKS, looks)

    @property
    def has_training(self) -> bool:
        """Whether a training or a mitigation search has ended here."""
        return any(self._found(name).exists() for name in (layout.TRAINING, layout.MITIGATION_SEARCH))

    @property
    def is_trained(self) -> bool:
        """Whether a training has ended here, and its weights are here."""
        return (self.path / layout.TRAINING).exists() and self.weights is not None

    def training(self) -> TrainingSummary:
        """The summary of the training."""
        return self._record(TrainingSummary, layout.TRAINING)

    def write_training(self, summary: TrainingSummary) -> None:
        """Write the summary of the training, after the weights are saved."""
        write_json(self.path / layout.TRAINING, to_plain(summary))

    @property
    def weights(self) -> Path | None:
        """Folder of the tuned weights; None if there are none yet."""
        return next((folder for folder in self.weight_folders if folder.is_dir()), None)

    @property
    def adapter(self) -> Path:
        """Folder for tuned weights that are an adapter, in PEFT's layout."""
        return self.path / layout.ADAPTER

    @property
    def model(self) -> Path:
        """Folder for tuned weights that are a whole model, in transformers' layout."""
        return self.path / layout.MODEL

    @property
    def weight_folders(self) -> tuple[Path, Path]:
        """Folders that may have tuned weights."""
        return self.adapter, self.model

    def write_task_format(self, plain: Mapping[str, Any]) -> None:
        """Write next to the weights how rows become prompts."""
        if self.weights is not None:
            write_json(self.weights / layout.TASK_FORMAT, plain)

    def beside_weights(self) -> list[Path]:
        """What goes with the weights wherever they go: the model card, and how rows become prompts."""
        files = [self.weights / name for name in ("README.md", layout.TASK_FORMAT)] if self.weights else []
        return [file for file in files if file.is_file()]

    def best(self, step: int) -> Path:
        """Folder for the weights after `step` if they are the best so far, while the run trains."""
        return self.path / layout.BEST / str(step)

    def bests(self) -> list[tuple[int, Path]]:
        """(step, folder) of the best weights that are kept, oldest first."""
        found = (self.path / layout.BEST).glob("*")
        return sorted((int(path.name), path) for path in found if layout.STEP.fullmatch(path.name))

    def checkpoint(self, step: int) -> Path:
        """Folder for the checkpoint after `step`."""
        return self.path / f"{layout.CHECKPOINT_START}{step}"

    def checkpoints(self) -> list[tuple[int, Path]]:
        """(step, folder) of the checkpoints there are, oldest first."""
        found = self.path.glob(f"{layout.CHECKPOINT_START}*")
        return sorted((int(match[1]), path) for path in found if (match := layout.CHECKPOINT.fullmatch(path.name)))

    @property
    def whole(self) -> Workspace:
        """The run inside this one with the weights at α = 1, if this run has another α."""
        return Workspace(self.path / layout.WHOLE)

    def beside(self) -> list[Workspace]:
        """The trained runs in the same folder of runs, by name; beside a candidate, also those beside its search. A
        reproduction has none: it trains for itself."""
        here = self.path.resolve()
        if self.reproduces:
            return []
        alone = self.is_candidate and Workspace(here.parents[1]).reproduces
        places = [here.parent, here.parents[2]] if self.is_candidate and not alone else [here.parent]
        found = [file.parent for place in places for file in sorted(place.glob(f"*/{layout.TRAINING}"))]
        return [run for run in map(Workspace, found) if run.path != here and run.is_trained]

    # --- searches and trials

    def alpha_choice(self) -> AlphaChoice | None:
        """How α was chosen; None if it was not chosen."""
        return self._record(AlphaChoice, layout.ALPHA) if (self.path / layout.ALPHA).exists() else None

    def write_alpha_choice(self, choice: AlphaChoice) -> None:
        """Write how α was chosen."""
        write_json(self.path / layout.ALPHA, to_plain(choice))

    @property
    def is_candidate(self) -> bool:
        """Whether this is a candidate of another run's mitigation search."""
        return self.path.resolve().parent.name == layout.CANDIDATES

    @property
    def has_mitigation_search(self) -> bool:
        """Whether a mitigation search was begun here."""
        return any(self._found(name).exists() for name in (layout.CANDIDATES, layout.MITIGATION_SEARCH))

    def hyperparameter_search(self) -> HyperparameterSearchReport | None:
        """The result of the hyperparameter search; None if it has not ended."""
        if not self._found(layout.HYPERPARAMETER_SEARCH).exists():
            return None
        return self._record(HyperparameterSearchReport, layout.HYPERPARAMETER_SEARCH)

    @property
    def is_study(self) -> bool:
        """Whether this is a comparison or a learning curve: runs inside one folder."""
        return (self.path / layout.TRIALS).is_dir()

    def trials(self) -> list[Workspace]:
        """The runs of a study that have begun, by name."""
        return [Workspace(file.parent) for file in sorted((self.path / layout.TRIALS).glob(f"*/{layout.CONFIG}"))]

    # --- answers, results and pages

    def write_samples(self, name: str, records: Iterable[EvalRecord]) -> Path:
        """Write one model's records of the task's test items. → their file"""
        file = self.path / layout.SAMPLES / f"{path_part(name)}.jsonl"
        write_records(file, records)
        return file

    def samples(self, name: str) -> list[EvalRecord]:
        """One model's records of the task's test items."""
        return read_eval_records(self.path / layout.SAMPLES / f"{path_part(name)}.jsonl")

    def write_ability_records(self, ability: str, name: str, records: Iterable[EvalRecord]) -> None:
        """Write one model's records of an ability's items."""
        write_records(self._ability(ability, name), records)

    def ability_records(self, ability: str, name: str) -> list[EvalRecord]:
        """One model's records of an ability's items."""
        return read_eval_records(self._ability(ability, name))

    def _ability(self, ability: str, name: str) -> Path:
        return self.path / layout.ABILITIES / path_part(ability) / f"{name}.jsonl"

    @property
    def has_result(self) -> bool:
        """Whether a `tune` or an `eval` has ended here."""
        return (self.path / layout.RESULT).exists()

    def result(self) -> dict[str, Any]:
        """The result of a `tune` or an `eval`, as plain values."""
        return read_object(self.path / layout.RESULT, "give the folder of a finished run")

    def tune_result(self) -> TuneResult:
        """The result of a `tune`."""
        try:
            return from_plain(TuneResult, self.result())
        except ValueError as error:
            fix = "name another --output"
            raise StoreError(f"{self} holds another kind of result: {error}", fix) from error

    def write_result(self, result: TuneResult | EvalResult) -> None:
        """Write the result: the run is finished."""
        write_record(self.path / layout.RESULT, result)

    @property
    def has_forgetting(self) -> bool:
        """Whether the run has a forgetting report."""
        return (self.path / layout.FORGETTING).exists()

    def forgetting(self) -> dict[str, Any]:
        """The forgetting report, as plain values."""
        return read_object(self.path / layout.FORGETTING, "give the folder of a finished run")

    def write_forgetting(self, report: ForgettingReport) -> None:
        """Write the forgetting report."""
        write_record(self.path / layout.FORGETTING, report)

    def measured_beside(self) -> list[Workspace]:
        """The other runs with a forgetting report in the same folder, by name."""
        here = self.path.resolve()
        found = [file.parent for file in sorted(here.parent.glob(f"*/{layout.FORGETTING}"))]
        return [Workspace(folder) for folder in found if folder.resolve() != here]

    @property
    def of_quantization(self) -> Workspace:
        """The comparison of this run's quantised base with the whole one."""
        return Workspace(self.path / layout.QUANTIZATION)

    @property
    def measured_at(self) -> float:
        """Time of the forgetting report, in seconds since the epoch."""
        return (self.path / layout.FORGETTING).stat().st_mtime

    @property
    def page(self) -> Path:
        """File of the report."""
        return self.path / layout.PAGE

    def write_card(self, text: str) -> None:
        """Write the model card, next to the weights if the run made some."""
        weights = self.weights
        write_text(weights / "README.md" if weights else self.path / layout.CARD, text)

    # --- the end

    def intermediates(self) -> list[Path]:
        """Checkpoints, candidates, the weights of the run inside this one, the course of the
        training, what the starts have said and a reproduction's own cache: the result does not need them."""
        candidates = (layout.CANDIDATES, layout.EARLIER_NAMES[layout.CANDIDATES])
        inner = (
            self.path / layout.BEST,
            self.whole.path,
            self.own_cache,
            self.course_file,
            *(self.path / name for name in (*candidates, layout.NOTICES)),
        )
        return [path for path in (*(path for _, path in self.checkpoints()), *inner) if path.exists()]

    def remove_intermediates(self) -> None:
        """Delete what the result does not need."""
        for path in self.intermediates():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        remove_partials(self.path)

    def _found(self, name: str) -> Path:
        return current_path(self.path, name)

    def _record(self, kind: type[T], name: str) -> T:
        return read_record(kind, self._found(name))
