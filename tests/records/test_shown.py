"""Results print as a line, and in a notebook as a small page."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from keeptune.data.check_report import CheckReport
from keeptune.data.mix.report import MixReport
from keeptune.errors import Problem
from keeptune.records import Interval, Undefined, from_plain, to_plain
from keeptune.records.shown import number, table
from keeptune.workspace.run_comparison import RunComparison
from keeptune.workspace.run_entry import RunEntry
from tests.report.forgetting_reports import forgetting_report
from tests.report.results import EVALUATED, RESULT

HOSTILE = "<script>alert(1)</script>"
RECORDS: dict[str, Any] = {
    "tune": RESULT,
    "tune and what it forgot": dataclasses.replace(RESULT, forgetting=forgetting_report()),
    "tune without a comparison": dataclasses.replace(RESULT, comparisons=()),
    "eval": EVALUATED,
    "measure": forgetting_report(),
    "check": CheckReport((Problem("f", 3, "k", HOSTILE),) * 60, (), (), (), False, ("do",)),
    "mix": MixReport("", "", 3, (), (), (), False, 0),
    "run": RunEntry("a", "runs/a", "tune", "finished", gain=Undefined("none")),
    "runs": RunComparison((RunEntry("a", "runs/a", "tune", "finished"),), (), {}, ()),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_prints_as_one_line(name: str) -> None:
    said = repr(RECORDS[name])
    assert len(said) < 200
    assert "\n" not in said
    assert type(RECORDS[name]).__name__ in said


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_is_a_page_in_a_notebook(name: str) -> None:
    page = RECORDS[name]._repr_html_()
    assert page.startswith("<div>")
    assert "<script" not in page
    assert page.count("<table>") == page.count("</table>")


def test_the_page_holds_the_numbers() -> None:
    report = forgetting_report()
    page = report._repr_html_()
    for ability in report.abilities:
        assert ability.name in page
        assert ability.verdict in page
    assert "23.5 → 39.1" in repr(RESULT)
    assert "39.1" in RESULT._repr_html_()


def test_markup_in_names_stays_text() -> None:
    assert HOSTILE not in table((HOSTILE,), [(HOSTILE, None, 1.0)])
    assert "–" in table(("a",), [(None,)])


def test_nothing_is_shown_as_nothing_and_not_as_minus_nothing() -> None:
    assert number(-0.0) == "0"
    assert number(Interval(-0.0, -1.5, 1.5, 0.95, "Tango")) == "0 (-1.5 to 1.5)"


def test_records_are_still_records() -> None:
    assert from_plain(type(RESULT), to_plain(RESULT)) == RESULT
    assert not hasattr(RESULT, "__dict__") or not vars(RESULT)
