"""Settings files of other trainers become settings that `check` takes, and no key is lost on the way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from keeptune.bridges.foreign.import_settings import TRAINERS, Imported, import_settings
from keeptune.cli.main import main
from keeptune.config.settings import SETTINGS
from keeptune.errors import ConfigError

TRL = """\
model_name_or_path: {model}
dataset_name: {rows}
learning_rate: 2.0e-4
num_train_epochs: 2
per_device_train_batch_size: 4
gradient_accumulation_steps: 2
max_length: 256
packing: true
warmup_ratio: 0.1
lr_scheduler_type: linear
use_peft: true
lora_r: 8
lora_alpha: 16
lora_target_modules: all-linear
logging_steps: 25
assistant_only_loss: true
output_dir: {output}
a_new_flag: 3
"""
AXOLOTL = """\
base_model: {model}
datasets:
  - path: {rows}
    type: alpaca
adapter: qlora
load_in_4bit: true
sequence_len: 256
sample_packing: true
val_set_size: 0.05
lora_r: 8
lora_alpha: 16
lora_target_linear: true
micro_batch_size: 2
gradient_accumulation_steps: 4
num_epochs: 1
optimizer: paged_adamw_8bit
lr_scheduler: cosine
learning_rate: 0.0002
bf16: auto
special_tokens:
  pad_token: <pad>
a_new_flag: 3
"""
LLAMA_FACTORY = """\
model_name_or_path: {model}
stage: sft
do_train: true
finetuning_type: lora
lora_rank: 8
lora_target: all
dataset: mine
dataset_dir: {folder}
template: llama3
cutoff_len: 256
max_samples: 40
val_size: 0.1
per_device_train_batch_size: 1
gradient_accumulation_steps: 8
learning_rate: 1.0e-4
num_train_epochs: 3.0
lr_scheduler_type: cosine
bf16: true
a_new_flag: 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"instruction": f"Say {n}.", "input": "", "output": f"{n} is said"} for n in range(60)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "dataset_info.json").write_text(json.dumps({"mine": {"file_name": "rows.jsonl"}}))
    return tmp_path


def read(text: str, folder: Path, trainer: str | None = None) -> Imported:
    (folder / "theirs.yaml").write_text(text)
    return import_settings(folder / "theirs.yaml", trainer)


def filled(text: str, folder: Path, model: object = "org/model") -> str:
    return text.format(model=model, rows=folder / "rows.jsonl", folder=folder, output=folder / "run")


@pytest.mark.parametrize(("name", "text"), [("trl", TRL), ("axolotl", AXOLOTL), ("llama-factory", LLAMA_FACTORY)])
def test_what_is_written_is_accepted_and_no_key_is_lost(name: str, text: str, folder: Path, tiny, capsys) -> None:
    (folder / "theirs.yaml").write_text(filled(text, folder, tiny("llama")))
    output = folder / "keeptune.yaml"
    assert main(["import", str(folder / "theirs.yaml"), "--output", str(output)]) == 0
    said = capsys.readouterr().out
    keys = list(yaml.safe_load(filled(text, folder)))
    for key in keys:
        assert f"{key}" in said
    assert "a_new_flag: 3  (unknown" in output.read_text()
    assert main(["check", "--config", str(output), "--quiet"]) == 0
    assert main(["import", str(folder / "theirs.yaml"), "--output", str(output)]) == 1, "it is not overwritten"


def test_trl(folder: Path) -> None:
    found = read(filled(TRL, folder), folder)
    assert found.trainer == "trl"
    assert found.settings == {
        "model.name": "org/model",
        "data.train": str(folder / "rows.jsonl"),
        "training.lr": 2e-4,
        "training.epochs": 2,
        "data.max_length": 256,
        "training.warmup_fraction": 0.1,
        "method.rank": 8,
        "method.alpha": 16,
        "method.target_modules": "all-linear",
        "data.loss_on": "all",
        "output": str(folder / "run"),
        "training.batch_size": 8,
        "method.kind": "lora",
    }
    kinds = {line.key: line.kind for line in found.lines}
    assert kinds["packing"] == kinds["lr_scheduler_type"] == kinds["logging_steps"] == "left out"
    assert kinds["max_length"] == kinds["per_device_train_batch_size"] == "differs"
    assert kinds["a_new_flag"] == "unknown"
    assert found.defaults == {}


@pytest.mark.parametrize(
    ("steps", "kind", "settings"),
    [
        ("0.05", "same", {"training.warmup_fraction": 0.05}),
        ("100", "left out", {}),
        ("0", "same", {}),
        ("0.0", "same", {}),
        ("5.0", "left out", {}),
    ],
)
def test_warmup_steps_below_one_are_a_share(steps: str, kind: str, settings: dict[str, float], folder: Path) -> None:
    found = read(f"model_name_or_path: org/model\nwarmup_steps: {steps}\n", folder, "trl")
    assert {line.key: line.kind for line in found.lines}["warmup_steps"] == kind
    assert {key: value for key, value in found.settings.items() if key.startswith("training.warmup")} == settings


