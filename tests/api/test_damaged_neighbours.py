"""What lies beside a run may be damaged in any way: it is left out, with one line that names it, and ends no run."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keeptune.assessment.report import with_drift_history, write_report
from keeptune.cli.main import main
from keeptune.errors import KeeptuneError
from keeptune.events import Notice
from keeptune.records import to_plain
from keeptune.training.equivalent_run import equivalent_run
from keeptune.workspace.atomic import write_json
from keeptune.workspace.lineage import base_of
from keeptune.workspace.runs import dependents, find_runs
from keeptune.workspace.workspace import Workspace
from tests.api.runs import Told
from tests.report.forgetting_reports import forgetting_report
from tests.workspace.many_runs import write_tune

REPORT = to_plain(forgetting_report())


def edited(**values: Any) -> Callable[[Path], object]:
    return lambda file: file.write_text(json.dumps(json.loads(file.read_text()) | values))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a list": lambda file: file.write_text("[]"),
    "a number": lambda file: file.write_text("7"),
    "empty": lambda file: file.write_bytes(b""),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:50]),
    "nested without end": lambda file: file.write_text('{"a":' * 50_000),
    "no UTF-8": lambda file: file.write_bytes(b"\xff\xfe{}"),
    "a pipe": lambda file: (file.unlink(), os.mkfifo(file)),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "a link to nothing": lambda file: (file.unlink(), file.symlink_to("gone.json")),
    "a device": lambda file: (file.unlink(), file.symlink_to("/dev/zero")),
    "another shape": edited(path=3, base_name=[], abilities={"a": 1}, drift=[1], model=7, data="x", type=[]),
    "abilities that are texts": edited(abilities=["a", "b"], comparisons=["a"], training=[]),
    "numbers that are texts": edited(
        drift=[{"on": "text of the base", "kl": {"estimate": "much"}}],
        abilities=[{"drop": {"estimate": "x"}, "verdict": "kept", "margin": 1}],
        scores={"a": "b"},
    ),
    "a margin of nothing": edited(abilities=[{"drop": {"estimate": 1.0}, "verdict": "kept", "margin": 0}]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_neighbours_report(damage: str, tmp_path: Path) -> None:
    neighbour = tmp_path / "neighbour" / "forgetting.json"
    write_json(neighbour, REPORT)
    DAMAGES[damage](neighbour)
    told = Told()
    run = Workspace(tmp_path / "run")
    write_report(with_drift_history(forgetting_report(), run, told), {}, None, run)
    assert (tmp_path / "run" / "forgetting.json").exists()
    if damage != "a link to nothing":
        assert sum(str(neighbour.parent) in notice.message for notice in told.of(Notice)) == 1


def test_the_list_of_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One folder with a run for each damage of each file."""
    good = write_tune(tmp_path / "good", "tickets", "smollm2")
    shutil.rmtree(good / "abilities")
    for file in ("config.json", "result.json", "forgetting.json", "adapter/adapter_config.json"):
        for damage, apply in DAMAGES.items():
            bad = shutil.copytree(good, tmp_path / f"{damage} {Path(file).stem}")
            apply(bad / file)
    for words in ([], ["--json"], ["--sort", "gain", "--task", "tickets"]):
        assert main(["runs", str(tmp_path), *words]) == 0
        shown = capsys.readouterr()
        assert "good" in shown.out
        assert "Traceback" not in shown.err
    found = {run.name: run for run in find_runs(tmp_path)}
    assert len(found) == 1 + 4 * len(DAMAGES)
    assert found["good"].state == "finished"
    for damage in list(DAMAGES)[:10]:
        # A link to nothing is no file: that run has no settings, or no result yet.
        if damage != "a link to nothing":
            assert (damage, found[f"{damage} config"].state) == (damage, "damaged")
            assert found[f"{damage} result"].problem
    assert dependents(found["good"], tmp_path) == []


READERS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "settings of an earlier run": ("config.json", lambda run: Workspace(run).tune_settings()),
    "result of an earlier run": ("result.json", lambda run: Workspace(run).result()),
    "settings as they are": ("config.json", lambda run: Workspace(run).settings()),
    "summary of a training": ("training.json", lambda run: Workspace(run).training()),
    "base that a run names": ("config.json", lambda run: base_of(str(run))),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("damage", [name for name in DAMAGES if name not in ("another shape",)])
def test_a_file_that_is_needed_is_a_typed_error(reader: str, damage: str, tmp_path: Path) -> None:
    file, read = READERS[reader]
    run = write_tune(tmp_path / "run", "tickets", "smollm2")
    write_json(run / "training.json", {})
    DAMAGES[damage](run / file)
    try:
        read(run)
    except KeeptuneError:
        return
    assert damage in ("abilities that are texts", "numbers that are texts", "a margin of nothing")


def test_a_training_beside_this_one_whose_weights_are_damaged(tmp_path: Path) -> None:
    """It is not taken for this one's."""
    for name in ("other", "run"):
        write_tune(tmp_path / name, "tickets", "smollm2")
    shutil.copy(tmp_path / "run" / "rows.json", tmp_path / "other" / "rows.json")
    (tmp_path / "other" / "training.json").write_text("[[[")
    told = Told()
    assert equivalent_run(Workspace(tmp_path / "run"), told) is None
