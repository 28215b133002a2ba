"""What one key of another trainer's file means here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from keeptune.config.aliases import ADAMW, ADAMW_8BIT, as_bool

Kind = Literal["same", "differs", "left out", "unknown"]
ROWS, TIMES, METHOD = "rows of a pass", "accumulation", "method"
"""Not settings yet: the batch size is a product, and several keys decide the method."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A key with its value, in keeptune's settings."""

    kind: Kind
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `config.settings`, such as ``training.lr``, with their values."""
    note: str = ""
    """What differs in meaning, or why it is left out."""


Rule = Callable[[Any], Meaning]


@dataclass(frozen=True, slots=True)
class Trainer:
    """Another trainer's settings."""

    name: str
    rules: Callable[[Mapping[str, Any], Path], Mapping[str, Rule]]
    """Key → its rule, for a file with these values in this folder."""
    own: tuple[str, ...]
    """Keys by which its files are known."""
    defaults: Mapping[str, str]
    """Setting → what it does where nothing is said."""
    rows_by_default: int
    """Rows of a pass where nothing is said."""


def same(key: str) -> Rule:
    """The same setting."""
    return lambda value: Meaning("same", {key: value})


def differs(key: str, note: str) -> Rule:
    """A setting that is not quite the same."""
    return lambda value: Meaning("differs", {key: value}, note)


def left(note: str) -> Rule:
    """Nothing here."""
    return lambda _: Meaning("left out", note=note)


def same_if(*allowed: Any, else_: str) -> Rule:
    """What keeptune does anyway where the value is one of these; otherwise left out."""

    def read(value: Any) -> Meaning:
        told = str(value).casefold()
        return (
            Meaning("same") if told in [str(each).casefold() for each in allowed] else Meaning("left out", note=else_)
        )

    return read


def below_one(key: str, rule: Rule) -> Rule:
    """The same setting where the value is a share, between 0 and 1; else as `rule` has it."""

    def read(value: Any) -> Meaning:
        is_share = isinstance(value, float) and 0.0 < value < 1.0
        return Meaning("same", {key: value}) if is_share else rule(value)

    return read


def switch(on: Meaning, off: Meaning = Meaning("same")) -> Rule:
    """A truth value; anything else is left out with what it was."""

    def read(value: Any) -> Meaning:
        truth = as_bool(value)
        return Meaning("left out", note="neither true nor false") if truth is None else on if truth else off

    return read


def dtype(name: str) -> Rule:
    """Computing in this dtype; `auto` and false leave the choice to keeptune."""

    def read(value: Any) -> Meaning:
        return Meaning("same", {"model.dtype": name} if as_bool(value) else {})

    return read


def targets(every: str) -> Rule:
    """Modules that get an adapter, as a list or separated by commas; `every` stands for all linear ones."""

    def read(value: Any) -> Meaning:
        names = value if isinstance(value, list) else str(value).split(",")
        names = [str(name).strip() for name in names]
        return Meaning("same", {"method.target_modules": "all-linear" if every in names else ",".join(names)})

    return read


def each(names: str, rule: Rule) -> dict[str, Rule]:
    """The same rule for several keys, separated by spaces."""
    return dict.fromkeys(names.split(), rule)


def optimizer(value: Any) -> Meaning:
    """AdamW, its moments in 32 or 8 bits."""
    name = str(value).casefold()
    if name in ADAMW_8BIT:
        paged = "its moments are not paged" if name.startswith("paged") else ""
        return Meaning("differs" if paged else "same", {"training.optimizer": "adamw_8bit"}, paged)
    return Meaning("same") if name in ADAMW else Meaning("left out", note="the optimizer is AdamW")


NO_COUNTERPART = left("no counterpart")
PACKING = left("batches hold rows of similar length, so there is little padding")
REPORT = left("name trackers with --report-to")
SCHEDULE = "the schedule is a cosine after a warm-up"
CUT = "a longer row loses the middle of its prompt, not its end"
VALIDATION = "these rows choose the checkpoint and α; a fifth of the rows is held out beside them (see test_fraction)"
OF_TRAINER: Mapping[str, Rule] = {
    "learning_rate": same("training.lr"),
    "per_device_train_batch_size": differs(ROWS, "rows of a step, on all devices together"),
    "gradient_accumulation_steps": same(TIMES),
    "num_train_epochs": same("training.epochs"),
    "warmup_ratio": same("training.warmup_fraction"),
    "weight_decay": same("training.weight_decay"),
    "max_grad_norm": same("training.max_grad_norm"),
    "seed": same("training.seed"),
    "bf16": dtype("bfloat16"),
    "fp16": dtype("float16"),
    "max_steps": same_if(-1, 0, else_="use epochs, or max_minutes"),
    "warmup_steps": below_one(
        "training.warmup_fraction", same_if(0, 0.0, else_="use warmup_fraction, a share of all steps")
    ),
    "lr_scheduler_type": same_if("cosine", else_=SCHEDULE),
    "optim": optimizer,
    "torch_compile": same("training.torch_compile"),
    "trust_remote_code": same("model.allow_remote_code"),
    "resume_from_checkpoint": left("an unfinished run goes on by --resume and its --output"),
    **each("logging_steps logging_strategy logging_first_step", left("every step is shown and kept")),
    **each("eval_strategy evaluation_strategy eval_steps", left("use validations_per_epoch")),
    **each("save_strategy save_steps save_total_limit", left("use checkpoint_minutes; a run deletes its checkpoints")),
    **each("per_device_eval_batch_size", left("passes are as large as memory holds")),
    "gradient_checkpointing": switch(
        Meaning("same", {"training.gradient_checkpointing": True}),
        Meaning("same", {"training.gradient_checkpointing": False}),
    ),
    "gradient_checkpointing_kwargs": left("checkpoints are not reentrant"),
    **each("load_best_model_at_end metric_for_best_model greater_is_better", left("see select_by")),
    **each("group_by_length", left("batches always hold rows of similar length")),
    **each("deepspeed fsdp fsdp_config ddp_timeout ddp_find_unused_parameters", left("start by torchrun; see --fsdp")),
    **each("report_to run_name logging_dir", REPORT),
    **each("push_to_hub hub_model_id hub_strategy hub_token hub_private_repo", left("nothing is uploaded")),
    **each(
        "adam_beta1 adam_beta2 adam_epsilon lr_scheduler_kwargs neftune_noise_alpha dataloader_num_workers data_seed"
        " dataloader_pin_memory remove_unused_columns use_liger_kernel auto_find_batch_size optim_args tf32"
        " label_smoothing_factor attn_implementation",
        NO_COUNTERPART,
    ),
}  # fmt: skip
"""Keys of transformers' TrainingArguments, which the three trainers share."""