def test_axolotl(folder: Path) -> None:
    found = read(filled(AXOLOTL, folder), folder)
    assert found.trainer == "axolotl"
    wanted = {
        "data.train": str(folder / "rows.jsonl"),
        "data.max_length": 256,
        "data.too_long": "drop",
        "data.validation_fraction": 0.05,
        "method.kind": "lora",
        "training.batch_size": 8,
        "method.target_modules": "all-linear",
    }
    assert {key: found.settings[key] for key in wanted} == wanted
    assert "model.dtype" not in found.settings
    kinds = {line.key: line.kind for line in found.lines}
    assert found.settings["model.quantization"] == "nf4"
    assert kinds["datasets"] == "differs"
    assert kinds["special_tokens.pad_token"] == "left out"
    assert found.settings["training.optimizer"] == "adamw_8bit"
    assert kinds["optimizer"] == "differs", "paged"


def test_llama_factory(folder: Path) -> None:
    found = read(filled(LLAMA_FACTORY, folder), folder)
    assert found.trainer == "llama-factory"
    wanted = {
        "data.train": str(folder / "rows.jsonl"),
        "data.limit_train": 40,
        "data.loss_on": "all",
        "method.target_modules": "all-linear",
        "method.rank": 8,
        "method.alpha": 16,
        "model.dtype": "bfloat16",
        "training.batch_size": 8,
    }
    assert {key: found.settings[key] for key in wanted} == wanted
    assert {line.key: line.kind for line in found.lines}["template"] == "left out"


def test_the_alpha_of_llama_factory_is_twice_the_rank_unless_it_is_named(folder: Path) -> None:
    assert read("stage: sft\nlora_rank: 64\n", folder).settings["method.alpha"] == 128
    named = read("stage: sft\nlora_rank: 64\nlora_alpha: 64\n", folder)
    assert named.settings["method.alpha"] == 64
    unsaid = read("stage: sft\n", folder).defaults
    assert (unsaid["method.rank"], unsaid["method.alpha"]) == ("8", "twice the rank")


def test_columns_of_llama_factory_become_templates(folder: Path) -> None:
    columns = {"prompt": "ask", "query": "of", "response": "say", "history": "before"}
    (folder / "dataset_info.json").write_text(json.dumps({"mine": {"file_name": "a.json", "columns": columns}}))
    found = read(f"stage: sft\ndataset: mine\ndataset_dir: {folder}\n", folder)
    assert (found.settings["data.prompt"], found.settings["data.completion"]) == ("{ask}\n{of}", "say")
    assert "without the columns history" in {line.key: line.note for line in found.lines}["dataset"]
    lost = read(f"stage: sft\ndataset: other\ndataset_dir: {folder}\n", folder)
    assert "data.train" not in lost.settings


def test_several_keys_decide_the_method(folder: Path) -> None:
    dora = read("base_model: m\nadapter: lora\npeft_use_dora: true\npeft_use_rslora: true\n", folder, "axolotl")
    assert dora.settings["method.kind"] == "dora"
    assert {line.key: line.kind for line in dora.lines}["peft_use_rslora"] == "left out"
    full = read("model_name_or_path: m\nuse_peft: false\nlora_r: 8\n", folder, "trl")
    assert full.settings == {"model.name": "m", "method.kind": "full"}
    assert {line.key: line.note for line in full.lines}["lora_r"].startswith("belongs to an adapter")
    assert read("base_model: m\n", folder, "axolotl").settings["method.kind"] == "full", "as axolotl does unasked"
    assert "method.kind" not in read("stage: sft\n", folder).settings, "LoRA is the default of both"
    assert read("adapter: loha\nbase_model: m\n", folder, "axolotl").settings["method.kind"] == "lora"


@pytest.mark.parametrize(
    ("text", "trainer", "kind"),
    [
        ("use_rslora: true\n", "trl", "full"),
        ("peft_use_dora: true\n", "axolotl", "full"),
        ("adapter: null\npeft_use_dora: true\n", "axolotl", "full"),
        ("use_dora: true\n", "llama-factory", "dora"),
        ("use_peft: yes\nuse_rslora: off\n", "trl", "lora"),
        ("use_peft: no\n", "trl", "full"),
        ("adapter: lora\npeft_use_rslora: on\n", "axolotl", "rslora"),
    ],
)
def test_a_variant_is_one_of_an_adapter(text: str, trainer: str, kind: str, folder: Path) -> None:
    assert read(text, folder, trainer).settings["method.kind"] == kind


