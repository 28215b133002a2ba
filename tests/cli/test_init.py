"""`keeptune init` as a new user meets it: with and without a terminal."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from keeptune.cli.init import _ask_answer
from keeptune.cli.main import main
from keeptune.cli.settings import read_settings
from keeptune.config import DataConfig
from keeptune.data.columns import Columns
from tests.pasted import pasted, shell_words

HEAD = ("No.", "Code Snippet", "What it does")
ROWS = [(n, f"def item(values):\n    return values[{n}]", f"Gives item {n} of the values.") for n in range(40)]
CPU = ("--device", "cpu", "--dtype", "float32")
YAML = """\
# keeptune tune --config keeptune.yaml
# A line after # is a suggestion: take its # away to use it. Each setting is a flag too: keeptune tune --help
model: base               # org/model of the hub, a folder, a .gguf file, or smollm2
train: functions.csv      # the rows to learn from
prompt: '{Code Snippet}'  # columns in braces, in the words of your task around them
completion: What it does  # the column with the answer to learn
test_fraction: 0.2        # share of the rows for the final score; or test: FILE
method: lora              # lora trains a small adapter; full trains every weight
# epochs: 2.0             # passes over the rows
# max_minutes: 30         # the training ends after so many minutes
# metric: [rouge1]        # chosen from the rows; or another, or mine.py:function
# keep: [facts]           # abilities that must not be lost, by 5 points at most; facts:2 by 2
# measure: none           # leaves out the quick look at other abilities after the training
device: cpu               # Device to run on.
dtype: float32            # Floating-point type to compute in.
"""
EXAMPLE = """\
example 1, as the model sees it: functions/2, 70 tokens
reads:
  <|user|>def item(values):
      return values[0]<|end|>
  <|assistant|>
learns:
  Gives item 0 of the values.<|end|>
