"""Settings of `trl sft --config`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeptune.bridges.foreign.rule import (
    CUT,
    METHOD,
    NO_COUNTERPART,
    OF_TRAINER,
    PACKING,
    Meaning,
    Rule,
    Trainer,
    differs,
    each,
    left,
    same,
    same_if,
    switch,
    targets,
)
from keeptune.config.aliases import as_bool

NF4 = {"model.quantization": "nf4"}
INT8 = {"model.quantization": "int8"}
BY_BITSANDBYTES = "a base in 4 bits is nf4, one in 8 bits int8, by bitsandbytes"


def _loss(value: Any) -> Meaning:
    return Meaning("differs", {"data.loss_on": "all" if as_bool(value) else "last"}, "the loss is never on prompts")


RULES: Mapping[str, Rule] = {
    **OF_TRAINER,
    "model_name_or_path": same("model.name"),
    "model_revision": same("model.revision"),
    **each("dtype torch_dtype", same("model.dtype")),
    "use_peft": switch(Meaning("same", {METHOD: "lora"}), Meaning("same", {METHOD: "full"})),
    "lora_r": same("method.rank"),
    "lora_alpha": same("method.alpha"),
    "lora_dropout": same("method.dropout"),
    "lora_target_modules": targets("all-linear"),
    "use_rslora": switch(Meaning("same", {METHOD: "rslora"})),
    "use_dora": switch(Meaning("same", {METHOD: "dora"})),
    **each("max_length max_seq_length", differs("data.max_length", CUT)),
    "load_in_4bit": switch(Meaning("same", NF4)),
    "load_in_8bit": switch(Meaning("same", INT8)),
    "bnb_4bit_quant_type": same_if("nf4", else_=BY_BITSANDBYTES),
    "use_bnb_nested_quant": switch(Meaning("same"), Meaning("left out", note="the scales of nf4 are quantised, too")),
    **each("packing packing_strategy padding_free eval_packing pad_to_multiple_of", PACKING),
    "assistant_only_loss": _loss,
    "completion_only_loss": switch(Meaning("same"), Meaning("left out", note="the loss is never on prompts")),
    "dataset_test_split": left("name rows to score the task on as test, as NAME:SPLIT"),
    "chat_template_path": left("the tokenizer's own chat template is used"),
    **each(
        "dataset_text_field dataset_num_proc dataset_streaming dataset_kwargs lora_modules_to_save lora_task_type"
        " model_init_kwargs eos_token pad_token shuffle_dataset loss_type activation_offloading",
        NO_COUNTERPART,
    ),
}  # fmt: skip
OWN = ("dataset_name", "model_name_or_path", "use_peft", "lora_target_modules", "max_length", "dataset_text_field")
"""Keys by which a file is known to be TRL's."""
DEFAULTS = {"training.lr": "2e-5", "training.epochs": "3", "training.batch_size": "8 rows a device", METHOD: "full"}
"""What TRL does where nothing is said."""


def _rules(values: Mapping[str, Any], _: Path) -> Mapping[str, Rule]:
    """The rules for one file: configuration and split belong to the data set's name."""
    config, split = values.get("dataset_config"), values.get("dataset_train_split")
    parts = [config, split or (config and "train")]

    def train(value: Any) -> Meaning:
        return Meaning("same", {"data.train": ":".join(str(part) for part in (value, *parts) if part)})

    return {**RULES, "dataset_name": train, **each("dataset_config dataset_train_split", lambda _: Meaning("same"))}


TRL = Trainer("trl", _rules, OWN, DEFAULTS, rows_by_default=8)
