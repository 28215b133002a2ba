"""Two finished logs of lm-evaluation-harness, measured as pairs."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.measure import measure
from keeptune.cli.main import main
from keeptune.config import Keep, MeasureConfig, MeasureRun, ModelConfig
from keeptune.errors import ConfigError, PairingError
from keeptune.records import Interval

RUN = Path(__file__).parents[1] / "data" / "lm_eval" / "run"
TASK = "keeptune_kinds"


def logs(before: Path, after: Path, output: Path, *keep: Keep) -> MeasureRun:
    return MeasureRun(
        ModelConfig(name=str(before)),
        ModelConfig(name=str(after)),
        measure=MeasureConfig(keep=keep),
        output=str(output),
    )


def with_version(folder: Path, version: str | None) -> Path:
    """A copy of the log by another version of the task, or one that tells no version."""
    shutil.copytree(RUN, folder)
    (file,) = folder.glob("results_*.json")
    results = json.loads(file.read_text(encoding="utf-8"))
    if version is None:
        del results["versions"]
    else:
        results["versions"][TASK] = version
    file.write_text(json.dumps(results), encoding="utf-8")
    return folder


def test_a_log_against_itself_has_no_flips(tmp_path: Path) -> None:
    report = measure(logs(RUN, RUN, tmp_path / "m", Keep(TASK, margin=50.0)))
    assert all((ability.rose, ability.fell) == (0, 0) for ability in report.abilities)
    assert [ability.name for ability in report.abilities if ability.declared] == [TASK]
    assert (tmp_path / "m" / "report.html").exists()


def test_two_versions_of_a_task_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(PairingError, match=r"is of version 2\.0 before, and keeptune_kinds of version 9 after"):
        measure(logs(RUN, with_version(tmp_path / "other", "9"), tmp_path / "m"))


def test_a_log_that_tells_no_version_is_taken_on_trust(tmp_path: Path) -> None:
    report = measure(logs(RUN, with_version(tmp_path / "other", None), tmp_path / "m"))
    assert TASK in [ability.name for ability in report.abilities]


def test_a_declared_task_must_be_in_both(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no task 'arc_easy' in both logs"):
        measure(logs(RUN, RUN, tmp_path / "m", Keep("arc_easy")))


@pytest.mark.parametrize(
    ("settings", "flag"),
    [({"items": 10}, "--items"), ({"extent": "quick"}, "--quick"), ({"minutes": 2.0, "probe": True}, "--max-minutes")],
)
def test_what_would_be_asked_of_models_is_refused(tmp_path: Path, settings: dict[str, Any], flag: str) -> None:
    asked = logs(RUN, RUN, tmp_path / "report")
    with pytest.raises(ConfigError, match=f"^{flag}.*: two logs are compared as they are"):
        measure(replace(asked, measure=MeasureConfig(**settings)))
    assert not (tmp_path / "report").exists()


def test_by_the_command_a_declared_task_decides_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["measure", "--base", str(RUN), "--tuned", str(RUN), "--output", str(tmp_path / "report")]
    assert main([*words, "--quick"]) == 2
    assert "--quick: two logs are compared as they are" in capsys.readouterr().err
    assert main([*words, "--keep", TASK]) == 4, "a handful of items decides nothing"
    assert TASK in capsys.readouterr().out


def test_a_planned_look_is_stricter_and_says_so(tmp_path: Path) -> None:
    once = measure(logs(RUN, RUN, tmp_path / "one", Keep(TASK, margin=50.0)))
    planned = logs(RUN, RUN, tmp_path / "four", Keep(TASK, margin=50.0))
    look = measure(replace(planned, measure=replace(planned.measure, looks=4)))
    ability, of_look = (next(a for a in report.abilities if a.declared) for report in (once, look))
    assert isinstance(ability.drop, Interval)
    assert isinstance(of_look.drop, Interval)
    assert (ability.drop.level, of_look.drop.level) == (0.95, pytest.approx(0.9818, abs=1e-4))
    assert of_look.drop.high > ability.drop.high
    assert any("one of 4 planned looks" in notice for notice in look.notices)
    page = (tmp_path / "four" / "report.html").read_text(encoding="utf-8")
    assert "98.2 % interval" in page
    assert not any("look" in notice for notice in once.notices)


@pytest.mark.parametrize("looks", ["0", "11"])
def test_how_many_looks_can_be_planned_is_bounded(
    tmp_path: Path, looks: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["measure", "--base", str(RUN), "--tuned", str(RUN), "--output", str(tmp_path / "m")]
    assert main([*words, "--looks", looks]) == 2
    assert "--looks" in capsys.readouterr().err
