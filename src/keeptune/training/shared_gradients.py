"""The gradient of a step by several processes: each computes that of a share of the rows, and the first has the sum.

The first process holds the optimizer and gives the others its weights before each step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import torch

from keeptune.errors import ProcessLost
from keeptune.events import silent
from keeptune.mitigation.objective import GradientChange, Objective
from keeptune.models.compiled import compile_blocks, plainly
from keeptune.models.packed import packed, unpacked
from keeptune.models.processes import MARK, Processes, add_up, own_device, refuse_unshared, send_weights
from keeptune.models.weights import trainable_parameters
from keeptune.records import EncodedRow
from keeptune.training.gradients import Gradients

HELD, SEED = "gradients", "seed"


@dataclass(frozen=True, slots=True)
class Share:
    """What one process computes of a step."""

    step: int
    rows: Sequence[EncodedRow]
    counts: Sequence[float]
    """Of the whole step, by `Objective.counts`."""
    budget: int
    """Tokens of a pass at most."""
    compiled: bool
    scale: Mapping[str, Any]
    """State of the scaler of float16 gradients; empty without one."""


@dataclass(slots=True)
class SharedGradients:
    """Divides the passes of `gradients`, which are of the first process, over all processes."""

    processes: Processes
    gradients: Gradients
    seed: int
    lockstep: bool = False
    _sent: bool = False

    def begin_step(self) -> None:
        """Give the other processes the model, and then, before each step, its weights."""
        # Fused optimizers change weights without counting it, so an engine could not tell.
        self.processes.held.pop(MARK, None)
        if not self._sent:
            device = self.gradients.loaded.placement.device
            refuse_unshared(device)
            share = (packed(alone(self.gradients)), device.type, self.seed)
            self.processes.run(_hold, [(None, "", 0), *[share] * (self.processes.size - 1)])
            self.processes.held[HELD] = self.gradients
            self._sent = True
        self.processes.run(_follow, [()] * self.processes.size)

    def add(self, step: int, rows: Sequence[EncodedRow], counts: Sequence[float], budget: int) -> float:
        """Add the gradient of these rows' share of the step's token means; return that share of the loss."""
        compiled, scale = self.gradients.compiled is not plainly, self.gradients.scaler.state_dict()
        each = (Share(step, part, counts, budget, compiled, scale) for part in dealt(rows, self.processes.size))
        shares = [(share,) for share in each]
        found = self.processes.run(_of_share, shares)
        masks = [mask for _, mask in found]
        used = [any(each) for each in zip(*masks, strict=True)]
        if any(mask != used for mask in masks):
            # Not in the same job as the sum: a process without memory for it would leave the others waiting.
            self.processes.run(_fill, [(used,)] * self.processes.size)
        self.processes.run(_add_up, [(used,)] * self.processes.size)
        return float(sum(loss for loss, _ in found))

    def change(self, change: GradientChange) -> None:
        change()

    def end(self) -> None:
        """Give back what the processes hold for the training, if they can still be told."""
        self.processes.held.clear()
        if not self.processes.busy:
            with suppress(ProcessLost):
                self.processes.run(_drop, [()] * self.processes.size)


def dealt(rows: Sequence[EncodedRow], size: int) -> list[list[EncodedRow]]:
    """`rows` in `size` shares of about as many tokens; some are empty where the rows are few."""
    shares: list[list[EncodedRow]] = [[] for _ in range(size)]
    tokens = [0] * size
    for row in sorted(rows, key=lambda row: -row.length):
        least = tokens.index(min(tokens))
        shares[least].append(row)
        tokens[least] += row.length
    return shares


def alone(gradients: Gradients) -> Gradients:
    """Without what only the first process has: the observer, compiled code, and what changes a summed gradient."""
    objective = Objective([replace(term, change=None) for term in gradients.objective.terms])
    return replace(gradients, objective=objective, observer=silent, compiled=plainly, shared=None)


def _hold(processes: Processes, content: bytes | None, kind: str, seed: int) -> None:
    processes.held.clear()
    if content is None:
        return
    device = own_device(kind)
    gradients = unpacked(content, device)
    gradients.loaded.placement = replace(gradients.loaded.placement, device=device)
    processes.held[HELD] = gradients
    processes.held[SEED] = seed


def _drop(processes: Processes) -> None:
    processes.held.clear()


def _follow(processes: Processes) -> None:
    gradients = processes.held[HELD]
    send_weights(trainable_parameters(gradients.loaded.model))
    if processes.rank:
        gradients.loaded.model.zero_grad()
        gradients.loaded.model.train()


def _of_share(processes: Processes, share: Share) -> tuple[float, list[bool]]:
    """Its loss, and which weights have a gradient."""
    gradients = processes.held[HELD]
    if processes.rank:
        # Dropout differs from one process and step to the next, and is the same in a run that goes on.
        torch.manual_seed(1_000_003 * processes.held[SEED] + share.step * processes.size + processes.rank)
        if not share.compiled:
            gradients.compiled = plainly
        elif gradients.compiled is plainly:
            gradients.compiled = compile_blocks(gradients.loaded.model) or plainly
        if share.scale:
            gradients.scaler.load_state_dict(share.scale)
    loss = gradients.of_rows(share.step, share.rows, share.counts, share.budget)
    return loss, [weight.grad is not None for weight in trainable_parameters(gradients.loaded.model)]


def _used(gradients: Gradients, used: Sequence[bool]) -> list[torch.nn.Parameter]:
    return [weight for weight, has in zip(trainable_parameters(gradients.loaded.model), used, strict=True) if has]


def _fill(processes: Processes, used: Sequence[bool]) -> None:
    for weight in _used(processes.held[HELD], used):
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)


def _add_up(processes: Processes, used: Sequence[bool]) -> None:
    gradients = processes.held[HELD]
    add_up([weight.grad for weight in _used(gradients, used) if weight.grad is not None])
    if processes.rank:
        gradients.loaded.model.zero_grad()
