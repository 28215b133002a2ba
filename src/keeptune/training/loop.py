"""The one loop: full fine-tuning and every adapter, any model kind, resumable at any step."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from keeptune.config.schema import TrainingConfig
from keeptune.data.batching import plan_epoch, split_by_budget
from keeptune.errors import NonFiniteLoss, TrainingError
from keeptune.events import CheckpointSaved, ForecastMade, Notice, Observer, StepDone, TrainingStarted, ValidationDone
from keeptune.mitigation.objective import Objective
from keeptune.models.batch import make_batch
from keeptune.models.compiled import plainly
from keeptune.models.load import LoadedModel
from keeptune.models.memory import Meter, out_of_memory
from keeptune.records import EncodedRow, Forecast
from keeptune.training.checkpoint import (
    LoopState,
    check_whole,
    load_checkpoint,
    load_trainable,
    read_weights,
    save_checkpoint,
    save_weights,
)
from keeptune.training.compile import Compiled, failed_to_compile, try_compiling
from keeptune.training.defaults import default_token_budget
from keeptune.training.fit_memory import MOMENTS, MemoryFit, fit_memory
from keeptune.training.schedule import cosine_with_warmup
from keeptune.training.startup_cache import Startup, keep_startup, read_startup
from keeptune.training.stopping import stop_asked, stops_between_steps

FORECAST_AFTER = 5
"""Steps by which the whole is judged; the first, in which memory is taken for the first time, does not count."""
SHORT = 20
"""Steps below which nothing is measured beforehand."""

Validate = Callable[[], tuple[float, Mapping[str, float]]]
"""Scores the validation slice with the model as it stands: (lower is better, what to show)."""


@dataclass(slots=True)
class Loop:
    """One training run over `rows`. `lr` and `epochs` are resolved in `config`."""

    loaded: LoadedModel
    rows: Sequence[EncodedRow]
    config: TrainingConfig
    run: Path
    fingerprint: str
    observer: Observer
    validate: Validate | None = None
    objective: Objective = field(default_factory=Objective)
    startup_key: str = ""
    """Of what is found out before the first step, to find it out once; "" finds it out anew."""
    lr: float = field(init=False)
    steps: int = field(init=False)
    epoch_steps: int = field(init=False)
    _accelerator: Accelerator = field(init=False)
    _optimizer: torch.optim.Optimizer = field(init=False)
    forecast: Forecast | None = field(init=False, default=None)
    _compiled: Compiled = field(init=False, default=plainly)
    _memory: MemoryFit = field(init=False)
    _known: Startup | None = field(init=False, default=None)
    _began: float = field(init=False)
    _speeds: deque[tuple[int, float]] = field(init=False, default_factory=lambda: deque(maxlen=20))

    def __post_init__(self) -> None:
        if not self.rows:
            raise TrainingError("there is no row to train on", "see `keeptune check`")
        if self.config.lr is None or self.config.epochs is None:
            raise TrainingError("lr and epochs must be resolved before the loop starts")
        self.lr = self.config.lr * self.config.lr_factor
        self.epoch_steps = math.ceil(len(self.rows) / self.config.batch_size)
        self.steps = max(1, round(self.epoch_steps * self.config.epochs))

    def __call__(self) -> LoopState:
        """Train to the end, leaving the best weights in the model and under ``best/``."""
        with self._started(self.steps >= SHORT):
            scaler = self._accelerator.scaler
            state = load_checkpoint(self.run, self.loaded.model, self._optimizer, self.fingerprint, scaler)
            if state and state.token_budget:
                # What a pass held before: the same sums, in the same order.
                self._memory = dataclasses.replace(self._memory, token_budget=state.token_budget)
            state = state or self._nothing_done()
            if state.best_step:
                check_whole(self.run / "best")
            self.observer(
                TrainingStarted(
                    self.steps,
                    state.step,
                    self.steps / self.epoch_steps,
                    len(self.rows),
                    sum(row.length for row in self.rows),
                )
            )
            with stops_between_steps():
                state = self._train(state)
            if state.best_step:
                best = self.run / "best"
                load_trainable(self.loaded.model, read_weights(best), best)
        self.loaded.model.eval()
        return state

    def measure(self) -> Forecast:
        """Train a few steps, to forecast the rest; the weights are of no use afterwards."""
        with self._started(measured=True):
            state, validating = self._first_validation(self._nothing_done())
            for batch in self._plan(0)[:FORECAST_AFTER]:
                state = self._step(state, [self.rows[row] for row in batch])
            state = dataclasses.replace(state, seconds=time.monotonic() - self._began)
            return self._forecast(state, validating * len(self._validation_steps()))

    @contextlib.contextmanager
    def _started(self, measured: bool) -> Iterator[None]:
        """The optimizer and the passes are ready; `measured`: and what memory holds is known."""
        self._began = time.monotonic()
        try:
            self._prepare()
            tokens = round(sum(row.length for row in self.rows) * self.steps / self.epoch_steps)
            self._known = self._known_startup() if measured else None
            passed = self._known is not None and self._known.compiled
            self._compiled = try_compiling(
                self.config.torch_compile, self.loaded, self.rows, tokens, self._own_loss, self.observer, passed
            )
            Meter(self.loaded.placement.device).release()
            self._memory = self._fit_memory() if measured else MemoryFit(self._token_budget(), 0)
            torch.manual_seed(self.config.seed)
            yield
        finally:
            # Accelerate keeps one state a process; the next run may want another device or dtype.
            AcceleratorState._reset_state(reset_partial_state=True)

    def _known_startup(self) -> Startup | None:
        """What a training like this one found, if there is as much memory as it took."""
        known = read_startup(self.startup_key, self.observer) if self.startup_key else None
        meter = Meter(self.loaded.placement.device)
        free = meter.free()
        return known if known and (free is None or known.peak_bytes <= meter.used() + free) else None

    def _nothing_done(self) -> LoopState:
        return LoopState(0, 0.0, 0, None, 0, 0, (), (), self.fingerprint)

    def _token_budget(self) -> int:
        return self.config.token_budget or default_token_budget(self.loaded.placement.device.type)

    def _plan(self, epoch: int) -> list[list[int]]:
        return plan_epoch([row.length for row in self.rows], self.config.batch_size, self.config.seed, epoch)

    def _prepare(self) -> None:
        placement = self.loaded.placement
        precision = {"float32": "no", "bfloat16": "bf16", "float16": "fp16"}[placement.dtype_name]
        AcceleratorState._reset_state(reset_partial_state=True)
        # Accelerate has no bf16 for CPU without its own launcher settings; the autocast below serves every device.
        self._accelerator = Accelerator(
            mixed_precision="fp16" if precision == "fp16" else "no", cpu=placement.device.type == "cpu"
        )
        if self._accelerator.num_processes > 1:
            raise TrainingError("several processes cannot share one run yet", "start it without a launcher")
        trainable = [p for p in self.loaded.model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            trainable,
            lr=self.lr,
            weight_decay=self.config.weight_decay,
            fused=placement.device.type in ("cpu", "cuda"),
        )
        self._optimizer = self._accelerator.prepare_optimizer(optimizer)

    def _train(self, state: LoopState) -> LoopState:
        last_saved = time.monotonic()
        seconds_before = state.seconds
        plan_of: tuple[int, list[list[int]]] = (-1, [])
        validation_steps = self._validation_steps()
        from_start, validation_seconds = state.step == 0, 0.0
        if from_start:
            state, validation_seconds = self._first_validation(state)
            ready = time.monotonic() - self._began
            limit = self.config.max_minutes
            if limit is not None and ready > 30 * limit:
                told = f"{ready / 60:.1f} of the {limit:g} minutes were over before the first step: raise --max-minutes"
                self.observer(Notice("time", told))
            state = dataclasses.replace(state, ready=ready)
        while state.step < self.steps and not self._out_of_time(state):
            epoch, within = divmod(state.step, self.epoch_steps)
            if plan_of[0] != epoch:
                plan_of = (epoch, self._plan(epoch))
            state = self._step(state, [self.rows[row] for row in plan_of[1][within]])
            elapsed = seconds_before + time.monotonic() - self._began
            state = dataclasses.replace(state, seconds=elapsed)
            if from_start and state.step == FORECAST_AFTER and self.steps >= SHORT:
                self._forecast(state, validation_seconds * len(validation_steps))
            due = state.step in validation_steps or state.step == self.steps or self._out_of_time(state)
            if due and self.validate is not None:
                state = self._validated(state)
            stopped = stop_asked()
            if due or stopped or time.monotonic() - last_saved > 60 * self.config.checkpoint_minutes:
                path = save_checkpoint(self.run, self.loaded.model, self._optimizer, state, self._accelerator.scaler)
                self.observer(CheckpointSaved(state.step, str(path)))
                last_saved = time.monotonic()
            if stopped:
                raise stopped
        return state

    def _step(self, state: LoopState, rows: Sequence[EncodedRow]) -> LoopState:
        began = time.monotonic()
        model = self.loaded.model
        model.train()
        lr = self.lr * cosine_with_warmup(self._progress(state), self.config.warmup_fraction)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        loss = self._gradients(state, rows) + self._penalise(state, rows)
        norm = float(self._accelerator.clip_grad_norm_(model.parameters(), self.config.max_grad_norm))
        # In float16 the scaler skips a step that overflows, and lowers the scale.
        if not math.isfinite(norm) and self.loaded.placement.dtype is not torch.float16:
            raise self._non_finite("norm of the gradient", state, norm, rows)
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self._memory.peak_bytes:
            # Rows of many lengths leave gaps between what the next ones take.
            Meter(self.loaded.placement.device).keep_within(self._memory.peak_bytes)
        tokens = sum(row.length for row in rows)
        self._speeds.append((tokens, time.monotonic() - began))
        state = dataclasses.replace(
            state,
            step=state.step + 1,
            tokens=state.tokens + tokens,
            completion_tokens=state.completion_tokens + sum(row.learned for row in rows),
            loss_curve=(*state.loss_curve, (state.step + 1, loss)),
            token_budget=self._memory.token_budget,
        )
        self._tell(state, loss, lr, norm)
        return state

    def _gradients(self, state: LoopState, rows: Sequence[EncodedRow]) -> float:
        """Leave the step's gradient in the weights; its loss, without penalties.

        Where memory ends, it takes more passes, and where the compiler fails, plain ones.
        """
        counts = self.objective.counts(rows)
        budget = self._memory.token_budget
        parts = split_by_budget(range(len(rows)), [r.length for r in rows], budget)
        try:
            return sum(self._backward(state, [rows[index] for index in part], counts) for part in parts)
        except RuntimeError as error:
            if out_of_memory(error) and len(parts) < len(rows):
                held = max(len(part) * max(rows[index].length for index in part) for part in parts)
                budget = min(budget, held) // 2
                self.observer(Notice("memory", f"out of memory: {budget:,} tokens a pass from here on"))
            elif not self._goes_plainly(error):
                raise
        self._optimizer.zero_grad()
        self._memory = dataclasses.replace(self._memory, token_budget=budget)
        return self._gradients(state, rows)

    def _goes_plainly(self, error: RuntimeError) -> bool:
        """Whether the compiler failed, which is then done without."""
        if self._compiled is plainly or not failed_to_compile(error):
            return False
        self._compiled = plainly
        self.observer(Notice("speed", f"not compiled from here on: {type(error).__name__}"))
        return True

    def _forecast(self, state: LoopState, validating: float) -> Forecast:
        """
        Args:
            validating: seconds that validations are still to take.
        """
        tokens, seconds = (sum(column) for column in zip(*list(self._speeds)[state.step > 1 :], strict=True))
        whole = sum(row.length for row in self.rows) * self.steps / self.epoch_steps
        left = (whole - state.tokens) * seconds / tokens + validating
        if self.config.max_minutes is not None:
            left = min(left, max(60 * self.config.max_minutes - state.seconds, 0.0))
        self.forecast = Forecast(state.seconds + left, self._memory.forecast(self.loaded.placement.device.type))
        self.observer(ForecastMade(self.forecast))
        return self.forecast

    def _fit_memory(self) -> MemoryFit:
        device = self.loaded.placement.device
        if self._known:
            return MemoryFit(self._token_budget(), self._known.peak_bytes)

        def run_pass(rows: Sequence[EncodedRow]) -> None:
            try:
                with self._compiled():
                    self._own_loss(rows).backward()  # type: ignore[no-untyped-call]
            except RuntimeError as error:
                if not self._goes_plainly(error):
                    raise
                run_pass(rows)
            finally:
                self.loaded.model.zero_grad()

        self.loaded.model.train()
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            return fit_memory(
                [[self.rows[row] for row in batch] for batch in self._plan(0)],
                self._token_budget(),
                self.loaded.trainable,
                Meter(device),
                run_pass,
                self.observer,
            )

    def _backward(self, state: LoopState, rows: Sequence[EncodedRow], counts: Sequence[int]) -> float:
        """Add the gradient of these rows' share of the step's token means; return that share of the loss."""
        with self._compiled():
            return self._add_gradient(state, self._loss(rows, counts), rows)

    def _loss(self, rows: Sequence[EncodedRow], counts: Sequence[int]) -> torch.Tensor:
        device = self.loaded.placement.device
        batch = make_batch(rows, self.loaded.kind, self.loaded.tokenizer.pad_token_id, device)
        with self.loaded.placement.autocast():
            return self.objective(self.loaded.model, batch, counts)

    def _own_loss(self, rows: Sequence[EncodedRow]) -> torch.Tensor:
        return self._loss(rows, self.objective.counts(rows))

    def _penalise(self, state: LoopState, rows: Sequence[EncodedRow]) -> float:
        penalty = self.objective.penalty(self.loaded.model)
        return 0.0 if penalty is None else self._add_gradient(state, penalty, rows)

    def _add_gradient(self, state: LoopState, loss: torch.Tensor, rows: Sequence[EncodedRow]) -> float:
        value = float(loss.detach())
        if not math.isfinite(value):
            raise self._non_finite("loss", state, value, rows)
        self._accelerator.backward(loss)
        return value

    def _first_validation(self, state: LoopState) -> tuple[LoopState, float]:
        """Of the untrained model, which is no candidate, and its seconds; later ones take its memory beside the
        optimizer's moments."""
        known = self._known
        if known is None:
            before = time.monotonic()
            _, shown = self._validate() if self.validate else (0.0, {})
            seconds = time.monotonic() - before
            if self._memory.peak_bytes:
                peak = Meter(self.loaded.placement.device).peak() + MOMENTS * self.loaded.trainable
                self._memory = dataclasses.replace(self._memory, peak_bytes=max(peak, self._memory.peak_bytes))
            known = Startup(self._compiled is not plainly, self._memory.peak_bytes, shown, seconds)
            # A budget that was lowered holds for the memory of that hour.
            whole = self._memory.peak_bytes and self._memory.token_budget == self._token_budget()
            if self.startup_key and whole and all(map(math.isfinite, shown.values())):
                keep_startup(self.startup_key, known, self.observer)
        if self.validate:
            state = self._curved(state, known.validation, best=False)
        return state, known.validation_seconds

    def _validate(self) -> tuple[float, Mapping[str, float]]:
        assert self.validate is not None
        self.loaded.model.eval()
        with torch.no_grad():
            return self.validate()

    def _validated(self, state: LoopState) -> LoopState:
        score, shown = self._validate()
        best = math.isfinite(score) and (state.best_score is None or score < state.best_score)
        if best:
            save_weights(self.run / "best", self.loaded.model)
            state = dataclasses.replace(state, best_step=state.step, best_score=score)
        return self._curved(state, shown, best=best)

    def _curved(self, state: LoopState, shown: Mapping[str, float], *, best: bool) -> LoopState:
        if not math.isfinite(shown["loss"]):
            told = f"the validation loss after step {state.step} is {shown['loss']}: these weights are not chosen"
            self.observer(Notice("validation", told))
            return state
        curve = (*state.validation_curve, (state.step, shown["loss"]))
        self.observer(ValidationDone(state.step, shown["loss"], dict(shown), best))
        return dataclasses.replace(state, validation_curve=curve)

    def _validation_steps(self) -> set[int]:
        every = self.epoch_steps / max(self.config.validations_per_epoch, 1)
        return {round(every * (i + 1)) for i in range(math.ceil(self.steps / every))}

    def _progress(self, state: LoopState) -> float:
        """Share of the run that is done by the middle of this step; or by time, where that ends it sooner."""
        share = (state.step + 0.5) / self.steps
        left = 60 * (self.config.max_minutes or 0.0) - state.ready
        if left > 0:
            share = max(share, (state.seconds - state.ready) / left)
        return min(share, 1.0)

    def _out_of_time(self, state: LoopState) -> bool:
        return self.config.max_minutes is not None and state.seconds >= 60 * self.config.max_minutes

    def _tell(self, state: LoopState, loss: float, lr: float, norm: float) -> None:
        tokens, seconds = (sum(column) for column in zip(*self._speeds, strict=True))
        left = (self.steps - state.step) * seconds / len(self._speeds)
        if self.config.max_minutes is not None:
            left = min(left, max(60 * self.config.max_minutes - state.seconds, 0.0))
        epoch = state.step / self.epoch_steps
        self.observer(StepDone(state.step, self.steps, epoch, loss, lr, norm, tokens / seconds, left))

    def _non_finite(self, what: str, state: LoopState, value: float, rows: Sequence[EncodedRow]) -> NonFiniteLoss:
        fix = "lower --lr, or use --dtype float32; then look at these items. Checkpoints before this step are kept"
        return NonFiniteLoss(state.step + 1, value, [row.item_id for row in rows], fix, what)
