"""How the model is trained: the method and the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keeptune.config.aliases import adamw_by_other_names, also, lora_or_full, same, share_of_steps
from keeptune.config.canonical import Canonical
from keeptune.config.setting import COUNT, FRACTION, NOT_NEGATIVE, POSITIVE, SEED, Affects, Range, setting
from keeptune.config.values import comma_separated

MetricWhen = Literal["loss", "metric"]
OptimizerName = Literal["adamw", "adamw_8bit"]


@dataclass(frozen=True, slots=True)
class Full(Canonical):
    """Full fine-tuning: every weight is trained."""

    kind: Literal["full"] = "full"


@dataclass(frozen=True, slots=True)
class Adapter(Canonical):
    """The method: full fine-tuning, or an adapter of `peft`."""

    kind: str = setting(
        "lora",
        Affects.WEIGHTS,
        "Training method: full, lora, dora, rslora, ia3 …",
        more="LoRA: Hu et al. 2021, arXiv:2106.09685. The other settings of this section are for adapters.",
        metavar="NAME",
        flag="method",
        group="start",
        aliases={"use_peft": lora_or_full},
    )
    rank: int = setting(16, Affects.WEIGHTS, "Rank of the adapter.", range=COUNT, aliases=also("lora_r", "r"))
    alpha: float = setting(32, Affects.WEIGHTS, "Scale of the adapter.", range=POSITIVE, aliases=also("lora_alpha"))
    dropout: float = setting(
        0.0,
        Affects.WEIGHTS,
        "Dropout of the adapter.",
        more="On a CPU, a dropout of 0.05 costs a quarter of the speed; a few epochs need none.",
        range=FRACTION,
        aliases=also("lora_dropout"),
    )
    target_modules: str = setting(
        "all-linear",
        Affects.WEIGHTS,
        "Modules that get an adapter: all-linear, or names separated by commas.",
        metavar="NAMES",
        parse=comma_separated,
        aliases=also("lora_target_modules"),
    )


Method = Full | Adapter


@dataclass(frozen=True, slots=True)
class TrainingConfig(Canonical):
    """The training loop."""

    lr: float | None = setting(
        None,
        Affects.WEIGHTS,
        "Learning rate.",
        unset="by method and model size",
        range=Range(0, 1, low_open=True),
        aliases=also("learning_rate"),
    )
    lr_factor: float = setting(
        1.0, Affects.WEIGHTS, "Factor on the learning rate; below 1, smaller steps.", range=POSITIVE
    )
    epochs: float | None = setting(
        None,
        Affects.WEIGHTS,
        "Passes over train.",
        unset="by the number of rows",
        range=POSITIVE,
        aliases=also("num_train_epochs", "num_epochs"),
    )
    batch_size: int = setting(
        8,
        Affects.WEIGHTS,
        "Rows per optimizer step.",
        more="`per_device_train_batch_size` × `gradient_accumulation_steps`, if those are given.",
        unit="rows",
        range=COUNT,
    )
    token_budget: int | None = setting(
        None,
        Affects.WEIGHTS,
        "Maximum tokens in a forward pass, padding included.",
        unset="the fastest size for the device that fits its memory",
        unit="tokens",
        range=COUNT,
        flag="",
    )
    tokens_in_memory: int | None = setting(
        None,
        Affects.NOTHING,
        "Tokens in a training's forward pass that memory holds, if fewer than `token_budget`.",
        more="`keeptune reproduce` takes it from the run that it repeats.",
        unset="measured before the first step",
        unit="tokens",
        range=COUNT,
        flag="",
    )
    torch_compile: bool | None = setting(
        None,
        Affects.NOTHING,
        "Compile the model's blocks.",
        unset="on a CPU with a C++ compiler, if the run is long enough to benefit",
    )
    gradient_checkpointing: bool | None = setting(
        None,
        Affects.NOTHING,
        "Keep each block's input alone for the backward pass, and compute the rest again.",
        more="Less memory, and the forward pass is computed twice; the blocks are not compiled.",
        unset="if memory does not hold the longest row without it",
        aliases=also("activation_checkpointing"),
    )
    fsdp: bool = setting(
        False,
        Affects.NOTHING,
        "Divide weights, gradient and optimizer over the processes of a launcher (FSDP2).",
        more="For a model whose training does not fit one device. The blocks are not compiled.",
    )
    warmup_fraction: float = setting(
        0.05,
        Affects.WEIGHTS,
        "Share of steps over which the learning rate rises.",
        range=FRACTION,
        aliases={"warmup_ratio": same, "warmup_steps": share_of_steps},
    )
    optimizer: OptimizerName = setting(
        "adamw",
        Affects.WEIGHTS,
        "AdamW with its moments in 32 bits, or in 8 (adamw_8bit, by bitsandbytes).",
        more="In 8 bits they take 2 bytes of a trained weight in place of 8.",
        aliases={"optim": adamw_by_other_names},
    )
    weight_decay: float = setting(0.0, Affects.WEIGHTS, "Weight decay of AdamW.", range=NOT_NEGATIVE)
    max_grad_norm: float = setting(
        1.0, Affects.WEIGHTS, "Maximum norm of the gradients; they are clipped to it.", range=POSITIVE
    )
    max_minutes: float | None = setting(
        None,
        Affects.BUDGET,
        "Stop training after X minutes; the learning-rate schedule is shortened to fit.",
        unit="minutes",
        range=POSITIVE,
    )
    validations_per_epoch: int = setting(1, Affects.WEIGHTS, "Validations per epoch.", range=COUNT, flag="")
    select_by: MetricWhen = setting(
        "loss",
        Affects.WEIGHTS,
        "What selects the best checkpoint.",
        more="`loss` is the validation loss, `metric` the task's metric on generated answers.",
    )
    checkpoint_minutes: float = setting(
        5.0,
        Affects.NOTHING,
        "Minutes between checkpoints to resume from.",
        more="Each validation saves one too; 0 saves one after every step.",
        unit="minutes",
        range=NOT_NEGATIVE,
        flag="",
    )
    seed: int = setting(0, Affects.WEIGHTS, "Seed of the training; it does not affect the data split.", range=SEED)
    hyperparameter_search: int = setting(
        0,
        Affects.WEIGHTS,
        "Choose lr and epochs by N short trainings before the run.",
        more="It takes the lowest validation loss within `max_drift`. A value that you give is not searched. "
        "0 uses the defaults.",
        range=NOT_NEGATIVE,
    )
    max_drift: float = setting(
        0.02,
        Affects.WEIGHTS,
        "Maximum drift from the base that --hyperparameter-search accepts, in nats per token.",
        more="The drift is KL(base ‖ tuned) on text of the base. By Pinsker's inequality, 0.02 is a mean total "
        "variation of at most 0.1: of ten tokens that the base writes, the tuned model can write nine the same.",
        unit="nats per token",
        range=POSITIVE,
        needs=("training.hyperparameter_search",),
    )
