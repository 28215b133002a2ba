"""Abilities to keep, as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from keeptune.config.given import Given
from keeptune.config.keep import read_keep
from keeptune.config.load import load_config
from keeptune.config.schema import Keep, TuneConfig
from keeptune.errors import ConfigError
from keeptune.scoring.table import METRICS


def read(*values: object) -> tuple[Keep, ...]:
    return read_keep(Given("measure.keep", list(values), "--keep"), tuple(METRICS))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sentiment", Keep("sentiment")),
        ("sentiment:3", Keep("sentiment", margin=3.0)),
        ("facts:choice_accuracy_norm:2.5", Keep("facts", metric="choice_accuracy_norm", margin=2.5)),
        ("ner=items.jsonl", Keep("ner", "items.jsonl")),
        ("ner=items.jsonl:2", Keep("ner", "items.jsonl", margin=2.0)),
        ("ner=items.jsonl:entity_f1", Keep("ner", "items.jsonl", "entity_f1")),
        ("ner=items.jsonl:entity_f1:2", Keep("ner", "items.jsonl", "entity_f1", 2.0)),
        ("qa=C:/data/qa.csv:token_f1:1", Keep("qa", "C:/data/qa.csv", "token_f1", 1.0)),
        ("mine=a.jsonl:own.py:score:4", Keep("mine", "a.jsonl", "own.py:score", 4.0)),
        ("arc=lm-eval:arc_easy", Keep("arc", "lm-eval:arc_easy")),
        ("old=run:7", Keep("old", "run:7")),
        ("old=run:runs/a:7", Keep("old", "run:runs/a", margin=7.0)),
        ("arc=lm-eval:arc_easy:acc_norm:1", Keep("arc", "lm-eval:arc_easy", "acc_norm", 1.0)),
        (
            {"name": "ner", "data": "x.jsonl", "metric": "entity_f1", "margin": 2},
            Keep("ner", "x.jsonl", "entity_f1", 2),
        ),
        ({"name": "facts"}, Keep("facts")),
    ],
)
def test_every_form(written: object, meant: Keep) -> None:
    assert read(written) == (meant,)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "write NAME"),
        ("=items.jsonl", "write NAME"),
        ("ner=", "write NAME"),
        ("ner=items.jsonl:entity_f1:0", "a margin is more than 0"),
        ("ner=items.jsonl:entity_f1:-2", "a margin is more than 0"),
        ("facts:acuracy", "Known: "),
        (7, "write NAME"),
        ({"name": "ner", "metrik": "x"}, "did you mean metric"),
        ("ner=items.jsonl:entity_f2:2", "did you mean entity_f1"),
        ("ner=items.jsonl:entity_f1:2pt", "has the metric 'entity_f1:2pt' for ner"),
        ({"data": "x.jsonl"}, "has the name None"),
        ({"name": "ner", "margin": "much"}, "has the margin 'much'"),
    ],
)
def test_what_is_wrong_is_named(written: object, said: str) -> None:
    with pytest.raises(ConfigError, match="--keep") as caught:
        read(written)
    assert said in str(caught.value)


def test_a_name_twice() -> None:
    with pytest.raises(ConfigError, match="names facts twice"):
        read("facts", "facts:2")


def load(tmp_path: Path, text: str, **flags: object) -> TuneConfig:
    file = tmp_path / "run.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file, flags, methods=("lora",), metrics=tuple(METRICS))


def test_yaml_flags_and_their_order(tmp_path: Path) -> None:
    text = "keep:\n  - facts:2\n  - {name: ner, data: a.jsonl, metric: entity_f1}\nmeasure:\n  fail_on: fail\n"
    config = load(tmp_path, text)
    assert config.measure.keep == (Keep("facts", margin=2.0), Keep("ner", "a.jsonl", "entity_f1"))
    assert config.measure.fail_on == ("fail",)
    assert load(tmp_path, text, keep=("sentiment",)).measure.keep == (Keep("sentiment"),)
    assert load(tmp_path, "measure: none\n").measure.extent == "none"


@pytest.mark.parametrize("outcome", ["lost", "fail,pass"])
def test_outcomes_to_fail_on(tmp_path: Path, outcome: str) -> None:
    with pytest.raises(ConfigError, match="fail_on"):
        load(tmp_path, f"measure:\n  fail_on: [{outcome}]\n")
