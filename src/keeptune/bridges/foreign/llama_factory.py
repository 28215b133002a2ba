"""Settings of LLaMA-Factory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeptune.bridges.foreign.axolotl import share
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
from keeptune.bridges.foreign.trl import BY_BITSANDBYTES, INT8, NF4

INDEX = "dataset_info.json"
ALPACA = {"prompt": "instruction", "query": "input", "response": "output"}
MOST_BYTES = 1 << 22


def _method(value: Any) -> Meaning:
    if value in ("lora", "full"):
        return Meaning("same", {METHOD: value})
    return Meaning("left out", note="another method; see method and freeze_layers")


def _bits(value: Any) -> Meaning:
    found = {4: NF4, 8: INT8}.get(value) if isinstance(value, int) else None
    return Meaning("same", found) if found else Meaning("left out", note=BY_BITSANDBYTES)


def _rank(value: Any) -> Meaning:
    """The rank where no alpha is given, which is twice as large then."""
    if not isinstance(value, int) or isinstance(value, bool):
        return Meaning("same", {"method.rank": value})
    return Meaning("same", {"method.rank": value, "method.alpha": 2 * value})


def _train(value: Any, folder: Path) -> Meaning:
    """A name in ``dataset_info.json``, read by what stands there of it."""
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, list) or len(names) != 1:
        return Meaning("left out", note="several data sets are mixed first: `keeptune mix --source A --source B`")
    index = folder / INDEX
    try:
        held = json.loads(index.read_text(encoding="utf-8")) if index.stat().st_size <= MOST_BYTES else {}
    except (OSError, ValueError):
        return Meaning("left out", note=f"{index} cannot be read; name the file of {names[0]} as train")
    told = held.get(names[0]) if isinstance(held, dict) else None
    if not isinstance(told, dict):
        return Meaning("left out", note=f"{index} does not describe {names[0]}; name its file as train")
    more = {key: each for key, each in told.items() if key not in ("file_name", "hf_hub_url", "formatting", "columns")}
    train = str(folder / str(told["file_name"])) if "file_name" in told else told.get("hf_hub_url")
    if not isinstance(train, str):
        return Meaning("left out", note=f"{index} names neither a file nor a hub name; name its file as train")
    settings: dict[str, Any] = {"data.train": train}
    notes = [f"without {', '.join(more)}"] if more else []
    columns = told.get("columns") or {}
    if told.get("formatting", "alpaca") == "alpaca":
        named = {**ALPACA, **columns} if isinstance(columns, dict) else ALPACA
        if any(named[key] != field for key, field in ALPACA.items()):
            query = f"\n{{{named['query']}}}" if "query" in columns else ""
            settings |= {"data.prompt": f"{{{named['prompt']}}}{query}", "data.completion": str(named["response"])}
        notes += [f"without the columns {', '.join(set(named) - set(ALPACA))}"] if set(named) - set(ALPACA) else []
    elif columns or told.get("tags"):
        notes.append("the turns are found by their fields, not by columns and tags")
    return Meaning("differs" if notes else "same", settings, "; ".join(notes))


RULES: Mapping[str, Rule] = {
    **OF_TRAINER,
    "stage": same_if("sft", else_="keeptune fine-tunes on answers (sft)"),
    "do_train": switch(Meaning("same"), Meaning("left out", note="use `keeptune eval`")),
    **each("do_eval do_predict", left("the task is scored before and after every training")),
    "model_name_or_path": same("model.name"),
    "model_revision": same("model.revision"),
    "finetuning_type": _method,
    "lora_alpha": same("method.alpha"),
    "lora_dropout": same("method.dropout"),
    "lora_target": targets("all"),
    "use_dora": switch(Meaning("same", {METHOD: "dora"})),
    "use_rslora": switch(Meaning("same", {METHOD: "rslora"})),
    "pissa_init": switch(Meaning("same", {METHOD: "pissa"})),
    "dataset_dir": lambda _: Meaning("same"),
    "cutoff_len": differs("data.max_length", CUT),
    "max_samples": differs("data.limit_train", "validation rows and the test rows that are held out are among them"),
    "val_size": share,
    "mask_history": switch(Meaning("same", {"data.loss_on": "last"}), Meaning("same", {"data.loss_on": "all"})),
    "train_on_prompt": switch(Meaning("left out", note="the loss is never on prompts")),
    "template": left("the tokenizer's own chat template is used"),
    "eval_dataset": left("name rows to score the task on as test"),
    "pure_bf16": switch(Meaning("differs", {"model.dtype": "bfloat16"}, "weights that are trained stay in float32")),
    "quantization_bit": _bits,
    "quantization_method": same_if("bnb", "bitsandbytes", else_=BY_BITSANDBYTES),
    **each("packing neat_packing", PACKING),
    **each("plot_loss include_num_input_tokens_seen", left("the report shows the training")),
    **each("additional_target adapter_name_or_path", left("only the adapter is trained, and it begins anew")),
    **each("overwrite_output_dir overwrite_cache", left("a finished run is never overwritten")),
    **each(
        "preprocessing_num_workers preprocessing_batch_size flash_attn enable_thinking rope_scaling tokenized_path"
        " streaming mix_strategy interleave_probs loraplus_lr_ratio use_unsloth shift_attn cache_dir save_only_model"
        " ignore_pad_token_for_loss media_dir tool_format use_swanlab swanlab_project",
        NO_COUNTERPART,
    ),
}  # fmt: skip


def _rules(values: Mapping[str, Any], folder: Path) -> Mapping[str, Rule]:
    """The rules for one file: names of data sets are looked up in their folder."""
    place = folder / str(values.get("dataset_dir", "data"))
    turns = {} if "mask_history" in values else {"data.loss_on": "all"}
    rank = same("method.rank") if values.get("lora_alpha") is not None else _rank

    def train(value: Any) -> Meaning:
        found = _train(value, place if place.is_dir() else Path(str(values.get("dataset_dir", "data"))))
        return Meaning(found.kind, {**found.settings, **turns} if found.settings else {}, found.note)

    return {**RULES, "dataset": train, "lora_rank": rank}


LLAMA_FACTORY = Trainer(
    "llama-factory",
    _rules,
    ("stage", "finetuning_type", "template", "cutoff_len", "lora_rank", "lora_target", "dataset", "dataset_dir"),
    {
        "training.lr": "5e-5", "training.epochs": "3", "training.batch_size": "8 rows a device", METHOD: "lora",
        "method.rank": "8", "method.alpha": "twice the rank",
    },
    rows_by_default=8,
)  # fmt: skip
