"""What the fixture `assert_kept` does: one `measure`, whose verdict is the test's."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from keeptune.assessment.measuring import run_measure
from keeptune.bridges.named_keeps import named_keeps
from keeptune.config.load import from_entries
from keeptune.config.names import from_flag
from keeptune.config.schema import Keep, MeasureRun, ModelConfig
from keeptune.errors import ConfigError
from keeptune.events import silent
from keeptune.models.adapters import METHODS
from keeptune.records import ForgettingReport
from keeptune.scoring.table import METRICS
from keeptune.workspace.lineage import base_of, of_run
from keeptune.workspace.path_part import readable_part
from keeptune.workspace.workspace import Workspace

PROPERTY = "keeptune_report"
"""Name of the property of a test, as JUnit's XML has it, with the path of its report."""

OF_MODEL = ("device", "dtype", "quantization", "engine", "allow_pickle", "allow_remote_code")
"""Settings of both models."""
OF_TRAINING = (
    "train", "limit_train", "draw", "test_fraction", "validation_fraction", "loss_on", "drop_duplicates",
)  # fmt: skip
"""Settings of the data of a training."""
WAYS_OUT = {
    "model.name": "name the models as base and tuned",
    "model.revision": "write base='name@revision'",
    "measure.fail_on": "give inconclusive='fail'",
    "training.max_minutes": "give items, or minutes",
    "output": "run pytest with --keeptune-report DIR",
}
"""Settings that are decided otherwise here."""


class Inconclusive(UserWarning):
    """The items do not show whether every ability was kept."""


@dataclass(frozen=True, slots=True)
class AssertKept:
    """Measures two models and fails the test for a lost ability."""

    folder: Path
    """Where reports are written."""
    test: pytest.Item
    inconclusive: str
    """``warn``, ``fail`` or ``pass``."""

    def __call__(
        self, *, tuned: str | Path, keep: str | Keep | Sequence[str | Keep], base: str | Path = "", **settings: Any
    ) -> ForgettingReport:
        """Measure `tuned` against `base`.

        Args:
            tuned: run folder, adapter or model.
            keep: abilities, as `--keep` takes them; they alone are measured.
            base: the model it was tuned from. "": the one that the tuned model names.
            settings: further settings of `keeptune measure` by name, such as ``items=200`` or ``dtype="float32"``; and
                ``inconclusive``, in the place of `--keeptune-inconclusive`.

        Raises:
            ConfigError: a setting that `measure` does not know or that is decided otherwise here.
            KeeptuneError: what cannot be measured.
        """
        __tracebackhide__ = True
        outcome = settings.pop("inconclusive", self.inconclusive)
        if outcome not in ("warn", "fail", "pass"):
            raise ConfigError(f"inconclusive is {outcome!r}", "give 'warn', 'fail' or 'pass'")
        run = self._run(str(tuned), str(base), keep, settings)
        try:
            report = run_measure(run, silent)
        except BaseException:
            # What was refused leaves nothing behind.
            with suppress(OSError):
                Path(run.output).rmdir()
            raise
        self.test.user_properties.append((PROPERTY, report.path))
        told = _told(report)
        if report.gate == "fail" or (report.gate == "inconclusive" and outcome == "fail"):
            pytest.fail(told, pytrace=False)
        if report.gate == "inconclusive" and outcome == "warn":
            warnings.warn(told, Inconclusive, stacklevel=2)
        return report

    def _run(
        self, tuned: str, base: str, keep: str | Keep | Sequence[str | Keep], settings: dict[str, Any]
    ) -> MeasureRun:
        asked = named_keeps(keep)
        for name, value in settings.items():
            _refuse_unused(name, value)
        named = {"keep": [_plain(each) for each in asked], "abilities": ["none"], "measure": "quick"}
        read = from_entries((), named | settings, methods=tuple(METHODS), metrics=tuple(METRICS))
        model = ModelConfig(tuned, **_of_model(read.model))
        return MeasureRun(
            base=replace(model, name=base or base_of(tuned), quantization=of_run(model).quantization),
            tuned=model,
            data=read.data,
            evaluation=read.evaluation,
            measure=read.measure,
            output=str(self._free()),
        )

    def _free(self) -> Path:
        """A new folder for a report of this test, which no other process takes."""
        name = readable_part(self.test.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            found = self.folder / (name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError):
                found.mkdir()
                break
        return found


def _refuse_unused(name: str, value: Any) -> None:
    given = from_flag(name, value)
    if given is None:
        return
    section, _, own = given.key.rpartition(".")
    of_measure = section in ("evaluation", "measure") or (section == "data" and own not in OF_TRAINING)
    if given.key in WAYS_OUT or not (of_measure or (section == "model" and own in OF_MODEL)):
        fix = WAYS_OUT.get(given.key, "leave it out: it belongs to a training")
        raise ConfigError(f"assert_kept does not take {name}", fix)


def _plain(keep: str | Keep) -> Any:
    if isinstance(keep, str):
        return keep
    return {field: value for field in ("name", "data", "metric", "margin") if (value := getattr(keep, field))}


def _of_model(model: ModelConfig) -> dict[str, Any]:
    return {name: getattr(model, name) for name in OF_MODEL}


def _told(report: ForgettingReport) -> str:
    """The verdict in keeptune's words, and where the report is."""
    lines = [f"{each.name}: {each.verdict}. {each.reason}" for each in report.abilities if each.verdict != "kept"]
    return "\n".join([" ".join(report.sentences), *lines, f"The report: {Workspace(Path(report.path)).page}"])
