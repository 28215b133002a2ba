"""The forgetting report in a terminal."""

from __future__ import annotations

from dataclasses import replace

from rich.console import Console

from keeptune.records import ForgettingReport, Interval, Undefined
from keeptune.report.ending import SEARCH_STEPS, ending_of_measure
from keeptune.report.forgetting import forgetting_report
from keeptune.report.phrases import change
from tests.report.forgetting_reports import forgetting_report as a_report
from tests.report.forgetting_reports import outcome
from tests.report.pages import ON_NF4


def shown(report: ForgettingReport, width: int = 160) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(forgetting_report(report))
    return console.export_text()


def test_the_end_is_four_lines() -> None:
    report = a_report()
    lines = [line.rstrip() for line in shown(report, width=2000).splitlines() if line.strip()]
    gain, worst, verdict, following = lines[-4:]
    assert gain.startswith("gain: ")
    assert worst == "worst: entities −16.3 points (−20.5 to −12.1): lost (declared, margin 5; worst of 12 measured)"
    assert verdict.startswith("verdict: FAIL. ")
    assert report.sentences[0] in verdict
    assert following == f"next: keeptune chat --model {report.tuned_name}"


def test_where_a_search_may_help_it_is_next() -> None:
    report = replace(a_report(), notices=(f"{SEARCH_STEPS} that keeps everything: …",))
    assert ending_of_measure(report).next.startswith("keeptune tune --config ")
    assert "--auto" in ending_of_measure(report).next


def test_without_abilities_nothing_is_worst() -> None:
    report = replace(a_report(), abilities=(), gate="nothing declared", sentences=("No ability was measured.",))
    assert ending_of_measure(report).worst == "no ability was measured"


def test_a_collapse_is_worst_though_nothing_could_be_scored() -> None:
    report = a_report()
    first, *rest = report.abilities
    gone = replace(first, verdict="collapsed", drop=Undefined("no item has a score on both sides"))
    worst = ending_of_measure(replace(report, abilities=(gone, *rest))).worst
    assert worst.startswith(f"{first.name}: collapsed")


def test_no_text_shows_a_drop_below_zero() -> None:
    """What rose has a plus, what fell a minus, for a loss too."""
    rows = {a.name: a for a in a_report().abilities if isinstance(a.drop, Interval)}
    for name, ability in rows.items():
        line = next(line for line in shown(a_report()).splitlines() if line.startswith(name))
        assert change(ability.metric, -ability.drop.estimate) in line


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


def test_the_mitigation_search_is_shown_with_its_choice() -> None:
    text = shown(outcome(a_report()))
    assert "→ replay=0.05" in text
    assert "not tried: kl=0.5" in text
    assert "50 rows of the task, 120 items of ner" in text
    assert "the mitigation search" not in shown(a_report())


def test_what_few_bits_alone_cost_is_shown() -> None:
    text = shown(ON_NF4)
    section = text[text.index("what nf4 alone costs the base, before any training") :]
    for words in ("the task: rouge1 rose from 23.5", "facts is kept.", "whole", "nf4", "−16.3"):
        assert words in section
    assert "alone costs the base" not in shown(a_report())