"""


def write(file: Path, head: Sequence[str] = HEAD, rows: Sequence[Sequence[object]] = ROWS) -> None:
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([head, *rows])


@pytest.fixture
def folder(tmp_path: Path, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "base").symlink_to(tiny("llama"))
    write(tmp_path / "functions.csv")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_base_in_few_bits_is_written_down(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keeptune.models.quantization.find_spec", lambda name: True)
    assert main(["init", "functions.csv", "--model", "base", "--quantization", "nf4", *CPU, "--yes"]) == 0
    assert read_settings("keeptune.yaml", {}).model.quantization == "nf4"


def test_what_it_shows_and_writes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "functions.csv", "--model", "base", *CPU]) == 0
    out = "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())
    assert (folder / "keeptune.yaml").read_text(encoding="utf-8") == YAML
    assert 'columns: prompt ← "{Code Snippet}", completion ← What it does\n' in out
    assert "told apart by a guess: the answer by the name of the other, and the prompt as the longest" in out
    assert EXAMPLE in out
    assert out.count("as the model sees it") == 3
    for fact in ("40 usable rows", "prompt tokens:", "metric: rouge1:", "method: lora:", "only this task counts"):
        assert fact in out, fact
    # What is printed runs, and what is written is accepted.
    commands = re.findall(r": (keeptune .*)", out)
    assert [pasted(line)[0] for line in commands] == ["check", "tune"]
    assert main(shell_words(commands[0])[1:]) == 0
    assert "A run can start; no problems found." in capsys.readouterr().out


def test_flags_go_before_guesses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = [
        "--prompt",
        "Write code. {What it does}",
        "--completion",
        "Code Snippet",
        "--keep",
        "facts:2",
        "--rank",
        "4",
    ]
    assert main(["init", "functions.csv", "--model", "base", *CPU, *flags, "-o", "my 'own'/run.yaml", "--yes"]) == 0
    capsys.readouterr()
    written = read_settings("my 'own'/run.yaml", {})
    asked = read_settings(
        None,
        {"train": "functions.csv", "model": "base", "device": "cpu", "dtype": "float32"}
        | {"prompt": flags[1], "completion": flags[3], "keep": ("facts:2",), "rank": "4"},
    )
    assert written == asked


def test_no_file_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "keeptune.yaml").write_text("lr: 1e-3\n", encoding="utf-8")
    assert main(["init", "functions.csv", "--model", "base"]) == 1
    assert "keeptune.yaml is there already" in capsys.readouterr().err
    assert (folder / "keeptune.yaml").read_text(encoding="utf-8") == "lr: 1e-3\n"


def test_rows_that_cannot_be_used_are_named_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("who?", "he"), ("", "she"), *[(f"{n}?", n) for n in range(30)]]
    write(folder / "rows.csv", ("question", "answer"), rows)
    assert main(["init", "rows.csv", "--model", "base", *CPU]) == 2
    out = capsys.readouterr().out
    assert "rows.csv:3:" in out
    assert "nothing written" in out
    assert not (folder / "keeptune.yaml").exists()
    assert main(["init", "rows.csv", "--model", "base", *CPU, "--skip-bad"]) == 0
    assert "skip_bad: true" in (folder / "keeptune.yaml").read_text(encoding="utf-8")


def test_hostile_cells_only_stand_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;title\x07\x1b[2J\u202e=HYPERLINK(A1)"
    rows = [(f"{evil}{n}" + "x" * (200_000 if n == 0 else 9), f"+cmd|{n}\n" * 99) for n in range(30)]
    write(folder / "rows.csv", (f"Code {evil}", "Says"), rows)
    assert main(["init", "rows.csv", "--model", "base", *CPU]) == 0
    out, err = capsys.readouterr()
    written = (folder / "keeptune.yaml").read_text(encoding="utf-8")
    assert not {"\x1b", "\x07", "\u202e"} & set(out + err + written)
    assert "␛" in out
    assert len(out) < 20_000
    assert read_settings("keeptune.yaml", {}).data.prompt == f"{{Code {evil}}}"


def test_json_is_alone_on_stdout(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "functions.csv", "--model", "base", *CPU, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["path"] == "keeptune.yaml"
    assert told["settings"] == YAML
    assert [part[0] for part in told["rendered"][0]["parts"]] == [False, True]


def test_the_questions_in_a_terminal(folder: Path) -> None:
    """Three questions; a wrong answer is asked again, and Enter takes the default."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "keeptune", "init", "functions.csv", *CPU]
    process = subprocess.Popen(line, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    screen, seen = "", 0

    def until(text: str) -> None:
        nonlocal screen, seen
        end = time.monotonic() + 600
        while text not in screen[seen:]:
            assert time.monotonic() < end, screen
            try:
                screen += os.read(ours, 4096).decode("utf-8", "replace")
            except OSError:
                raise AssertionError(screen) from None
        seen = screen.index(text, seen) + len(text)

    try:
        until("Which column holds the answers?")
        until("[1]:")
        os.write(ours, b"What does it\n")
        until("did you mean What it does?")
        until("[1]:")
        os.write(ours, b"\n")
        until("Which model?")
        os.write(ours, b"base\n")
        until("Does it matter")
        until("[no]:")
        os.write(ours, b"fcats\n")
        until("did you mean facts?")
        until("[no]:")
        os.write(ours, b"facts, grammar\n")
        until("must be kept: facts, grammar")
        until("keeptune tune --config keeptune.yaml")
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    settings = read_settings("keeptune.yaml", {})
    assert settings.model.name == "base"
    assert settings.data.completion == "What it does"
    assert [keep.name for keep in settings.measure.keep] == ["facts", "grammar"]


@pytest.mark.parametrize(
    ("answers", "typed", "chosen"),
    [
        (("2024", "2", "text"), "2", "2"),
        (("2024", "2", "text"), "3", "text"),
        (("2024", "2", "text"), "", "2024"),
        (("text", "1"), "1", "1"),
        (("text", "1"), "", "text"),
    ],
)
def test_a_column_may_be_named_by_digits(
    answers: tuple[str, ...], typed: str, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.prompt", lambda *_, default, **__: typed or default)
    assert _ask_answer(Columns(DataConfig(), answers)) == chosen
