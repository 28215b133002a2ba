"""A training whose weights, gradient and optimizer are divided over several processes by FSDP2.

All processes compute each pass at once, since each needs the parts of all. The first has the whole weights beside its
parts, in main memory, for what it does alone: they are old until they are gathered.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import distributed
from torch.distributed.tensor import DTensor

from keeptune.config.schema import TrainingConfig
from keeptune.errors import ConfigError, ProcessLost
from keeptune.events import Notice
from keeptune.inference.shared_engine import HELD as EVALUATED
from keeptune.mitigation.objective import GradientChange
from keeptune.mitigation.restoring import RestoringPart, keep_restoring
from keeptune.models.packed import skeleton, unpacked_skeleton
from keeptune.models.processes import MARK, Processes, own_device, refuse_unshared
from keeptune.models.sharding import WITHOUT, gathered, own_part, part_of, refuse_old_torch, shard
from keeptune.models.weights import trainable_parameters
from keeptune.records import EncodedRow
from keeptune.training.gradients import Gradients, non_finite, parts_of
from keeptune.training.optimizer import adamw_of
from keeptune.training.shared_gradients import alone, dealt
from keeptune.training.step import OptimizerUpdate

HELD = "sharded"
Pass = tuple[Sequence[EncodedRow], bool]
"""Rows, and whether they count: a process without rows of its own computes what the others do, for nothing."""


@dataclass(slots=True)
class ShardedTraining:
    """Trains the model of `gradients`, which are of the first process, divided over all processes: it divides the
    passes, and is the update."""

    processes: Processes
    gradients: Gradients
    config: TrainingConfig
    lockstep: bool = True
    _divided: bool = False
    _gathered: bool = True
    _state: Mapping[str, torch.Tensor] = field(default_factory=dict)
    """What the optimizers continue from, until they have it."""

    def begin_step(self) -> None:
        """Divide the model, before the first step."""
        loaded = self.gradients.loaded
        # Between steps, it is evaluated where it is whole.
        loaded.model.to("cpu")
        if self.processes.held.pop(MARK, None):
            self._run(_drop_evaluated)
        if not self._divided:
            self._divide()
            self._divided = True

    def add(self, step: int, rows: Sequence[EncodedRow], counts: Sequence[float], budget: int) -> float:
        """Add the gradient of these rows' share of the step's token means; return that share of the loss."""
        passes = passes_of(rows, self.processes.size, budget)
        losses = self._run(_add, [(step, each, counts) for each in passes])
        for loss, each in zip(losses, passes, strict=True):
            if not math.isfinite(loss):
                raise non_finite("loss", step, loss, [row for part, _ in each for row in part])
        return float(sum(losses))

    def change(self, change: GradientChange) -> None:  # noqa: ARG002 - `refuse_unsharded` lets no other pass
        """Keep the restoring part of the gradient."""
        self._run(_keep_restoring)

    def clip(self) -> float:
        return float(self._run(_clip)[0])

    def apply(self, lr: float) -> None:
        self._gathered = False
        self._run(_apply, [(lr,)] * self.processes.size)

    def gather(self) -> None:
        if self._gathered:
            return
        loaded = self.gradients.loaded
        self._run(_gather, [(trainable_parameters(loaded.model),), *[(None,)] * (self.processes.size - 1)])
        loaded.model.to(loaded.placement.device)
        self._gathered = True

    def state(self) -> Mapping[str, torch.Tensor]:
        if not self._divided:
            return self._state
        state: Mapping[str, torch.Tensor] = self._run(_gather_state)[0]
        return state

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        self._state = state

    def end(self) -> None:
        """Give back what the processes hold for the training, if they can still be told."""
        self.processes.held.clear()
        if not self.processes.busy:
            with suppress(ProcessLost):
                self.processes.run(_drop, [()] * self.processes.size)

    def _divide(self) -> None:
        gradients = self.gradients
        changes = (term.change for term in gradients.objective.terms)
        starts = next(([start for _, start in each.weights] for each in changes if isinstance(each, RestoringPart)), [])
        content, weights = skeleton(alone(gradients))
        kind = gradients.loaded.placement.device.type
        state = {key: _shape(value) for key, value in self._state.items()}
        layout = Layout(content, kind, self.config, list(map(_shape, starts)), state)
        values = Values(weights, starts, self._state)
        self._run(_hold, [(layout, values), *[(layout, None)] * (self.processes.size - 1)])
        for weight in weights:
            # The reference is not asked where it is whole.
            weight.data = weight.data.to("cpu")
        self._state = {}
        parts = self.processes.size
        gradients.observer(Notice("fsdp", f"the model and its training are divided over {parts} processes"))

    def _run(self, job: Any, shares: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        return self.processes.run(job, shares or [()] * self.processes.size, lockstep=True)


def refuse_unsharded(gradients: Gradients) -> None:
    """Refuse a training that cannot be divided; what its mitigations need, `mitigation.fit.unfit` knows.

    Raises:
        ConfigError: it cannot.
    """
    refuse_old_torch()
    refuse_unshared(gradients.loaded.placement.device)
    if gradients.scaler.is_enabled():
        raise ConfigError("--fsdp does not scale gradients of float16", "use --dtype bfloat16 or float32")
    changes = [term.change for term in gradients.objective.terms if term.change]
    if not all(isinstance(each, RestoringPart) for each in changes):
        raise ConfigError("a mitigation of this run changes the whole gradient, and --fsdp divides it", WITHOUT)


@dataclass(frozen=True, slots=True)
class Shape:
    """What a tensor is before it has come."""

    size: torch.Size
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class Layout:
    """What each process is told of a training."""

    content: bytes
    """The skeleton of the gradients."""
    kind: str
    """Of device."""
    config: TrainingConfig
    starts: Sequence[Shape]
    """Of the trained weights at the start; empty where the restoring part does not need them."""
    state: Mapping[str, Shape]
    """Of the optimizer."""


@dataclass(frozen=True, slots=True)
class Values:
    """The whole tensors, which the first process has."""

    weights: Sequence[torch.Tensor]
    starts: Sequence[torch.Tensor]
    state: Mapping[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Held:
    """What a process has of a training."""

    gradients: Gradients
    seed: int
    weights: Sequence[torch.nn.Parameter]
    """The trained ones: divided, or whole where they are an adapter's."""
    parts: Sequence[torch.nn.Parameter]
    """What this process has of each, in the same memory."""
    starts: Sequence[torch.Tensor]
    """The parts at the start."""
    update: OptimizerUpdate
    """Of the parts."""

    @property
    def divided(self) -> bool:
        """Whether the trained weights are divided, not only the frozen ones."""
        return isinstance(self.weights[0], DTensor)

    def slopes(self) -> list[torch.Tensor | None]:
        """This process's part of each weight's gradient."""
        return [None if weight.grad is None else own_part(weight.grad) for weight in self.weights]


