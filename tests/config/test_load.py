"""Settings from YAML and flags: aliases, precedence, and every message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeptune.config.load import load_config
from keeptune.config.schema import Adapter, Full, TuneConfig
from keeptune.errors import ConfigError
from keeptune.records import to_plain
from tests.config.bad_configs import BAD_CONFIGS, BadConfig

METHODS = ("lora", "dora", "ia3")
METRICS = ("rouge1", "rougeL", "exact_match")


def load(tmp_path: Path, yaml: str = "", **flags: Any) -> TuneConfig:
    file = tmp_path / "run.yaml"
    file.write_text(yaml, encoding="utf-8")
    return load_config(file, flags, methods=METHODS, metrics=METRICS)


@pytest.mark.parametrize("bad", BAD_CONFIGS, ids=lambda bad: bad.name)
def test_a_bad_config_is_named(bad: BadConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, bad.yaml, **bad.flags)
    for words in bad.must_say:
        assert words in str(caught.value)
    assert caught.value.fix


def test_the_table_has_kinds() -> None:
    assert len(BAD_CONFIGS) >= 40
    assert len({bad.kind for bad in BAD_CONFIGS}) >= 9
    assert len({bad.name for bad in BAD_CONFIGS}) == len(BAD_CONFIGS)


def test_nothing_given_is_the_default() -> None:
    assert load_config(None, {}, methods=METHODS, metrics=METRICS) == TuneConfig()


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load(tmp_path, "# nothing\ndata:\nlr:\n") == TuneConfig()


def test_sections_and_flat_keys_say_the_same(tmp_path: Path) -> None:
    nested = load(tmp_path, "model: {name: m}\ntraining: {lr: 1e-4}\nmethod: {kind: dora, rank: 8}\ndata: {train: a}\n")
    flat = load(tmp_path, "model: m\nlr: 0.0001\nmethod: dora\nrank: 8\ntrain: a\n")
    assert nested == flat
    assert nested.training.lr == 1e-4
    assert nested.method == Adapter("dora", rank=8)


def test_flags_win_over_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, "learning_rate: 1e-4\nseed: 3\nbatch_size: 2\n", lr="2e-4", per_device_train_batch_size="4")
    assert (config.training.lr, config.training.seed, config.training.batch_size) == (2e-4, 3, 4)


def test_a_flag_puts_another_method_in_the_place_of_the_files(tmp_path: Path) -> None:
    assert load(tmp_path, "method: lora\nrank: 4\n", method="full").method == Full()


@pytest.mark.parametrize(
    ("yaml", "key", "value"),
    [
        ("model_name_or_path: m", "model.name", "m"),
        ("torch_dtype: float32", "model.dtype", "float32"),
        ("bf16: true", "model.dtype", "bfloat16"),
        ("fp16: false", "model.dtype", "auto"),
        ("trust_remote_code: true", "model.allow_remote_code", True),
        ("train_file: a.csv", "data.train", "a.csv"),
        ("dataset_name: squad", "data.train", "squad"),
        ("max_seq_length: 512", "data.max_length", 512),
        ("keep_duplicates: true", "data.drop_duplicates", False),
        ("lora_r: 4", "method.rank", 4),
        ("lora_alpha: 8", "method.alpha", 8.0),
        ("lora_dropout: 0", "method.dropout", 0.0),
        ("lora_target_modules: all-linear", "method.target_modules", "all-linear"),
        ("lora_target_modules: [q_proj, v_proj]", "method.target_modules", "q_proj,v_proj"),
        ("use_peft: true", "method.kind", "lora"),
        ("use_peft: false", "method.kind", "full"),
        ("learning_rate: 1e-4", "training.lr", 1e-4),
        ("num_train_epochs: 3", "training.epochs", 3.0),
        ("per_device_train_batch_size: 4\ngradient_accumulation_steps: 4", "training.batch_size", 16),
        ("gradient_accumulation_steps: 2", "training.batch_size", 16),
        ("warmup_ratio: 0.1", "training.warmup_fraction", 0.1),
        ("warmup_steps: 0.1", "training.warmup_fraction", 0.1),
        ("max_grad_norm: 0.5", "training.max_grad_norm", 0.5),
        ("metric: rougeL", "evaluation.metrics", ("rougeL",)),
        ("metrics: [rougeL, my.py:score]", "evaluation.metrics", ("rougeL", "my.py:score")),
        ("output_dir: out", "output", "out"),
        ("output_dir: out\nresume_from_checkpoint: true", "resume", True),
        ("report_to: none\nlr_scheduler_type: cosine", "training.lr", None),
        ("training: {learning_rate: 1e-4}", "training.lr", 1e-4),
    ],
)
def test_known_names_are_taken(tmp_path: Path, yaml: str, key: str, value: Any) -> None:
    found: Any = load(tmp_path, yaml)
    for name in key.split("."):
        found = getattr(found, name)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("method", [Full(), Adapter("dora", rank=3)])
def test_a_runs_own_config_can_be_read(tmp_path: Path, method: Full | Adapter) -> None:
    config = TuneConfig(method=method, output="runs/a")
    assert load(tmp_path, json.dumps(to_plain(config), indent=1)) == config


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no config file"):
        load_config(tmp_path / "none.yaml", {}, methods=METHODS, metrics=METRICS)


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_bytes(b"lr: \xff\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "run.yaml", {}, methods=METHODS, metrics=METRICS)
