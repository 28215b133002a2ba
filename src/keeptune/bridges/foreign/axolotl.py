"""Settings of axolotl."""

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
    REPORT,
    ROWS,
    SCHEDULE,
    VALIDATION,
    Meaning,
    Rule,
    Trainer,
    differs,
    dtype,
    each,
    left,
    optimizer,
    same,
    same_if,
    switch,
    targets,
)
from keeptune.bridges.foreign.trl import INT8, NF4

FORMATS = {
    "alpaca": "the prompt is instruction and input, without alpaca's text around them",
    "chat_template": "",
    "sharegpt": "",
}
"""Types of data sets whose rows keeptune reads by their fields, and what differs."""
ENDINGS = (".json", ".jsonl", ".csv", ".tsv", ".xlsx", ".parquet")
"""Of names of files."""
LOADERS = ("json", "csv", "parquet", "text", "arrow")
"""Paths that stand for the format of local files."""


def _adapter(value: Any) -> Meaning:
    if value in ("lora", None):
        return Meaning("same", {METHOD: "lora" if value else "full"})
    if value == "qlora":
        return Meaning("same", {METHOD: "lora", **NF4})
    return Meaning("differs", {METHOD: "lora"}, "another adapter; see method")


def _datasets(value: Any) -> Meaning:
    sets = value if isinstance(value, list) else [value]
    if len(sets) != 1 or not isinstance(sets[0], dict):
        return Meaning("left out", note="several data sets are mixed first: `keeptune mix --source A --source B`")
    one = dict(sets[0])
    kind, path = str(one.pop("type", None)), one.pop("path", None)
    files = one.pop("data_files", None)
    files = files[0] if isinstance(files, list) and len(files) == 1 else files
    name, split = one.pop("name", None), one.pop("split", None)
    one.pop("ds_type", None)
    if not isinstance(path, str) or (files is not None and not isinstance(files, str)):
        return Meaning("left out", note="name its file as train")
    if files and path not in LOADERS and not Path(path).is_dir():
        return Meaning("left out", note=f"one file of {path}; load it, and name it as train")
    if files or Path(path).suffix.casefold() in ENDINGS or Path(path).exists():
        train = files if files and path in LOADERS else str(Path(path, files or ""))
        # A file has neither.
        one |= {"name": name} if name else {}
        one |= {"split": split} if split not in (None, "train") else {}
    else:
        train = ":".join(str(part) for part in (path, name, split or (name and "train")) if part)
    notes = [FORMATS[kind]] if FORMATS.get(kind) else []
    notes += [] if kind in FORMATS else [f"the type {kind!r} is read by its fields: see prompt and completion"]
    notes += [f"without {', '.join(map(str, one))}"] if one else []
    more = {} if kind == "alpaca" else {"data.loss_on": "all"}
    return Meaning("differs" if notes else "same", {"data.train": train, **more}, "; ".join(notes))


def _test(value: Any) -> Meaning:
    found = _datasets(value)
    if "data.train" not in found.settings:
        return found
    told = "these rows score the task; validation rows are a part of train"
    return Meaning("differs", {"data.test": found.settings["data.train"]}, told)


def _too_long(value: Any) -> Meaning:
    if value == "truncate":
        return Meaning("differs", {"data.too_long": value}, CUT)
    if value in ("drop", "raise"):
        return Meaning("same", {"data.too_long": "error" if value == "raise" else value})
    return Meaning("left out", note="see too_long")


def share(value: Any) -> Meaning:
    """A share of rows; a number of them has no counterpart."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1:
        return Meaning("differs", {"data.validation_fraction": float(value)}, VALIDATION)
    return Meaning("left out", note="a number of rows; use validation_fraction, a share")


RULES: Mapping[str, Rule] = {
    **OF_TRAINER,
    "base_model": same("model.name"),
    "revision_of_model": same("model.revision"),
    "datasets": _datasets,
    "test_datasets": _test,
    "adapter": _adapter,
    "lora_r": same("method.rank"),
    "lora_alpha": same("method.alpha"),
    "lora_dropout": same("method.dropout"),
    "lora_target_modules": targets("all-linear"),
    "lora_target_linear": switch(Meaning("same", {"method.target_modules": "all-linear"})),
    "peft_use_dora": switch(Meaning("same", {METHOD: "dora"})),
    "peft_use_rslora": switch(Meaning("same", {METHOD: "rslora"})),
    "sequence_len": lambda value: Meaning("same", {"data.max_length": value, "data.too_long": "drop"}),
    "micro_batch_size": differs(ROWS, "rows of a step, on all devices together"),
    "batch_size": same("training.batch_size"),
    "num_epochs": same("training.epochs"),
    "optimizer": optimizer,
    "lr_scheduler": same_if("cosine", else_=SCHEDULE),
    "val_set_size": share,
    "train_on_inputs": switch(Meaning("left out", note="the loss is never on prompts")),
    "excess_length_strategy": _too_long,
    "chat_template": same_if("tokenizer_default", else_="the tokenizer's own chat template is used"),
    "bf16": dtype("bfloat16"),
    "load_in_4bit": switch(Meaning("same", NF4)),
    "load_in_8bit": switch(Meaning("same", INT8)),
    **each("sample_packing eval_sample_packing pad_to_sequence_len multipack_real_batches", PACKING),
    **each("eval_batch_size", left("passes are as large as memory holds")),
    **each("evals_per_epoch", same("training.validations_per_epoch")),
    **each("saves_per_epoch", left("use checkpoint_minutes")),
    **each("wandb_project wandb_entity wandb_name wandb_watch wandb_run_id wandb_log_model", REPORT),
    **each("mlflow_tracking_uri use_tensorboard", REPORT),
    **each("lora_modules_to_save lora_model_dir", left("only the adapter is trained, and it begins anew")),
    **each(
        "model_type tokenizer_type tokenizer_config base_model_config special_tokens tokens is_llama_derived_model"
        " strict dataset_prepared_path flash_attention xformers_attention sdp_attention local_rank debug plugins"
        " early_stopping_patience dataset_processes shuffle_merged_datasets default_system_message"
        " unfrozen_parameters",
        NO_COUNTERPART,
    ),
}  # fmt: skip
OWN = ("base_model", "datasets", "micro_batch_size", "sequence_len", "adapter", "val_set_size", "sample_packing")
"""Keys by which a file is known to be axolotl's."""
DEFAULTS = {"training.lr": "none", "training.epochs": "1", "training.batch_size": "1 row a device", METHOD: "full"}
"""What axolotl does where nothing is said."""

AXOLOTL = Trainer("axolotl", lambda _values, _folder: RULES, OWN, DEFAULTS, rows_by_default=1)