def passes_of(rows: Sequence[EncodedRow], size: int, budget: int) -> list[list[Pass]]:
    """The passes of each of `size` processes, as many for each, the rows of a pass of one role: so the objective calls
    the same modules in all processes."""
    found: list[list[Pass]] = [[] for _ in range(size)]
    for role in sorted({row.role for row in rows}):
        same = [row for row in rows if row.role == role]
        shares = [parts_of(share, budget) for share in dealt(same, size)]
        shortest, most = min(same, key=lambda row: row.length), max(map(len, shares))
        for passes, share in zip(found, shares, strict=True):
            passes += [(part, True) for part in share] + [([shortest], False)] * (most - len(share))
    return found


def _shape(tensor: torch.Tensor) -> Shape:
    return Shape(tensor.shape, tensor.dtype)


def _hold(processes: Processes, layout: Layout, values: Values | None) -> None:
    processes.held.clear()
    device = own_device(layout.kind)
    made = unpacked_skeleton(layout.content, device)
    gradients: Gradients = made.value
    gradients.loaded.placement = replace(gradients.loaded.placement, device=device)
    places = {id(weight): place for place, weight in enumerate(made.weights)}

    def fill(weight: torch.nn.Parameter) -> None:
        if values:
            weight.detach().copy_(values.weights[places[id(weight)]])
        distributed.broadcast(weight.detach(), 0)

    def of_first(value: torch.Tensor | None, shape: Shape) -> torch.Tensor:
        whole = torch.empty(shape.size, dtype=shape.dtype, device=device)
        if value is not None:
            whole.copy_(value)
        distributed.broadcast(whole, 0)
        return whole

    adapter = trainable_parameters(gradients.loaded.model) if hasattr(gradients.loaded.model, "peft_config") else []
    dtype = gradients.loaded.placement.dtype
    for model in made.models:
        lower = any(weight.dtype is torch.float32 for weight in model.parameters()) and dtype is not torch.float32
        shard(model, device, fill, adapter, dtype if lower and not adapter else None)
    del made
    weights = trainable_parameters(gradients.loaded.model)
    parts = [torch.nn.Parameter(own_part(weight)) for weight in weights]
    starts = [
        part_of(of_first(values.starts[place] if values else None, shape), weights[place])
        for place, shape in enumerate(layout.starts)
    ]
    state = {}
    for key, shape in layout.state.items():
        whole, weight = of_first(values.state[key] if values else None, shape), weights[int(key.partition(".")[0])]
        state[key] = part_of(whole, weight) if whole.shape == weight.shape else whole
    update = OptimizerUpdate(adamw_of(parts, layout.config), gradients.scaler, layout.config.max_grad_norm)
    update.restore(state)
    processes.held[HELD] = Held(gradients, layout.config.seed, weights, parts, starts, update)


