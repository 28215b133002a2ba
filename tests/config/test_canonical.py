"""One form for every setting, wherever it comes from."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keeptune.config import Adapter, DataConfig, EvaluationConfig, Keep, MitigationConfig, TrainingConfig, TuneConfig
from keeptune.config.affects import Affects, affecting, leaves
from keeptune.config.load import load_config
from keeptune.config.paths import with_absolute_paths
from keeptune.config.settings import SETTINGS
from keeptune.records import from_plain, to_plain
from keeptune.workspace.hashing import hash_value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Adapter(), Adapter(alpha=32.0)),
        (Adapter(alpha=8, dropout=0), Adapter(alpha=np.float64(8), dropout=-0.0)),
        (TrainingConfig(lr=1, batch_size=8), TrainingConfig(lr=np.float32(1), batch_size=8.0)),
        (MitigationConfig(kl=1, replay=("old.jsonl",)), MitigationConfig(kl=1.0, replay=[Path("old.jsonl")])),
        (DataConfig(train="rows.jsonl", limit_train=np.int64(5)), DataConfig(train=Path("rows.jsonl"), limit_train=5)),
        (EvaluationConfig(metrics=("rouge1",)), EvaluationConfig(metrics="rouge1")),
        (Keep("facts", margin=2), Keep("facts", margin=2.0)),
    ],
)
def test_equal_settings_have_one_hash(one: Any, other: Any) -> None:
    assert hash_value(one) == hash_value(other)
    assert hash_value(from_plain(type(one), json.loads(json.dumps(to_plain(one))))) == hash_value(one)


def test_what_is_of_no_declared_type_is_left_for_the_checks() -> None:
    assert TrainingConfig(batch_size=1.5, lr="fast", torch_compile=1).batch_size == 1.5


def test_flags_and_a_config_json_of_them_are_the_same_settings(tmp_path: Path) -> None:
    flags = {
        "output": "out",
        "train": "rows.jsonl",
        "rank": "8",
        "epochs": "2",
        "lr": "1e-5",
        "kl": "1",
        "keep": ["facts:2"],
    }
    given = load_config(None, flags, methods=("lora",), metrics=("rouge1",))
    (tmp_path / "config.json").write_text(json.dumps(to_plain(given), indent=2))
    again = load_config(tmp_path / "config.json", {}, methods=("lora",), metrics=("rouge1",))
    assert hash_value(again) == hash_value(given)


def test_every_leaf_of_the_settings_is_a_setting() -> None:
    assert [name for name, _ in leaves(to_plain(TuneConfig()))] == list(SETTINGS)


def test_settings_can_be_told_apart_by_what_they_affect() -> None:
    answers = affecting(TuneConfig(), Affects.ANSWERS)
    assert answers["evaluation.max_new_tokens"] is None
    assert "method.alpha" not in answers


def test_paths_mean_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("rows.jsonl", "mine.py"):
        (tmp_path / name).touch()
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path)
    config = TuneConfig(
        data=DataConfig(train="rows.jsonl", test="someone/rows:test"),
        evaluation=EvaluationConfig(metrics=("mine.py:score", "rouge1")),
        mitigation=MitigationConfig(replay=("rows.jsonl",)),
        measure=dataclasses.replace(
            TuneConfig().measure, keep=(Keep("before", "run:run"), Keep("mine", "rows.jsonl", "mine.py:score"))
        ),
        output="run",
    )
    there = with_absolute_paths(config)
    monkeypatch.chdir("/")
    assert with_absolute_paths(there) == there
    assert (there.data.train, there.data.test) == (str(tmp_path / "rows.jsonl"), "someone/rows:test")
    assert there.evaluation.metrics == (f"{tmp_path / 'mine.py'}:score", "rouge1")
    assert there.measure.keep[0].data == f"run:{tmp_path / 'run'}"
    assert there.model.name == "smollm2"


def test_a_sheet_and_a_split_mean_the_same_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "book.xlsx").touch()
    (tmp_path / "data").mkdir()
    (tmp_path / "two:parts.jsonl").touch()
    monkeypatch.chdir(tmp_path)
    config = TuneConfig(
        data=DataConfig(train="book.xlsx:Sheet2", test="data:test"),
        mitigation=MitigationConfig(replay=("two:parts.jsonl", "org/name:train", r"C:\rows.xlsx:One")),
        measure=dataclasses.replace(TuneConfig().measure, keep=(Keep("mine", "data:kept"), Keep("h", "lm-eval:data"))),
    )
    there = with_absolute_paths(config)
    assert (there.data.train, there.data.test) == (f"{tmp_path}/book.xlsx:Sheet2", f"{tmp_path}/data:test")
    assert there.mitigation.replay == (f"{tmp_path}/two:parts.jsonl", "org/name:train", r"C:\rows.xlsx:One")
    assert [keep.data for keep in there.measure.keep] == [f"{tmp_path}/data:kept", f"lm-eval:{tmp_path}/data"]
    monkeypatch.chdir("/")
    assert with_absolute_paths(there) == there
