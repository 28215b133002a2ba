"""How runs are written: sizes, names of models, and marks that a terminal would obey."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from keeptune.report.runs import comparison_report, runs_report, size
from keeptune.workspace.run_comparison import compare_entries
from keeptune.workspace.run_entry import RunEntry
from keeptune.workspace.task_name import short_model


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB"), (2**51, "2048.0 TiB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("smollm2", "smollm2"),
        ("Qwen/Qwen2.5-0.5B", "Qwen2.5-0.5B"),
        ("runs/rows-lora-1/adapter", "rows-lora-1"),
        ("/models/mine.gguf", "mine.gguf"),
        ("", ""),
    ],
)
def test_names_of_models(name: str, short: str) -> None:
    assert short_model(name) == short


def test_runs_inside_others_are_not_counted_twice() -> None:
    outer = RunEntry("study", "/r/study", "study", "finished", size_bytes=2048)
    inner = RunEntry("study/trials/\x1b[31mred", "/r/study/trials/red", "tune", "finished", size_bytes=1024)
    console = Console(width=120)
    with console.capture() as captured:
        console.print(runs_report([outer, inner], "r"))
    assert "2 runs, 2.0 KiB" in captured.get()
    assert "\x1b" not in captured.get()
    assert "no matching runs in r" in str(runs_report([], "r"))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_word_is_cut_into_letters(width: int) -> None:
    run = RunEntry(
        "support-tickets-lora-12", "/r/x", "tune", "finished", task="support-tickets.jsonl", method="lora",
        model="HuggingFaceTB/SmolLM2-135M-Instruct", created="2026-11-28T20:00:00", size_bytes=20_000_000,
    )  # fmt: skip
    console = Console(width=width)
    with console.capture() as captured:
        console.print(runs_report([run], "r"))
    text = captured.get()
    for word in ("support-tickets-lora-12", "support-tickets.jsonl", "SmolLM2-135M-Instruct", "2026-11-28", "lora"):
        assert word in text
    assert ("method" in text) == (width == 200), "a table where there is room for one"


def test_what_a_damaged_record_holds_is_no_markup() -> None:
    run = RunEntry("a[/]", "/r/a", "tune", "finished", metric="[/]", created="[/]", base=1.0, tuned=2.0)
    console = Console(width=200)
    with console.capture() as captured:
        console.print(runs_report([run], "r"))
        console.print(comparison_report(compare_entries([run, replace(run, name="[/]b", path="/r/b")])))
    assert "a[/]" in captured.get()
    assert "[/]b" in captured.get()
