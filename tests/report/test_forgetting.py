"""The forgetting report in a terminal."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from keeptune.records import ForgettingReport, Undefined
from keeptune.report.forgetting import forgetting_report
from tests.report.forgetting_reports import climbed
from tests.report.forgetting_reports import forgetting_report as a_report


def shown(report: ForgettingReport, width: int = 160) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(forgetting_report(report))
    return console.export_text()


def test_the_answer_comes_first() -> None:
    report = a_report()
    lines = [line for line in shown(report).splitlines() if line.strip()]
    assert " ".join(lines[0].split()).startswith(report.sentences[0][:40])


def test_every_ability_with_its_verdict() -> None:
    report = a_report()
    text = shown(report)
    for ability in report.abilities:
        line = next(line for line in text.splitlines() if line.startswith(ability.name))
        assert ability.verdict in line
        assert f"{ability.rose}/{ability.fell}" in line
        assert ("·" in line) == (not ability.declared)


def test_declared_and_lost_stand_at_the_top() -> None:
    report = a_report()
    text = shown(report)
    names = [a.name for a in report.abilities if a.declared and a.verdict == "lost"]
    first = min(text.index(f"\n{a.name}") for a in report.abilities)
    assert names
    assert any(text[first + 1 :].startswith(name) for name in names)


def test_what_is_unknown_has_its_reason() -> None:
    report = replace(a_report(), intrusion=Undefined("no items of the task were given"), task=None)
    assert "no items of the task were given" in shown(report)


def test_narrow_terminals_lose_no_ability() -> None:
    report = a_report()
    text = shown(report, width=60)
    assert all(ability.name[:6] in text for ability in report.abilities)


def test_every_notice_is_shown() -> None:
    report = replace(a_report(), notices=("the first", "the second"))
    assert "note: the first" in shown(report)
    assert "note: the second" in shown(report)


def test_the_ladder_is_shown_with_its_choice() -> None:
    text = shown(climbed(a_report()))
    assert "→ replay=0.05" in text
    assert "not tried: kl=0.5" in text
    assert "50 rows of the task, 120 items of ner" in text
    assert "the ladder" not in shown(a_report())
