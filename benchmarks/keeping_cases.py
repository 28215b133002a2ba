"""The cases of `keeping.py`: what each generalist learned, what it is tuned on, and what must be kept.

Rows are chosen by their place in the data files or drawn with a fixed seed, so that they are the same on every machine.
A verdict item is in neither the rows that the generalist learned nor the rows that it is tuned on. Every run, the plain
one too, leaves the same tenth of them to the default for their prompts (`PROMPT_FRACTION`), so that all are measured on
the same items.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import model_case
from model_case import GENERALIST, entities_first

Row = dict[str, Any]
PROMPT_FRACTION = 0.1
METRICS = {**model_case.METRICS, "summaries": "rouge1", "intents": "choice_accuracy", "descriptions": "rouge1"}
FILES = {
    **{task: source[:2] for task, source in model_case.SOURCES.items()},
    "summaries": ("dialogsum/train.jsonl", "dialogsum/dev.jsonl"),
    "intents": ("clinc150/train.jsonl", "clinc150/dev.jsonl"),
    "descriptions": ("e2e/train.jsonl", "e2e/dev.jsonl"),
    "instructions": ("instruct/general_train.jsonl", "instruct/general_dev.jsonl"),
}
"""Task → train file, dev file."""
VERDICT = {"ner": 700, "topic": 400, "qa": 400, "inference": 400, "summaries": 200}
"""Verdict items of a task at most, with those whose prompts are trained on."""


@dataclass(frozen=True, slots=True)
class Case:
    """One task on one starting model."""

    name: str
    task: str
    rows: int
    """Rows to tune on, validation rows included."""
    tests: int
    """Test rows at most."""
    learned: tuple[tuple[str, int], ...]
    """Task → rows that the generalist learns, the first ones of its train file. Empty: the model is tuned as it is."""
    keep: tuple[str, ...]
    """Tasks whose unseen rows are declared."""
    built_in: tuple[str, ...] = ()
    """Built-in abilities that are declared."""


OF_MODEL_CASE = tuple((task, source[2]) for task, source in model_case.SOURCES.items())
CASES = (
    Case("summaries", "summaries", 500, 250, OF_MODEL_CASE, tuple(model_case.SOURCES)),
    Case("intents", "intents", 500, 400, (("summaries", 300), ("ner", 400), ("qa", 200)), ("summaries", "ner", "qa")),
    Case("qa", "qa", 465, 209, (("ner", 400), ("topic", 200)), ("ner", "topic")),
    Case(
        "descriptions",
        "descriptions",
        500,
        200,
        (("inference", 400), ("qa", 200), ("instructions", 400)),
        ("inference", "qa"),
        ("instructions",),
    ),
)
PRICE = Case("price", "summaries", 500, 250, (), (), ("facts", "word_meaning"))
"""What the default costs where nothing would be lost: a model that was never taught a fragile answer format, and two
abilities that are scored by likelihood. The plain training of the demo, whose record is `results/demo.txt`, kept
both."""


def read_rows(file: Path) -> list[Row]:
    """The rows of a JSONL file."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def write_rows(file: Path, rows: list[Row]) -> None:
    """Write a JSONL file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def make_files(case: Case, data: Path, folder: Path) -> None:
    """Write `mix.jsonl` (what the generalist learns), `train.jsonl` and `test.jsonl` (the task) and a file of unseen
    rows for each kept task into `folder`."""
    learned = {task: learned_rows(task, count, data) for task, count in case.learned}
    train, test = task_rows(case, data)
    seen = {row["prompt"] for rows in (*learned.values(), train) for row in rows}
    write_rows(folder / "mix.jsonl", [row for rows in learned.values() for row in rows])
    write_rows(folder / "train.jsonl", train)
    write_rows(folder / "test.jsonl", [row for row in test if row["prompt"] not in seen][: case.tests])
    for task in case.keep:
        unseen = [row for file in reversed(FILES[task]) for row in read_rows(data / file) if row["prompt"] not in seen]
        write_rows(folder / f"{task}.jsonl", unseen[: VERDICT[task]])


def learned_rows(task: str, count: int, data: Path) -> list[Row]:
    """The rows of a task that a generalist learns: of entity recognition, three quarters with entities."""
    lines = (data / FILES[task][0]).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in (entities_first(lines, count) if task == "ner" else lines)[:count]]


def task_rows(case: Case, data: Path) -> tuple[list[Row], list[Row]]:
    """Rows to tune on, and rows to test on: those of the dev file, then those that are left over.

    Summaries are drawn from the whole train file by `--limit-train`, as in `model_case.py`. Of the other tasks, prompts
    are drawn here with a fixed seed, since their files are in order of intent and of restaurant. A description's data
    come with up to two answers: as a test row they are one, with both as references.
    """
    rows, dev = (read_rows(data / file) for file in FILES[case.task])
    if case.task == "summaries":
        return rows, dev
    rows = _in_drawn_order(rows)
    left = rows[case.rows :]
    return rows[: case.rows], [*dev, *(_with_references(left) if case.task == "descriptions" else left)]


def _in_drawn_order(rows: list[Row]) -> list[Row]:
    """`rows` by prompts in random order, the same each time; those of one prompt stay together."""
    prompts = list(dict.fromkeys(row["prompt"] for row in rows))
    random.Random(0).shuffle(prompts)
    place = {prompt: at for at, prompt in enumerate(prompts)}
    return sorted(rows, key=lambda row: place[row["prompt"]])


def _with_references(rows: list[Row]) -> list[Row]:
    answers: dict[str, list[str]] = {}
    for row in rows:
        answers.setdefault(row["prompt"], []).append(row["completion"])
    first = {row["prompt"]: row for row in reversed(rows)}
    return [{**first[prompt], "references": found} for prompt, found in answers.items()]


def generalist_command(case: Case, model: str, data: Path, folder: Path) -> list[str]:
    """The command that trains the generalist of a case, like that of `model_case.py`."""
    task = case.learned[0][0]
    rows = ["--train", str(folder / "mix.jsonl"), "--test", str(data / FILES[task][1]), "--limit-test", "100"]
    return ["tune", "--model", model, *rows, *GENERALIST]


def task_command(case: Case, base: str, folder: Path) -> list[str]:
    """The command that tunes on the case's task, without the method and what keeps abilities."""
    kept = [f"{task}={folder / task}.jsonl:{METRICS[task]}" for task in case.keep]
    keep = [word for ability in (*kept, *case.built_in) for word in ("--keep", ability)]
    rows = ["--train", str(folder / "train.jsonl"), "--test", str(folder / "test.jsonl")]
    rows += ["--limit-train", str(case.rows)]
    measured = ["--measure", "full", "--abilities", "none", "--fail-on", "none"]
    words = ["tune", "--model", base, *rows, "--metric", METRICS[case.task], *keep, *measured]
    return [*words, "--prompt-fraction", str(PROMPT_FRACTION)]
