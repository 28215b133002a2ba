"""Rows for `predict`: a prompt, and an answer that is not looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from keeptune.config.schema import DataConfig
from keeptune.data.prompts import load_prompts


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        ({"text": "Fine film.", "label": "good"}, ["Fine film."]),
        ({"input": "1 + 1", "label": "2"}, ["1 + 1"]),
        ({"source": "A long text.", "summary": "Text."}, ["A long text."]),
        ({"sentence": "He go.", "correction": "He goes."}, ["He go."]),
        ({"source": "A text without answer."}, ["A text without answer."]),
        ({"prompt": "Yes?", "completion": "no", "choices": ["yes", "no"], "references": ["no"]}, ["Yes?"]),
        (
            {"conversations": [{"from": "human", "value": "Hi"}, {"from": "Model", "value": "GOLD"}]},
            ["Hi"],
        ),
        ({"messages": [{"role": "user", "content": "Hi"}]}, ["Hi"]),
    ],
)
def test_the_answer_is_not_looked_at(tmp_path: Path, row: dict[str, Any], asked: list[str]) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = load_prompts(str(tmp_path / "rows.jsonl"), DataConfig()).examples
    assert [message.content for message in found.prompt] == asked
    assert (found.completion, found.references, found.choices) == ("", (), ())


def test_an_answer_or_a_group_that_is_named_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"question": "1 + 1"}\n{"question": "2 + 2", "solution": ""}\n')
    found = load_prompts(str(tmp_path / "rows.jsonl"), DataConfig(completion="solution", group="author")).examples
    assert [message.content for example in found for message in example.prompt] == ["1 + 1", "2 + 2"]


def test_a_class_label_is_no_closed_set_that_a_prompt_must_keep_to(tmp_path: Path) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    rows = datasets.Dataset.from_dict({"text": ["Fine film.", "Bad film."], "label": [1, 0]}, features=features)
    rows.to_parquet(tmp_path / "films.parquet")
    found = load_prompts(str(tmp_path / "films.parquet"), DataConfig()).examples
    assert [example.prompt_text for example in found] == ["Fine film.", "Bad film."]
