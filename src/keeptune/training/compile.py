"""Whether a run computes with compiled blocks: where it pays, works, and gives the same loss."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

import torch

from keeptune.events import Notice, Observer
from keeptune.models.compiled import PAYS_FROM, compile_blocks, has_compiler, plainly
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow
from keeptune.training.objective import LEARNED

Compiled = Callable[[], contextlib.AbstractContextManager[None]]
"""Around a forward and backward pass."""
Loss = Callable[[Sequence[EncodedRow]], torch.Tensor]
AGREES = 0.03
"""Nats a token between both ways on the trial rows; in bfloat16 their roundings differ."""


def try_compiling(
    wanted: bool | None, loaded: LoadedModel, rows: Sequence[EncodedRow], tokens: int, loss: Loss, observer: Observer
) -> Compiled:
    """Compiled blocks that have passed a trial on some of `rows`; else the plain way, said why.

    Args:
        wanted: None leaves it to the number of tokens and this machine.
        tokens: to be trained on in all.
        loss: of some rows, as if they were a step.
    """
    device = loaded.placement.device.type
    if wanted is None:
        wanted = device == "cpu" and tokens >= PAYS_FROM and has_compiler()
    if not wanted:
        return plainly
    blocks = compile_blocks(loaded.model)
    if blocks is None:
        why = "it has no repeated blocks"
    else:
        began = time.monotonic()
        observer(Notice("speed", "compiling the model's blocks for this machine"))
        why = _trial(blocks, loaded, rows, loss)
        if not why:
            observer(Notice("speed", f"compiled in {time.monotonic() - began:.0f} s"))
            return blocks
    observer(Notice("speed", f"the model is not compiled: {why}"))
    return plainly


def _trial(blocks: Compiled, loaded: LoadedModel, rows: Sequence[EncodedRow], loss: Loss) -> str:
    """Why not; empty where both ways agree. Gradients and the generators of chance are left as they were."""
    ordered = sorted((row for row in rows if row.role in LEARNED), key=lambda row: row.length)
    model = loaded.model.train()
    with torch.random.fork_rng():
        # One row and several are compiled apart.
        for part in (ordered[:1], ordered[len(ordered) // 2 :][:2]):
            with torch.no_grad():
                plain = float(loss(part))
            try:
                with blocks():
                    found = loss(part)
                    found.backward()  # type: ignore[no-untyped-call]
            except Exception as error:  # noqa: BLE001 - whatever the compiler stumbles over, the plain way serves
                return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"
            finally:
                model.zero_grad()
            if abs(float(found.detach()) - plain) > AGREES:
                return f"its loss is {float(found.detach()):.4f} where the plain one is {plain:.4f}"
    return ""
