"""The record of tested versions covers the lowest that `pyproject.toml` admits."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    pytest.importorskip("tomllib")
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("versions")


def test_the_lowest_that_are_admitted_are_the_lowest_that_were_tested(versions: ModuleType) -> None:
    record = json.loads(versions.RESULTS.read_text(encoding="utf-8"))
    if "lowest" not in record:
        pytest.skip("no record yet since a bound was raised")
    tested = record["lowest"]["versions"]
    found = {name: Version(tested[name]) for name in versions.dependencies()}
    assert found == {name: Version(bound) for name, bound in versions.dependencies().items()}


def test_the_tests_of_each_part_exist(versions: ModuleType) -> None:
    missing = [file for files in versions.PARTS.values() for file in files if not (ROOT / "tests" / file).exists()]
    assert missing == []


REPORT = """<testsuites><testsuite>
<testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure message="no"/></testcase>
<testcase classname="a" name="worse"><error message="no"/></testcase>
<testcase classname="a" name="later"><skipped message="no compiler"/></testcase>
</testsuite></testsuites>"""


def test_what_pytest_reports_is_counted(versions: ModuleType, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert versions.counted(report) == {
        "passed": 1,
        "failed": ["a.bad", "a.worse"],
        "skipped": {"a.later": "no compiler"},
    }
