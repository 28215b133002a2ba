"""Names that users know from TRL, transformers and lm-evaluation-harness, and what they are called here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keeptune.config.given import Given

ROWS, TIMES = "rows a device", "accumulation"
"""Not settings of their own: `training.batch_size` is their product."""

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def as_bool(value: Any) -> bool | None:
    """A truth value, also in words; None where it is something else."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def _use_peft(given: Given) -> Any:
    return {True: "lora", False: "full"}.get(_bool(given))


def _inverted(given: Given) -> Any:
    return not _bool(given)


def _dtype(name: str) -> Callable[[Given], Any]:
    return lambda given: name if _bool(given) else None


def _only(*allowed: str) -> Callable[[Given], Any]:
    def convert(given: Given) -> None:
        values = given.value if isinstance(given.value, list) else [given.value]
        for value in values:
            if str(value).casefold() not in allowed:
                raise given.wrong(f"is {value!r}; here it can only be {allowed[0]}", "leave it out")

    return convert


def _resume(given: Given) -> Any:
    if as_bool(given.value) is None:
        raise given.wrong(
            f"is {given.value!r}; a run goes on from its last whole checkpoint",
            "name the run's folder as output, and set resume to true",
        )
    return given.value


def _bool(given: Given) -> bool:
    value = as_bool(given.value)
    if value is None:
        raise given.wrong(f"is {given.value!r}, not true or false", "use true or false")
    return value


Convert = Callable[[Given], Any]
"""From the value under the other name to the one here; None: as if it had not been given."""

ALIASES: Mapping[str, tuple[str, Convert | None]] = {
    "model_name_or_path": ("model.name", None),
    "model_revision": ("model.revision", None),
    "torch_dtype": ("model.dtype", None),
    "bf16": ("model.dtype", _dtype("bfloat16")),
    "fp16": ("model.dtype", _dtype("float16")),
    "trust_remote_code": ("model.allow_remote_code", None),
    "train_file": ("data.train", None),
    "dataset_name": ("data.train", None),
    "test_file": ("data.test", None),
    "max_seq_length": ("data.max_length", None),
    "keep_duplicates": ("data.drop_duplicates", _inverted),
    "use_peft": ("method.kind", _use_peft),
    "lora_r": ("method.rank", None),
    "r": ("method.rank", None),
    "lora_alpha": ("method.alpha", None),
    "lora_dropout": ("method.dropout", None),
    "lora_target_modules": ("method.target_modules", None),
    "learning_rate": ("training.lr", None),
    "num_train_epochs": ("training.epochs", None),
    "num_epochs": ("training.epochs", None),
    "per_device_train_batch_size": (ROWS, None),
    "gradient_accumulation_steps": (TIMES, None),
    "warmup_ratio": ("training.warmup_fraction", None),
    "num_fewshot": ("evaluation.few_shot", None),
    "output_dir": ("output", None),
    "resume_from_checkpoint": ("resume", _resume),
    "report_to": ("", _only("none")),
    "lr_scheduler_type": ("", _only("cosine", "schedulertype.cosine")),
}

NOT_HERE: Mapping[str, str] = {
    "max_steps": "use epochs, or max_minutes",
    "warmup_steps": "use warmup_fraction, a share of all steps",
    "optim": "leave it out: the optimizer is AdamW",
    "packing": "leave it out: rows of like length share a batch, so little is padded",
    "logging_steps": "leave it out: every step is shown and kept",
    "eval_strategy": "use validations_per_epoch",
    "eval_steps": "use validations_per_epoch",
    "save_strategy": "use checkpoint_minutes",
    "save_steps": "use checkpoint_minutes",
    "gradient_checkpointing": "leave it out; for less memory lower token_budget",
    "load_in_4bit": "leave it out; for less memory use --dtype bfloat16 or a smaller model",
    "load_in_8bit": "leave it out; for less memory use --dtype bfloat16 or a smaller model",
    "completion_only_loss": "leave it out: the loss is on completions only; see loss_on",
    "assistant_only_loss": "leave it out: the loss is on answers only; see loss_on",
}
"""Well-known names of what is done in another way: what to write instead."""
