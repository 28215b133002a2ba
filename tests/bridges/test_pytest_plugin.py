"""The fixture `assert_kept` in the pytest runs of others."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

TESTS = """
import pytest

BASE, TINY, KEEP = {base!r}, {tiny!r}, {keep!r}
CPU = {{"device": "cpu", "dtype": "float32"}}


def test_kept(assert_kept):
    assert assert_kept(base=BASE, tuned=BASE, keep=[KEEP + ":30"], **CPU).gate == "pass"


def test_lost(assert_kept):
    assert_kept(base=BASE, tuned=TINY, keep=KEEP, **CPU)


@pytest.mark.parametrize("inconclusive", ["fail", "pass", "warn"])
def test_undecided(assert_kept, inconclusive):
    assert_kept(base=BASE, tuned=BASE, keep=[KEEP + ":1"], inconclusive=inconclusive, **CPU)


def test_by_default(assert_kept):
    assert_kept(base=BASE, tuned=BASE, keep=[KEEP + ":1"], **CPU)


def test_nothing(assert_kept):
    assert_kept(base=BASE, tuned=BASE, keep=[])


def test_a_setting_that_is_not_known(assert_kept):
    assert_kept(base=BASE, tuned=BASE, keep=KEEP, itemz=3)
"""
REFUSED = """
import pytest

from keeptune.errors import ConfigError, KeeptuneError

REFUSED = {"revision": ("v2", "name@revision"), "fail_on": (["inconclusive"], "inconclusive='fail'"),
           "output": ("here", "--keeptune-report"), "max_minutes": (3, "give items"), "model": ("m", "base and tuned"),
           "lr": (0.1, "training"), "rank": (4, "training"), "seed": (1, "training"), "limit_train": (9, "training")}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(assert_kept, name):
    value, told = REFUSED[name]
    with pytest.raises(ConfigError, match=f"does not take {name}") as error:
        assert_kept(base="a", tuned="b", keep="sentiment", **{name: value})
    assert told in error.value.fix


def test_nothing_is_left(assert_kept):
    with pytest.raises(KeeptuneError):
        assert_kept(base="not/there", tuned="not/there", keep="sentiment")
    assert list(assert_kept.folder.iterdir()) == []


def test_folders(assert_kept):
    taken = [assert_kept._free() for _ in range(3)]
    assert [folder.name for folder in taken] == ["test_folders", "test_folders-2", "test_folders-3"]
"""
UNUSED = """
import sys


def test_light():
    assert "keeptune.bridges.pytest_plugin" in sys.modules
    assert not {"torch", "transformers", "numpy", "yaml"} & set(sys.modules)
    assert not [name for name in sys.modules if name.startswith("keeptune.") and "bridges" not in name
                and name != "keeptune.version"]
"""


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "keeptune.bridges.pytest_plugin", *arguments]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def test_verdicts_are_those_of_measure(knowing: Path, colours: Path, tiny: Callable[..., Path], tmp_path: Path) -> None:
    keep = f"colours={colours}:exact_match"
    text = TESTS.format(base=str(knowing), tiny=str(tiny("llama")), keep=keep)
    (tmp_path / "test_checkpoint.py").write_text(text)
    done = pytest_in(tmp_path, "--keeptune-report", "reports", "--junit-xml", "found.xml")
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    cases = {case.attrib["name"]: case for case in ElementTree.parse(tmp_path / "found.xml").iter("testcase")}
    failed = {name for name, case in cases.items() if case.find("failure") is not None}
    assert failed == {
        "test_lost", "test_undecided[fail]", "test_nothing", "test_a_setting_that_is_not_known",
    }, said  # fmt: skip
    assert said.count("Inconclusive: colours is inconclusive") == 2
    told = cases["test_lost"].find("failure")
    assert told is not None
    assert re.search(r"colours: lost\. The drop is at least .* points, above the margin of 5", str(told.text))
    assert "reports/test_lost/report.html" in str(told.text)
    for name in ("test_kept", "test_lost"):
        report = json.loads((tmp_path / "reports" / name / "forgetting.json").read_text())
        assert report["gate"] == {"test_kept": "pass", "test_lost": "fail"}[name]
        (path,) = [each.attrib["value"] for each in cases[name].iter("property")]
        assert path == f"reports/{name}"


def test_what_is_decided_otherwise_is_refused_and_a_folder_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "test_refused.py").write_text(REFUSED)
    done = pytest_in(tmp_path)
    assert done.returncode == 0, done.stdout


def test_runs_that_do_not_use_it_import_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_light.py").write_text(UNUSED)
    done = pytest_in(tmp_path)
    assert done.returncode == 0, done.stdout
