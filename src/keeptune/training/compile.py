"""Decide whether a run uses compiled blocks: if this pays, works, and gives the same loss."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from keeptune.errors import first_line
from keeptune.events import Notice, Observer
from keeptune.mitigation.objective import LEARNED
from keeptune.mitigation.row_source import RowSource
from keeptune.models.compiled import PAYS_FROM, compile_blocks, compiles_block_by_block, has_compiler, plainly
from keeptune.models.load import LoadedModel
from keeptune.models.processes import Elsewhere
from keeptune.models.quantization import NONE
from keeptune.records import EncodedRow

Compiled = Callable[[], contextlib.AbstractContextManager[None]]
"""Context of a forward and backward pass."""
Loss = Callable[[Sequence[EncodedRow]], torch.Tensor]
AGREES, ROUNDING = 0.03, 0.5
"""Nats a token between both ways on the trial rows: so many, and in bfloat16, whose roundings differ, so many by the
root of the tokens more."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Trial: both modes must give the same loss on some of the coming rows."""

    rows: RowSource
    loss: Loss
    """Loss of some rows as one step."""


def try_compiling(
    wanted: bool | None, loaded: LoadedModel, tokens: int, trial: Trial | None, observer: Observer
) -> Compiled:
    """Compiled blocks that passed `trial`; otherwise eager mode, with a notice that gives the reason.

    Args:
        wanted: None leaves it to the number of tokens and this machine.
        tokens: to be trained on in all.
        trial: None if the same trial has passed before.
    """
    device = loaded.placement.device.type
    if wanted is None:
        pays = device == "cpu" and tokens >= PAYS_FROM and has_compiler()
        wanted = pays and not (compiles_block_by_block(loaded.model) or loaded.quantization != NONE)
    if not wanted:
        return plainly
    began = time.monotonic()
    observer(Notice("speed", "compiling the model's blocks for this machine"))
    try:
        blocks = compile_blocks(loaded.model)
        why = "" if blocks else "it has no repeated blocks"
        if blocks and trial:
            why = _failed(blocks, loaded, trial)
    except Exception as error:  # noqa: BLE001 - whatever the compiler stumbles over, the plain way serves
        blocks, why = None, first_line(error)[:200]
    finally:
        loaded.model.zero_grad()
    if blocks and not why:
        observer(Notice("speed", f"compiled in {time.monotonic() - began:.0f} s"))
        return blocks
    observer(Notice("speed", f"the model is not compiled: {why}"))
    return plainly


def failed_to_compile(error: BaseException) -> bool:
    """Whether the error comes from the compiler, at a shape that no trial had."""
    module = error.module if isinstance(error, Elsewhere) else type(error).__module__
    return module.startswith(("torch._dynamo", "torch._inductor"))


def _failed(blocks: Compiled, loaded: LoadedModel, trial: Trial) -> str:
    """Why not; empty if both modes agree. The random generators are restored."""
    rows = [row for batch in trial.rows.sample() for row in batch if row.role in LEARNED]
    ordered = sorted(rows, key=lambda row: row.length)
    model, loss = loaded.model.train(), trial.loss
    device = loaded.placement.device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        # One row and several are compiled apart, and kernels are found again where the kinds come in the same order:
        # a step is of several rows.
        for part in (ordered[len(ordered) // 2 :][:2], ordered[:1]):
            with torch.no_grad():
                plain, again = float(loss(part)), float(loss(part))
            with blocks():
                tensor = loss(part)
                tensor.backward()  # type: ignore[no-untyped-call]
            found = float(tensor.detach())
            gradients = [p.grad for p in model.parameters() if p.grad is not None]
            if not all(bool(gradient.isfinite().all()) for gradient in (tensor.detach(), *gradients)):
                return "its loss or its gradient is not finite"
            near = AGREES
            if loaded.placement.dtype is not torch.float32:
                near += ROUNDING / math.sqrt(sum(row.learned for row in part))
            # With dropout, no two losses are equal.
            if plain == again and abs(found - plain) > near:
                return f"its loss is {found:.4f} where the plain one is {plain:.4f}"
    return ""
