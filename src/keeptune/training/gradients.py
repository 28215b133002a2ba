"""The gradient of a step, in as many forward and backward passes as the memory requires, compiled if possible."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from keeptune.data.batching import split_by_budget
from keeptune.errors import NonFiniteLoss
from keeptune.events import Event, Notice, Observer
from keeptune.mitigation.objective import GradientChange, Objective
from keeptune.models.batch import make_batch
from keeptune.models.checkpointing import checkpoint_blocks, checkpoints_blocks
from keeptune.models.compiled import plainly
from keeptune.models.load import LoadedModel
from keeptune.models.memory import Meter, out_of_memory
from keeptune.records import EncodedRow
from keeptune.training.compile import Compiled, failed_to_compile
from keeptune.training.fit_memory import Held, MemoryFit, fit_memory


class Shared(Protocol):
    """Divides the passes of a step over several processes."""

    @property
    def lockstep(self) -> bool:
        """Whether all processes must compute the same passes, so that none can be repeated."""
        ...

    def begin_step(self) -> None:
        """Before the first pass."""
        ...

    def add(self, step: int, rows: Sequence[EncodedRow], counts: Sequence[float], budget: int) -> float:
        """As `Gradients.of_rows`."""
        ...

    def change(self, change: GradientChange) -> None:
        """Change the gradient so far."""
        ...

    def end(self) -> None:
        """Give back what the processes hold for the training, if they can still be told."""
        ...


@dataclass(slots=True)
class Gradients:
    """Leaves the gradient of `objective` in the weights of `loaded`."""

    loaded: LoadedModel
    objective: Objective
    observer: Observer
    scaler: torch.amp.GradScaler
    memory: MemoryFit
    """The tokens that a pass may have; lowered when memory runs out."""
    compiled: Compiled = plainly
    """How a pass is computed; eagerly once the compiler fails."""
    shared: Shared | None = None
    may_checkpoint: bool = False
    """Whether blocks are checkpointed where memory does not hold a row otherwise."""

    def of_step(self, step: int, rows: Sequence[EncodedRow]) -> float:
        """Add the gradient of a step over `rows`; return its loss.

        Raises:
            NonFiniteLoss: the loss is NaN or infinite.
        """
        loss = self._of_tokens(step, rows)
        penalty = self.objective.penalty(self.loaded.model)
        return loss + (0.0 if penalty is None else self._add(step, penalty, rows))

    def of_rows(self, step: int, rows: Sequence[EncodedRow], counts: Sequence[float], budget: int) -> float:
        """Add the gradient of these rows' share of the step's token means, in passes of at most `budget` tokens; return
        that share of the loss."""
        return sum(self._of_part(step, part, counts) for part in parts_of(rows, budget))

    def loss(self, rows: Sequence[EncodedRow]) -> torch.Tensor:
        """The loss of `rows` as one step, without penalties."""
        return self.of_pass(rows, self.objective.counts(rows))

    def fit_memory(self, batches: Sequence[Sequence[EncodedRow]], held: Held) -> None:
        """Find the token budget that fits the memory, up to the configured one. It changes no weights and no random
        state.

        Args:
            held: what the training holds beside a pass.
        """
        device = self.loaded.placement.device
        self.loaded.model.train()
        batches = [group for batch in batches for group, _ in self.objective.groups(batch)]
        longest = max(row.length for batch in batches for row in batch)

        def fitted(observer: Observer) -> MemoryFit:
            meter, budget = Meter(device), self.memory.token_budget
            return fit_memory(batches, budget, held, meter, self._trial_pass, observer)

        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            notices: list[Event] = []
            try:
                found = fitted(notices.append)
            except RuntimeError as error:
                if not (out_of_memory(error) and self._checkpointed()):
                    raise
                found = fitted(self.observer)
            else:
                if found.token_budget < longest and self._checkpointed():
                    found = fitted(self.observer)
                else:
                    for notice in notices:
                        self.observer(notice)
            self.memory = found

    def _trial_pass(self, rows: Sequence[EncodedRow]) -> None:
        if self.objective.has_groups:
            # A step's first group leaves its gradient beside the others' passes.
            for weight in self.loaded.model.parameters():
                weight.grad = torch.zeros_like(weight) if weight.requires_grad else None
        try:
            with self.compiled():
                self.loss(rows).backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            if not self._falls_back(error):
                raise
            self._trial_pass(rows)
        finally:
            self.loaded.model.zero_grad()

    def _of_tokens(self, step: int, rows: Sequence[EncodedRow]) -> float:
        counts = self.objective.counts(rows)
        budget = self.memory.token_budget
        loss = 0.0
        try:
            if self.shared:
                self.shared.begin_step()
            add = self.shared.add if self.shared else self.of_rows
            for group, change in self.objective.groups(rows):
                loss += add(step, group, counts, budget)
                if change and self.shared:
                    self.shared.change(change)
                elif change:
                    change()
            return loss
        except RuntimeError as error:
            if self.shared and self.shared.lockstep:
                raise
            parts = [part for group, _ in self.objective.groups(rows) for part in parts_of(group, budget)]
            if out_of_memory(error) and len(parts) < len(rows):
                held = max(len(part) * max(row.length for row in part) for part in parts)
                budget = min(budget, held) // 2
                self.observer(Notice("memory", f"out of memory: {budget:,} tokens per pass from here on"))
            elif out_of_memory(error) and self._checkpointed():
                pass
            elif not self._falls_back(error):
                raise
        self.loaded.model.zero_grad()
        self.memory = dataclasses.replace(self.memory, token_budget=budget)
        return self._of_tokens(step, rows)

    def _checkpointed(self) -> bool:
        """Turn on checkpoints, if that is left to memory and not done yet: whether a pass takes less memory now."""
        if not self.may_checkpoint or checkpoints_blocks(self.loaded) or not checkpoint_blocks(self.loaded):
            return False
        self.compiled = plainly
        told = "blocks keep their input alone for the backward pass, as memory does not hold the longest row otherwise"
        self.observer(Notice("memory", f"{told} (--gradient-checkpointing)"))
        return True

    def _falls_back(self, error: RuntimeError) -> bool:
        """Whether the compiler failed; passes are then computed eagerly."""
        if self.compiled is plainly or not failed_to_compile(error):
            return False
        self.compiled = plainly
        self.observer(Notice("speed", f"not compiled from here on: {type(error).__name__}"))
        return True

    def _of_part(self, step: int, rows: Sequence[EncodedRow], counts: Sequence[float]) -> float:
        """Add the gradient of these rows' share of the step's token means; return that share of the loss."""
        with self.compiled():
            return self._add(step, self.of_pass(rows, counts), rows)

    def of_pass(self, rows: Sequence[EncodedRow], counts: Sequence[float]) -> torch.Tensor:
        """The share of a step's loss, as `of_rows`, in one pass, which has not gone back yet."""
        placement = self.loaded.placement
        batch = make_batch(rows, self.loaded.kind, self.loaded.tokenizer.pad_token_id, placement.device)
        with placement.autocast():
            return self.objective(self.loaded.model, batch, counts)

    def _add(self, step: int, loss: torch.Tensor, rows: Sequence[EncodedRow]) -> float:
        value = float(loss.detach())
        if not math.isfinite(value):
            raise non_finite("loss", step, value, rows)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        return value


def parts_of(rows: Sequence[EncodedRow], token_budget: int) -> list[list[EncodedRow]]:
    """`rows` as passes of at most `token_budget` tokens, by `split_by_budget`."""
    parts = split_by_budget(range(len(rows)), [row.length for row in rows], token_budget)
    return [[rows[index] for index in part] for part in parts]


def non_finite(what: str, step: int, value: float, rows: Sequence[EncodedRow]) -> NonFiniteLoss:
    """The error for a number that became NaN or infinite at `step`."""
    fix = "lower --lr, or use --dtype float32; then look at these items. Checkpoints before this step are kept"
    return NonFiniteLoss(step, value, [row.item_id for row in rows], fix, what)