def test_truth_values_of_yaml_1_1(folder: Path) -> None:
    for text, trainer in (("bf16: yes\n", "trl"), ("bf16: on\n", "axolotl"), ("bf16: yes\n", "llama-factory")):
        assert read(text, folder, trainer).settings["model.dtype"] == "bfloat16"
    assert "model.dtype" not in read("bf16: no\n", folder, "axolotl").settings
    assert read("assistant_only_loss: yes\n", folder, "trl").settings["data.loss_on"] == "all"


@pytest.mark.parametrize(
    ("data_set", "train"),
    [
        ("{path: org/repo, data_files: x.parquet}", None),
        ("{path: json, data_files: x.jsonl, split: train}", "x.jsonl"),
        ("{path: folder, data_files: x.jsonl}", "folder/x.jsonl"),
        ("{path: rows.jsonl, split: train, ds_type: json}", "rows.jsonl"),
        ("{path: org/repo, split: train}", "org/repo:train"),
    ],
)
def test_a_file_of_axolotl_has_no_split(
    data_set: str, train: str | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "folder").mkdir()
    found = read(f"datasets: [{data_set}]\n", folder, "axolotl")
    assert found.settings.get("data.train") == train
    if train is None:
        assert "one file of org/repo" in found.lines[0].note


def test_another_split_of_a_file_is_told(folder: Path) -> None:
    found = read("datasets: [{path: rows.jsonl, split: 'train[:10%]', type: alpaca}]\n", folder, "axolotl")
    assert (found.settings["data.train"], found.lines[0].kind) == ("rows.jsonl", "differs")
    assert "without split" in found.lines[0].note


@pytest.mark.parametrize(
    ("value", "kind", "becomes"),
    [("raise", "same", "error"), ("drop", "same", "drop"), ("truncate", "differs", "truncate")],
)
def test_rows_that_are_too_long_for_axolotl(value: str, kind: str, becomes: str, folder: Path) -> None:
    found = read(f"base_model: m\nexcess_length_strategy: {value}\n", folder, "axolotl")
    assert (found.lines[1].kind, found.settings["data.too_long"]) == (kind, becomes)


def test_parts_of_a_hub_data_set_are_put_together(folder: Path) -> None:
    trl = read("dataset_name: org/rows\ndataset_config: en\ndataset_train_split: main\n", folder, "trl")
    assert trl.settings["data.train"] == "org/rows:en:main"
    axolotl = read("datasets:\n  - {path: org/rows, name: en, type: chat_template}\n", folder, "axolotl")
    assert axolotl.settings["data.train"] == "org/rows:en:train"
    assert axolotl.settings["data.loss_on"] == "all"
    two = read("datasets:\n  - {path: a}\n  - {path: b}\n", folder, "axolotl")
    assert "keeptune mix" in two.lines[0].note


@pytest.mark.parametrize(
    ("text", "trainer", "told"),
    [
        ("learning_rate: fast\n", "trl", r"theirs\.yaml:1: training\.lr"),
        ("num_train_epochs: 1\nper_device_train_batch_size: many\n", "trl", "whole numbers"),
        ("hello: 1\n", None, "no trainer that is known"),
        ("learning_rate: 1.0e-4\n", "torchtune", "there is no trainer"),
        ("base_model: a\nbase_model: b\n", None, "given twice"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, trainer: str | None, told: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=told):
        read(text, folder, trainer)


def test_a_secret_is_not_repeated(folder: Path) -> None:
    found = read("lora_r: 4\nhub_token: hf_abcdefghijklmnopqrstuvwxyz\nmy_api_key: abc\n", folder, "trl")
    assert "hf_abcdef" not in found.yaml()
    assert "abc" not in found.yaml()


def test_no_text_of_theirs_becomes_a_line_of_ours(folder: Path) -> None:
    text = '"new\\nkey": "a\\nallow_pickle: true"\nother: "b\\u2028seed: 3"\nlora_r: 4\n'
    found = read(text, folder, "trl")
    assert yaml.safe_load(found.yaml()) == {"method": {"kind": "full"}}
    assert len(found.yaml().split("# Not in it:\n")[1].splitlines()) == 3


def test_of_two_keys_for_one_setting_the_other_is_named(folder: Path) -> None:
    found = read("torch_dtype: float32\nbf16: true\nmodel_name_or_path: m\n", folder, "trl")
    assert found.settings["model.dtype"] == "bfloat16"
    (first, *_) = found.lines
    assert (first.kind, first.settings) == ("left out", {})
    assert "theirs.yaml:2" in first.note


def test_the_tables_name_settings_that_exist() -> None:
    values = (True, False, 1, 0.5, "lora", "x", ["x"], None)
    for trainer in TRAINERS.values():
        for key, rule in trainer.rules({}, Path()).items():
            for value in values:
                for setting in rule(value).settings:
                    assert setting in SETTINGS or "." not in setting, f"{trainer.name}: {key} → {setting}"
