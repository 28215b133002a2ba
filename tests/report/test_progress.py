"""Events as lines and as bars."""

from __future__ import annotations

import inspect
import io
import sys
from types import SimpleNamespace

import pytest
from rich.console import Console

import keeptune
from keeptune.events import (
    CheckpointSaved,
    DataLoaded,
    EvaluationDone,
    EvaluationProgress,
    EvaluationStarted,
    Event,
    ModelLoaded,
    Notice,
    Observer,
    RunFinished,
    StepDone,
    TrainingStarted,
    ValidationDone,
    shown,
    silent,
)
from keeptune.report.event_lines import duration, line_of
from keeptune.report.plain_lines import PlainLines
from keeptune.report.progress import LiveBars, progress, shows_progress


def step(number: int, steps: int = 20) -> StepDone:
    return StepDone(number, steps, 0.5, 1.25, 2e-4, 1.0, 310.0, 130.0)


EVENTS: list[Event] = [
    ModelLoaded("m", 1000, 10, "cpu", "bfloat16", "fast here"),
    DataLoaded("train", "a.jsonl", 450, "prompt ← q"),
    Notice("split", "[20] rows set aside"),
    TrainingStarted(20, 0, 2.0, 450, 9000),
    step(1),
    ValidationDone(10, 2.0, {"loss": 2.0, "rouge1": 33.0}, True),
    CheckpointSaved(10, "runs/a/checkpoint-10"),
    step(20),
    EvaluationStarted("base", 300),
    EvaluationProgress("base", 150, 300),
    EvaluationProgress("base", 300, 300),
    EvaluationDone("base", 300, 65.0, {"rouge1": 23.456}, False),
    EvaluationDone("few-shot-3", 300, 0.1, {"rouge1": 30.0}, True),
    RunFinished("runs/a", ()),
]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_tell_everything_once() -> None:
    lines: list[str] = []
    with PlainLines(lines.append, Clock()) as observer:
        for event in EVENTS:
            observer(event)
    assert lines == [
        "model: m, 1,000 weights, 10 of them trained, on cpu in bfloat16 (fast here)",
        "train: 450 rows from a.jsonl (prompt ← q)",
        "note: [20] rows set aside",
        "training: 20 steps, 2 epochs of 450 rows and 9,000 tokens",
        "step 1/20  loss 1.250  310 tokens/s  lr 2.0e-04  2:10 left",
        "validation after step 10: loss 2.000, rouge1 33.00, the best so far",
        "step 20/20  loss 1.250  310 tokens/s  lr 2.0e-04  2:10 left",
        "base: 300 items in 1:05: rouge1 23.46",
        "few-shot-3: 300 items from the cache: rouge1 30.00",
    ]


def test_nothing_in_a_line_is_obeyed() -> None:
    lines: list[str] = []
    with PlainLines(lines.append, Clock()) as observer:
        observer(Notice("data", "the field \x1b[2J\u202e is left out"))
        observer(EvaluationProgress("\x9b1m", 1, 3))
    assert lines == ["note: the field ␛[2J⟨U+202E⟩ is left out", "⟨U+009B⟩1m: 1/3 items"]


def test_cached_evaluations_of_one_model_share_a_line() -> None:
    lines: list[str] = []
    with PlainLines(lines.append, Clock()) as observer:
        for name in ("facts", "topic", "grammar", "logic", "language"):
            observer(EvaluationDone(f"{name} (base)", 300, 0.1, {"accuracy": 30.0}, True))
            observer(EvaluationProgress(f"{name} (tuned)", 300, 300))
            observer(EvaluationDone(f"{name} (tuned)", 300, 65.0, {"accuracy": 30.0}, False))
        observer(ModelLoaded("m", 1000, 10, "cpu", "bfloat16", "fast here"))
        observer(EvaluationDone("facts (base)", 300, 0.1, {"accuracy": 30.0}, True))
        assert [line for line in lines if "cache" in line] == [
            "1,500 items from the cache: facts (base), topic (base), grammar (base) and 2 more"
        ]
    assert "facts (base): 300 items from the cache" in lines[-1], "nothing is left out at the end"


def test_plain_lines_are_at_most_one_in_ten_seconds() -> None:
    lines: list[str] = []
    clock = Clock()
    observer = PlainLines(lines.append, clock)
    for number in range(1, 101):
        clock.now += 1.0
        observer(step(number, steps=200))
        observer(EvaluationProgress("base", number, 200))
    assert len(lines) == 10


def test_bars_show_loss_speed_and_time_left() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=140, highlight=False)
    with LiveBars(console) as observer:
        for event in EVENTS[:5]:
            observer(event)
        observer._progress.refresh()  # type: ignore[attr-defined]
        shown = file.getvalue()
        for event in EVENTS[5:]:
            observer(event)
    assert "loss 1.250 · 310 tokens/s · lr 2.0e-04 · 2:10 left" in shown
    assert "1/20" in shown
    assert "[20] rows set aside" in shown
    assert "base: 300 items in 1:05" in file.getvalue()


def test_no_terminal_gives_lines_and_quiet_gives_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as observer:
        observer(Notice("a", "hello"))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "note: hello\n")
    with progress(quiet=True) as observer:
        assert observer is silent


def test_a_run_that_goes_on_says_from_where() -> None:
    assert line_of(TrainingStarted(20, 7, 2.0, 450, 9000)).endswith("tokens, resumed at step 7")


@pytest.mark.parametrize(("seconds", "words"), [(-1, "0:00"), (59.6, "1:00"), (65, "1:05"), (7265, "2:01:05")])
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@shows_progress
def working(count: int, observer: Observer = shown) -> int:
    """Stands for a public function."""
    for number in range(count):
        observer(Notice("n", f"number {number}"))
    return count


def test_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    assert working(2) == 2
    assert capsys.readouterr() == ("", "")


def test_a_terminal_is_drawn_in_unless_it_is_silenced(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert working(2) == 2
    assert "number 1" in capsys.readouterr().err
    heard: list[Event] = []
    assert working(2, keeptune.silent) == working(2, observer=heard.append) == 2
    assert capsys.readouterr() == ("", "")
    assert len(heard) == 2


def test_a_notebook_gets_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class ZMQInteractiveShell: ...

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=ZMQInteractiveShell))
    assert working(2) == 2
    assert capsys.readouterr().out.splitlines() == ["note: number 0", "note: number 1"]


VERBS = (
    *("tune", "demo", "check", "mix", "measure", "rescue", "compare", "evaluate", "predict", "curve"),
    "reproduce",
    *("open_chat", "open_router"),
)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_package_shows_its_progress(verb: str) -> None:
    assert inspect.signature(getattr(keeptune, verb)).parameters["observer"].default is shown
    assert hasattr(getattr(keeptune, verb), "__wrapped__")
