"""Whatever names and links say, nothing is written outside of a run's folder."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from keeptune.api.measure import measure
from keeptune.assessment.report import write_report
from keeptune.cli.main import main
from keeptune.config.given import Given
from keeptune.config.keep import read_keep
from keeptune.errors import ConfigError, DataError, StoreError
from keeptune.workspace.open_run import open_run
from keeptune.workspace.run_entry import items_hash
from keeptune.workspace.workspace import Workspace
from tests.api.test_measure_logs import RUN, TASK, logs
from tests.report.forgetting_reports import ability_pairs, forgetting_report

NAMES = (
    "../../victim/samples",
    "..",
    ".",
    "a/b",
    "a\\b",
    "nul\0byte",
    "two\nlines",
    "x" * 300,
    " ner",
    "--",
    "\u202ener",
)


def everything_but(folder: Path, run: Path) -> dict[str, str]:
    """Hash of every file below `folder` that is not in `run`."""
    files = [path for path in folder.rglob("*") if path.is_file() and run not in path.parents]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def victim(folder: Path) -> Path:
    """A finished run beside the one that is written."""
    samples = folder / "runs" / "victim" / "samples"
    samples.mkdir(parents=True)
    for name in ("base.jsonl", "tuned.jsonl"):
        (samples / name).write_text('{"an": "earlier answer"}\n')
    (folder / "runs" / "victim" / "result.json").write_text("{}")
    return samples


@pytest.mark.parametrize("name", [*NAMES, "CON", "ner "])
def test_records_of_any_name_stay_in_the_run(name: str, tmp_path: Path) -> None:
    samples = victim(tmp_path)
    run = tmp_path / "runs" / "mine"
    for each in (name, str(samples)):
        plain = forgetting_report()
        pairs = next(iter(ability_pairs().values()))
        report = replace(plain, path=str(run), abilities=(replace(plain.abilities[0], name=each),), confusions=())
        before = everything_but(tmp_path, run)
        write_report(report, {each: ([b for b, _ in pairs], [t for _, t in pairs])}, None, Workspace(run))
        assert everything_but(tmp_path, run) == before
        assert items_hash(run, each), "what was written under a name is found under it"


def test_names_that_differ_by_case_have_records_of_their_own(tmp_path: Path) -> None:
    run = tmp_path / "run"
    pairs = next(iter(ability_pairs().values()))
    plain = forgetting_report()
    names = ("ner", "NER", "Ner")
    report = replace(plain, abilities=tuple(replace(plain.abilities[0], name=name) for name in names), confusions=())
    write_report(report, {name: ([b for b, _ in pairs], [t for _, t in pairs]) for name in names}, None, Workspace(run))
    written = [path.name.casefold() for path in (run / "abilities").iterdir()]
    assert len(set(written)) == len(names)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none_is_refused_where_it_is_read(name: str) -> None:
    for value in ({"name": name, "data": "items.jsonl"}, {"name": name}):
        with pytest.raises(ConfigError, match="name"):
            read_keep(Given("measure.keep", [value], "keep"), ())


@pytest.mark.parametrize("name", ["ner", "NER", "my task", "mmlu_pro-math.v2", "préférences", "名前", "a|b (c)"])
def test_names_that_people_give(name: str) -> None:
    (keep,) = read_keep(Given("measure.keep", [{"name": name}], "keep"), ())
    assert keep.name == name


def test_two_names_by_case_alone_are_one() -> None:
    with pytest.raises(ConfigError, match="twice"):
        read_keep(Given("measure.keep", ["ner=a.jsonl", "NER=b.jsonl"], "keep"), ())


@pytest.mark.parametrize("task", ["..", ".", "a\\b"])
def test_a_log_of_a_task_that_is_a_path(task: str, tmp_path: Path) -> None:
    victim(tmp_path)
    folder = shutil.copytree(RUN, tmp_path / "log")
    for file in folder.glob(f"samples_{TASK}_*.jsonl"):
        file.rename(file.with_name(file.name.replace(TASK, task)))
    before = everything_but(tmp_path, tmp_path / "runs" / "mine")
    with pytest.raises(DataError, match="task"):
        measure(logs(folder, folder, tmp_path / "runs" / "mine"))
    assert everything_but(tmp_path, tmp_path / "runs" / "mine") == before


@pytest.mark.parametrize("link", ["abilities", "samples", "best", ".lock", "abilities/facts/base.jsonl"])
def test_a_run_that_goes_on_follows_no_link_out_of_itself(link: str, tmp_path: Path) -> None:
    samples = victim(tmp_path)
    run = tmp_path / "runs" / "mine"
    (run / link).parent.mkdir(parents=True)
    (run / "config.json").write_text("{}")
    (run / link).symlink_to(samples if "." not in link else samples / "base.jsonl")
    before = everything_but(tmp_path, run)
    with pytest.raises(StoreError, match="link"), open_run(str(run), "x", resume=True):
        pass
    assert everything_but(tmp_path, run) == before


def test_a_link_inside_a_run_stays(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "best").mkdir(parents=True)
    (run / "config.json").write_text("{}")
    (run / "latest").symlink_to(run / "best")
    with open_run(str(run), "x", resume=True) as opened:
        assert opened.path == run


def test_a_run_behind_a_link_is_a_run(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "disk")
    with open_run(str(tmp_path / "run"), "x", resume=False) as opened:
        (opened.path / "config.json").write_text("{}")
    assert (tmp_path / "disk" / "config.json").exists()


@pytest.mark.parametrize("output", ["x" * 300, "a/" + "y" * 300])
def test_an_output_too_long_for_the_disk(output: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StoreError, match="--output"), open_run(str(tmp_path / output), "x", resume=False):
        pass
    assert main(["measure", str(RUN), "--base", str(RUN), "--output", str(tmp_path / output)]) != 0
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["..", "x" * 300, "a/../../b", "", "Ünï côde"])
def test_a_folder_of_its_own_for_a_model_of_any_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with open_run("", name, resume=False) as run:
        assert run.path.resolve().parent == (tmp_path / "runs").resolve()
