"""Which columns are prompt and answer, where names alone do not tell."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from keeptune.config import DataConfig
from keeptune.data.columns import read_columns
from keeptune.data.load import read_examples


def table(folder: Path, head: Sequence[str], *columns: Sequence[object]) -> DataConfig:
    file = folder / "rows.csv"
    with file.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([head, *zip(*columns, strict=True)])
    return DataConfig(train=str(file))


NUMBERS = range(1, 9)
CODE = [f"def f{n}(values): return sorted(values)[{n}]" for n in NUMBERS]
SAYS = [f"Gives item {n}" for n in NUMBERS]
EMPTY = [""] * 8
SAME = ["yes"] * 8


@pytest.mark.parametrize(
    ("head", "columns", "prompt", "completion"),
    [
        (("Code Snippet", "What it does"), (CODE, SAYS), "{Code Snippet}", "What it does"),
        (("What it does", "Code Snippet"), (SAYS, CODE), "{Code Snippet}", "What it does"),
        (("Short answer", "Found in"), (SAYS, CODE), "{Found in}", "Short answer"),
        (("left", "right"), (CODE, SAYS), "{left}", "right"),
        (("No.", "left", "note", "ok", "right"), (NUMBERS, CODE, EMPTY, SAME, SAYS), "{left}", "right"),
        (("a {b}", "c"), (CODE, SAYS), "a {b}", "c"),
    ],
)
def test_a_guess_reads_every_row(
    head: Sequence[str], columns: Sequence[Sequence[object]], prompt: str, completion: str, tmp_path: Path
) -> None:
    found = read_columns(table(tmp_path, head, *columns))
    data = found.settings(found.answers[0])
    assert (data.prompt, data.completion) == (prompt, completion)
    assert found.why.startswith("by a guess")
    examples, _, problems = read_examples(str(data.train), data, "train")
    assert len(examples) == 8
    assert not [problem for problem in problems if problem.severity == "error"]
    assert examples[0].completion == SAYS[0]


def test_another_answer_has_another_prompt(tmp_path: Path) -> None:
    found = read_columns(table(tmp_path, ("left", "right"), CODE, SAYS))
    assert found.answers == ("right", "left")
    assert found.settings("left").prompt == "{right}"


def test_known_names_are_read_as_everywhere(tmp_path: Path) -> None:
    config = table(tmp_path, ("question", "answer"), CODE, SAYS)
    found = read_columns(config)
    assert (found.config, found.answers, found.template) == (config, (), "{question}")


def test_ambiguous_names_are_a_question(tmp_path: Path) -> None:
    found = read_columns(table(tmp_path, ("text", "summary", "label"), CODE, SAYS, [f"k{n % 2}" for n in NUMBERS]))
    assert found.answers == ("summary", "label")
    data = found.settings("label")
    assert (data.prompt, data.completion) == (None, "label")
    assert read_examples(str(data.train), data, "train")[1] == "prompt ← text, completion ← label"


def test_what_the_user_says_stays(tmp_path: Path) -> None:
    config = table(tmp_path, ("left", "right"), CODE, SAYS)
    half = read_columns(DataConfig(train=config.train, completion="left"))
    assert (half.config.completion, half.config.prompt) == ("left", "{right}")
    wrong = DataConfig(train=config.train, completion="rihgt")
    assert read_columns(wrong).config == wrong


def test_one_column_is_no_pair(tmp_path: Path) -> None:
    assert read_columns(table(tmp_path, ("left",), CODE)).answers == ()