def _drop(processes: Processes) -> None:
    processes.held.clear()
    # FSDP's modules refer to each other.
    gc.collect()


def _drop_evaluated(processes: Processes) -> None:
    processes.held.pop(EVALUATED, None)


def _add(processes: Processes, step: int, passes: Sequence[Pass], counts: Sequence[float]) -> float:
    held: Held = processes.held[HELD]
    held.gradients.loaded.model.train()
    if processes.rank:
        # Dropout differs from one process and step to the next, and is the same in a run that goes on.
        torch.manual_seed(1_000_003 * held.seed + step * processes.size + processes.rank)
    before = [] if held.divided else _taken(held.weights)
    # FSDP takes the mean over the processes.
    scale = processes.size if held.divided else 1
    total = 0.0
    for rows, counted in passes:
        loss = held.gradients.of_pass(rows, counts)
        (loss * (scale if counted else 0)).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach()) if counted else 0.0
    if not held.divided:
        _add_up(held.weights, before)
    return total


def _taken(weights: Sequence[torch.nn.Parameter]) -> list[torch.Tensor | None]:
    """Their gradients, which they have no more."""
    before = [weight.grad for weight in weights]
    for weight in weights:
        weight.grad = None
    return before


def _add_up(weights: Sequence[torch.nn.Parameter], before: Sequence[torch.Tensor | None]) -> None:
    """Give each process the sum of all their gradients, and `before`, which all have."""
    used = torch.tensor([weight.grad is not None for weight in weights], dtype=torch.int32, device=weights[0].device)
    distributed.all_reduce(used, distributed.ReduceOp.MAX)
    for weight, earlier, is_used in zip(weights, before, used.tolist(), strict=True):
        if is_used:
            weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
            distributed.all_reduce(weight.grad)
        if earlier is not None:
            weight.grad = earlier if weight.grad is None else weight.grad.add_(earlier)


def _keep_restoring(processes: Processes) -> None:
    held: Held = processes.held[HELD]
    for part, start, slope in zip(held.parts, held.starts, held.slopes(), strict=True):
        if slope is not None:
            keep_restoring(part, start, slope)


def _clip(processes: Processes) -> float:
    held: Held = processes.held[HELD]
    slopes = [slope for slope in held.slopes() if slope is not None]
    norm = torch.nn.utils.get_total_norm(slopes)
    if held.divided:
        square = norm.square()
        distributed.all_reduce(square)
        norm = square.sqrt()
    for slope in slopes:
        slope.mul_(torch.clamp(held.update.max_grad_norm / (norm + 1e-6), max=1.0))
    return float(norm)


def _apply(processes: Processes, lr: float) -> None:
    held: Held = processes.held[HELD]
    for part, slope in zip(held.parts, held.slopes(), strict=True):
        part.grad = slope
    held.update.apply(lr)
    _taken(held.weights)


def _gather(processes: Processes, into: Sequence[torch.nn.Parameter] | None) -> None:
    held: Held = processes.held[HELD]
    for place, (weight, part) in enumerate(zip(held.weights, held.parts, strict=True)):
        whole = gathered(part.detach(), weight)
        if into:
            with torch.no_grad():
                into[place].copy_(whole)


def _gather_state(processes: Processes) -> dict[str, torch.Tensor]:
    """Whole, for the first process."""
    held: Held = processes.held[HELD]
    found = {}
    for key, value in held.update.state().items():
        place = int(key.partition(".")[0])
        whole = gathered(value, held.weights[place]) if value.shape == held.parts[place].shape else value
        if processes.rank == 0:
            found[key] = whole.cpu()
    return found
