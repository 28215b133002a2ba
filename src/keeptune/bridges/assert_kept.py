"""What the fixture `assert_kept` does: one `measure`, whose verdict is the test's."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from keeptune.assessment.measuring import run_measure
from keeptune.config.load import from_entries
from keeptune.config.schema import Keep, MeasureRun, ModelConfig
from keeptune.errors import ConfigError
from keeptune.events import silent
from keeptune.models.adapters import METHODS
from keeptune.records import ForgettingReport
from keeptune.scoring.table import METRICS
from keeptune.workspace.lineage import base_of
from keeptune.workspace.path_part import readable_part
from keeptune.workspace.workspace import Workspace

PROPERTY = "keeptune_report"
"""Name of the property of a test, as JUnit's XML has it, with the path of its report."""


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
            KeeptuneError: what cannot be measured.
        """
        __tracebackhide__ = True
        outcome = settings.pop("inconclusive", self.inconclusive)
        if outcome not in ("warn", "fail", "pass"):
            raise ConfigError(f"inconclusive is {outcome!r}", "give 'warn', 'fail' or 'pass'")
        report = run_measure(self._run(str(tuned), str(base), keep, settings), silent)
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
        asked = [keep] if isinstance(keep, (str, Keep)) else list(keep)
        if not asked:
            raise ConfigError("keep names no ability", "name one, such as keep=['sentiment']")
        named = {"keep": [_plain(each) for each in asked], "abilities": ["none"], "measure": "quick"}
        read = from_entries((), named | settings, methods=tuple(METHODS), metrics=tuple(METRICS))
        return MeasureRun(
            base=ModelConfig(base or base_of(tuned), **_of_model(read.model)),
            tuned=ModelConfig(tuned, **_of_model(read.model)),
            data=read.data,
            evaluation=read.evaluation,
            measure=read.measure,
            output=str(self._free()),
        )

    def _free(self) -> Path:
        """The first folder that is free for a report of this test."""
        name = readable_part(self.test.name)
        number = 1
        while (found := self.folder / (name if number == 1 else f"{name}-{number}")).exists():
            number += 1
        return found


def _plain(keep: str | Keep) -> Any:
    if isinstance(keep, str):
        return keep
    return {field: value for field in ("name", "data", "metric", "margin") if (value := getattr(keep, field))}


def _of_model(model: ModelConfig) -> dict[str, Any]:
    names = ("device", "dtype", "engine", "allow_pickle", "allow_remote_code")
    return {name: getattr(model, name) for name in names}


def _told(report: ForgettingReport) -> str:
    """The verdict in keeptune's words, and where the report is."""
    lines = [f"{each.name}: {each.verdict}. {each.reason}" for each in report.abilities if each.verdict != "kept"]
    return "\n".join([" ".join(report.sentences), *lines, f"The report: {Workspace(Path(report.path)).page}"])
