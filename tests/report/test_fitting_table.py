"""Tables in a terminal: whole lines at every width, and what is left out is named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import RenderableType
from rich.text import Text

from keeptune.report.compare import compare_report
from keeptune.report.curve import curve_report
from keeptune.report.export import export_report
from keeptune.report.fitting_table import Column, FittingTable
from keeptune.report.phrases import change
from keeptune.report.terminal import tune_report
from tests.report.forgetting_reports import forgetting_report, outcome
from tests.report.method_comparisons import COMPARISON
from tests.report.pages import CURVE, EXPORT, NOT_ASKED
from tests.report.results import RESULT
from tests.report.test_terminal import text


def table() -> FittingTable:
    made = FittingTable(
        Column("name", words=True), Column("kept"), Column("second", goes=2), Column("first", goes=1), Column("last")
    )
    made.add_row("a [bold]name[/bold]", "1,000", "22", "1", Text("−3.5"))
    made.caption = "What it means."
    return made


def lines(of: RenderableType, width: int) -> list[str]:
    return [line.rstrip() for line in text(of, width).splitlines()]


def test_all_of_it_where_there_is_room() -> None:
    head, row, *below = lines(table(), 80)
    assert head.split() == ["name", "kept", "second", "first", "last"]
    assert row == "a [bold]name[/bold]  1,000      22      1  −3.5"
    assert below == ["What it means."]


def test_what_matters_least_goes_first() -> None:
    width = len("a [bold]name[/bold]  1,000      22      1  −3.5")
    assert lines(table(), width)[0].split() == ["name", "kept", "second", "first", "last"]
    head, row, *below = lines(table(), width - 1)
    assert head.split() == ["name", "kept", "second", "last"]
    assert row.split()[-3:] == ["1,000", "22", "−3.5"]
    assert " ".join(below) == "What it means. Left out in a terminal this narrow: first. A wider one shows all."
    assert lines(table(), 32)[0].split() == ["name", "kept", "last"]


def test_then_words_fold_and_numbers_stay_whole() -> None:
    shown = text(table(), 26)
    assert "1,000" in shown
    assert "−3.5" in shown
    assert "…" not in shown
    assert "[bold]name" in shown


def test_at_the_last_it_is_a_list() -> None:
    assert lines(table(), 20)[:3] == ["name: a", "[bold]name[/bold]", "  kept: 1,000"]
    made = FittingTable(Column("by", words=True), Column("found"), Column("within"))
    made.add_row("x" * 30, "+12345.678", "+12,345.67 to +123,456.78")
    assert "+12,345.67 to +123,456.78" in text(made, 36)
    assert "+12345.678" in text(made, 36)


@pytest.mark.parametrize("width", [60, 80])
def test_no_row_of_a_report_is_broken(width: int) -> None:
    report = outcome(forgetting_report())
    shown = lines(tune_report(replace(RESULT, samples=(), forgetting=report)), width)
    for ability in report.abilities:
        fell = getattr(ability.drop, "estimate", None)
        told = "–" if fell is None else change(ability.metric, -fell)
        row = next(line for line in shown if line.startswith(ability.name))
        assert ability.verdict.split()[-1] in row.split()
        assert told in row.split() or width == 60
    interval = ["few-shot-3", "rouge1", "+6.0", "to", "+10.2"]
    assert any(set(interval) <= set(line.split()) for line in shown)
    assert any(line.startswith("→ replay=0.05") and line.endswith("−1.5      6.3") for line in shown)


@pytest.mark.parametrize("width", [60, 80])
def test_nor_of_a_study_or_an_export(width: int) -> None:
    compared = lines(compare_report(COMPARISON), width)
    assert any({"lora", "+16.5", "+22.5"} <= set(line.split()) for line in compared)
    drawn = lines(curve_report(CURVE), width)
    assert any(line.split()[0] == "1,000" and "+15.6 (+13.6 to +17.6)" in line for line in drawn if line)
    exported = lines(export_report([EXPORT, NOT_ASKED]), width)
    assert any(
        line.startswith("Q4_K_M") and line.endswith("fail: facts, arithmetic, instructions") for line in exported
    )
    same = lines(export_report([replace(EXPORT, gate="inconclusive", answers=EXPORT.prompts), EXPORT]), width)
    assert any(line.startswith("Q4_K_M") and line.endswith("none lost") for line in same)
    for shown in (compared, drawn, exported):
        assert not any("…" in line or len(line) > width for line in shown)
