"""Reports as text."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console, RenderableType

from keeptune.cli.show import show_report
from keeptune.data.check_report import CheckReport, RoleReport
from keeptune.data.duplicates import Repeat
from keeptune.data.token_lengths import LengthSummary, TokenLengths
from keeptune.errors import Problem
from keeptune.records import Undefined
from keeptune.report.check import check_report
from keeptune.report.terminal import eval_report, shortened, tune_report
from keeptune.report.visible import visible
from keeptune.statistics.jackknife import TOO_FEW
from tests.report.results import EVALUATED, RESULT, comparison, interval


def text(renderable: RenderableType, width: int = 140) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(renderable)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_a_result_in_full() -> None:
    shown = text(tune_report(RESULT))
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    gain, worst, verdict, following = lines[-4:]
    assert gain.startswith("gain: rouge1 rose from 23.5 to 39.1")
    assert worst.startswith("worst: no ability was measured")
    assert verdict.startswith("verdict: none")
    assert following == "next: keeptune chat --model runs/mine-lora-1"
    assert "Tuning beats the best untuned alternative" in shown
    assert "lead-1: copying the first sentence or line" in shown
    assert "token_loss ↓" in shown
    assert "+14.0 to +17.2" in shown
    assert "250/40" in shown
    assert "4,884,480 of 139,399,488 weights" in shown
    words = " ".join(shown.split())
    assert "the best checkpoint after step 57" in words
    assert "333 tokens/s, 5.0 minutes" in words
    assert "runs/mine-lora-1" in shown
    assert "what base said" in shown
    assert "(nothing)" in shown
    assert shown.count("3 train rows left out") == 1


def test_the_verdict_names_the_base_where_no_baseline_is_better() -> None:
    weak = comparison(10.0, 39.1, interval(29.1, 28.0, 30.0), before_name="lead-1")
    first = RESULT.comparisons[0]
    shown = text(tune_report(dataclasses.replace(RESULT, comparisons=(first, weak))))
    assert "Tuning beats the best untuned alternative, the base (23.5)" in shown
    assert "without it" not in text(tune_report(dataclasses.replace(RESULT, comparisons=(first,))))


def test_base_comes_first_and_tuned_last() -> None:
    lines = text(tune_report(RESULT)).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("score of"))
    assert lines[start].split()[2:] == ["rouge1", "token_loss"]
    assert [line.split()[0] for line in lines[start + 1 : start + 5]] == ["base", "few-shot-3:", "lead-1:", "tuned"]
    assert "–" in lines[start + 2]


def test_caveats_are_told_once() -> None:
    few = comparison(1.0, 2.0, interval(1.0, 0.5, 1.5, f"jackknife; only 8 clusters: {TOO_FEW}"))
    none = comparison(1.0, 2.0, Undefined("1 cluster"))
    shown = text(tune_report(dataclasses.replace(RESULT, comparisons=(few, few, none))))
    assert shown.count(f"* only 8 clusters: {TOO_FEW}") == 1
    assert "no interval for rouge1: 1 cluster" in shown


def test_markup_in_answers_stays_text() -> None:
    sample = dataclasses.replace(RESULT.samples[0], base="[bold]x[/bold] [/]")
    assert "[bold]x[/bold] [/]" in text(tune_report(dataclasses.replace(RESULT, samples=(sample,))))


def test_a_narrow_terminal_will_do() -> None:
    assert "39.1" in text(tune_report(RESULT), width=40)


def test_an_evaluation() -> None:
    shown = text(eval_report(EVALUATED))
    assert "rouge1 of m on 300 items: 23.5" in shown
    assert "2.500" in shown
    assert EVALUATED.records_path in shown


def test_long_text_is_shortened_in_its_middle() -> None:
    short = shortened("a" * 50 + "b" * 50, 21)
    assert short == "a" * 9 + " … " + "b" * 9
    assert shortened("one\ntwo", 20) == "one two"


def test_a_terminal_obeys_nothing_that_a_model_wrote() -> None:
    assert shortened("\x1b[31mred\x1b[0m\x07\u202eback", 80) == "␛[31mred␛[0m␇⟨U+202E⟩back"


def test_nor_what_stands_in_the_data() -> None:
    bad = "evil\x1b]0;owned\x07\x1b[2J"
    sample = dataclasses.replace(RESULT.samples[0], item_id=bad)
    problems = (Problem("a.jsonl", 1, "bad-json", bad, bad),)
    role = RoleReport("train", "a.jsonl", 2, 2, f"prompt ← {bad}", None, ((bad, 20),))
    report = CheckReport(problems, (role,), (), (), False, ())
    for shown in (
        text(tune_report(dataclasses.replace(RESULT, samples=(sample,), notices=(bad,)))),
        text(check_report(report)),
    ):
        assert "evil␛]0;owned␇␛[2J" in shown
        assert "\x1b" not in shown


def test_a_check() -> None:
    problems = [Problem("a.jsonl", n, "bad-json", "bad JSON", "correct it") for n in range(1, 15)]
    lengths = TokenLengths(LengthSummary(1, 2, 3, 4000), LengthSummary(5, 6, 7, 8), 2048, ())
    report = CheckReport(
        problems=(*problems, Problem("a.jsonl", 3, "duplicate", "repeats", severity="warning")),
        roles=(RoleReport("train", "a.jsonl", 30, 20, "prompt ← q", lengths, (("yes", 20), ("no", 10))),),
        repeats=(Repeat("exact", "1", "2", 1.0, "a.jsonl:1", "a.jsonl:2", True),),
        leaks=(),
        shared_context=False,
        advice=("30 rows are few",),
    )
    shown = text(check_report(report))
    assert "14 errors: a run would be refused" in shown
    assert "a.jsonl:1: bad JSON → correct it" in shown
    assert "… and 4 more" in shown
    assert "30 usable rows, in 20 groups" in shown
    assert "prompt tokens: 1 to 4,000" in shown
    assert "yes 20, no 10" in shown
    assert "repeats in train: 1 exact, 0 near" in shown
    assert "advice: 30 rows are few" in shown


def test_a_clean_check() -> None:
    report = CheckReport((), (), (), (), False, ())
    assert "no problems found" in text(check_report(report))


def test_what_is_printed_has_no_text_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    bad = "evil\x1b[2J\u202e\x9b"
    comparison = dataclasses.replace(RESULT.comparisons[0], metric=bad)
    show_report(tune_report(dataclasses.replace(RESULT, path=bad, primary_metric=bad, comparisons=(comparison,))))
    shown = capsys.readouterr().out
    assert "files: evil␛[2J⟨U+202E⟩⟨U+009B⟩" in shown
    assert visible(shown) == shown
