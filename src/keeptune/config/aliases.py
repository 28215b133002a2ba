"""Names from TRL, transformers and lm-evaluation-harness: how their values are converted, and the alternative where
keeptune has no counterpart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keeptune.config.given import Given
from keeptune.config.setting import Convert

ROWS, TIMES = "rows a device", "accumulation"
"""Not settings of their own: `training.batch_size` is their product."""

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def as_bool(value: Any) -> bool | None:
    """A bool, also from a word such as ``yes``; None for anything else."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def same(given: Given) -> Any:
    """The value as it is."""
    return given.value


def also(*names: str) -> Mapping[str, Convert]:
    """Other names of a setting, with the same values."""
    return dict.fromkeys(names, same)


def truth(given: Given) -> bool:
    """A truth value.

    Raises:
        ConfigError: it is something else.
    """
    value = as_bool(given.value)
    if value is None:
        raise given.wrong(f"is {given.value!r}, not true or false", "use true or false")
    return value


def inverted(given: Given) -> bool:
    """The opposite truth value."""
    return not truth(given)


def lora_or_full(given: Given) -> str:
    """The method that ``use_peft`` means."""
    return "lora" if truth(given) else "full"


ADAMW = ("adamw", "adamw_torch", "adamw_torch_fused", "adamw_hf")
ADAMW_8BIT = ("adamw_8bit", "adamw_bnb_8bit", "paged_adamw_8bit")
"""What transformers calls AdamW, and its moments in 8 bits."""


def adamw_by_other_names(given: Given) -> str:
    """AdamW by a name that transformers has for it."""
    name = str(given.value).casefold().removeprefix("optimizernames.")
    if name not in (*ADAMW, *ADAMW_8BIT):
        raise given.wrong(f"is {given.value!r}; the optimizer is AdamW", "leave it out, or use adamw_8bit")
    return "adamw" if name in ADAMW else "adamw_8bit"


def where_true(name: str) -> Convert:
    """This name where the value is true."""
    return lambda given: name if truth(given) else None


def resumed(given: Given) -> Any:
    """A truth value; TRL's path of a checkpoint is refused."""
    if as_bool(given.value) is None:
        raise given.wrong(
            f"is {given.value!r}; a run resumes from its last complete checkpoint",
            "name the run's folder as output, and set resume to true",
        )
    return given.value


def share_of_steps(given: Given) -> Any:
    """A value between 0 and 1, by which transformers means a share of all steps; a number of steps is refused."""
    try:
        is_share = 0.0 < float(given.value) < 1.0
    except (TypeError, ValueError):
        is_share = False
    if not is_share:
        raise given.wrong(f"is {given.value!r}, not a share of all steps", "use warmup_fraction, a share of all steps")
    return given.value


def _only(*allowed: str) -> Convert:
    def convert(given: Given) -> None:
        values = given.value if isinstance(given.value, list) else [given.value]
        for value in values:
            if str(value).casefold() not in allowed:
                raise given.wrong(f"is {value!r}; here it can only be {allowed[0]}", "leave it out")

    return convert


FOREIGN_VALUES: Mapping[str, Convert] = {
    "report_to": _only("none"),
    "lr_scheduler_type": _only("cosine", "schedulertype.cosine"),
}
"""Names that are accepted with the one value that keeptune supports."""

FOREIGN: Mapping[str, str] = {
    "max_steps": "use epochs, or max_minutes",
    "packing": "leave it out: batches hold rows of similar length, so there is little padding",
    "logging_steps": "leave it out: every step is shown and kept",
    "eval_strategy": "use validations_per_epoch",
    "eval_steps": "use validations_per_epoch",
    "save_strategy": "use checkpoint_minutes",
    "save_steps": "use checkpoint_minutes",
    "completion_only_loss": "leave it out: the loss is on completions only; see loss_on",
    "assistant_only_loss": "leave it out: the loss is on answers only; see loss_on",
}
"""Names without a counterpart here → what to do."""
