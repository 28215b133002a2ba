"""The one loop: full fine-tuning and every adapter, any model kind, resumable at any step."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from keeptune.config.schema import TrainingConfig
from keeptune.errors import ConfigError, TrainingError
from keeptune.events import CheckpointSaved, ForecastMade, Notice, Observer, StepDone, TrainingStarted
from keeptune.mitigation.mitigation import WeightAverage
from keeptune.mitigation.objective import Objective
from keeptune.mitigation.row_source import RowSource, steps_of
from keeptune.models.checkpointing import checkpoint_blocks, checkpoints_blocks
from keeptune.models.compiled import plainly
from keeptune.models.load import LoadedModel
from keeptune.models.memory import Meter
from keeptune.models.processes import processes
from keeptune.models.weights import trainable_parameters
from keeptune.records import Forecast
from keeptune.training.checkpoint import (
    LoopState,
    Trained,
    check_whole,
    load_checkpoint,
    load_trainable,
    read_weights,
    save_checkpoint,
)
from keeptune.training.compile import Trial, try_compiling
from keeptune.training.defaults import default_token_budget
from keeptune.training.fit_memory import Held, MemoryFit
from keeptune.training.gradients import Gradients
from keeptune.training.optimizer import moments
from keeptune.training.pace import Pace
from keeptune.training.schedule import Timetable, cosine_with_warmup
from keeptune.training.selection import Selection, Validate
from keeptune.training.sharded import ShardedTraining, refuse_unsharded
from keeptune.training.shared_gradients import SharedGradients
from keeptune.training.startup_cache import Startup, keep_startup, usable_startup
from keeptune.training.step import Step, adamw, scaler_for
from keeptune.training.stopping import stop_asked, stops_between_steps
from keeptune.workspace.workspace import Workspace

FORECAST_AFTER = 5
"""Steps from which the total time is forecast. The first, which allocates memory, does not count."""
SHORT = 20
"""Minimum steps of a training for which startup measurements pay."""
PROCESSES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
"""Environment variables in which launchers set the number of processes."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A running training."""

    at: float
    """By the monotonic clock."""
    token_budget: int
    """The configured budget; the memory may allow less."""
    step: Step
    known: Startup | None
    """Startup measurements of an equal training."""
    pace: Pace = field(default_factory=Pace)

    @property
    def gradients(self) -> Gradients:
        return self.step.gradients


@dataclass(slots=True)
class Loop:
    """One training run over `rows`. `lr` and `epochs` are resolved in `config`."""

    loaded: LoadedModel
    rows: RowSource
    config: TrainingConfig
    run: Workspace
    fingerprint: str
    observer: Observer
    validate: Validate | None = None
    objective: Objective = field(default_factory=Objective)
    average: WeightAverage | None = None
    """Validated and saved instead of the trained weights."""
    startup_key: str = ""
    """Cache key for startup measurements; "" disables the cache."""
    lr: float = field(init=False)
    steps: int = field(init=False)
    epoch_steps: int = field(init=False)
    forecast: Forecast | None = field(init=False, default=None)
    compiled: bool = field(init=False, default=False)
    """Whether the last step was computed by compiled blocks."""
    _time: Timetable = field(init=False)

    def __post_init__(self) -> None:
        if self.config.lr is None or self.config.epochs is None:
            raise TrainingError("lr and epochs must be resolved before the loop starts")
        self.lr = self.config.lr * self.config.lr_factor
        self.epoch_steps = self.rows.epoch.steps
        self.steps = steps_of(self.epoch_steps, self.config)
        config = self.config
        self._time = Timetable(self.steps, self.epoch_steps, config.validations_per_epoch, config.max_minutes)

    def __call__(self) -> LoopState:
        """Train to the end, leaving the best weights in the model and under ``best/``."""
        with self._started(self.steps >= SHORT) as begun:
            gradients = begun.gradients
            trained = Trained(self.loaded.model, begun.step.update, gradients.scaler, self.rows, self.average)
            state = load_checkpoint(self.run, trained, self.fingerprint)
            if state and state.token_budget:
                # The earlier token budget gives the same sums in the same order.
                gradients.memory = dataclasses.replace(gradients.memory, token_budget=state.token_budget)
            state = state or self._nothing_done()
            if state.best_step:
                check_whole(self.run.best(state.best_step))
            epoch = self.rows.epoch
            self.observer(
                TrainingStarted(self.steps, state.step, self.steps / self.epoch_steps, epoch.rows, epoch.tokens)
            )
            with stops_between_steps():
                state = self._train(begun, trained, state)
            self.compiled = gradients.compiled is not plainly
            if state.best_step:
                best = self.run.best(state.best_step)
                load_trainable(self.loaded.model, read_weights(best), best)
            elif self.average:
                self.average.swap(self.loaded.model)
        self.loaded.model.eval()
        return state

    def measure(self) -> Forecast:
        """Train a few steps to forecast the rest; the weights are not usable afterwards."""
        with self._started(measured=True) as begun:
            state, validating = self._first_validation(begun, self._nothing_done())
            for _ in range(min(FORECAST_AFTER, self.epoch_steps)):
                state = self._step(begun, state)
            state = dataclasses.replace(state, seconds=time.monotonic() - begun.at)
            return self._forecast(begun, state, validating)

    @contextlib.contextmanager
    def _started(self, measured: bool) -> Iterator[_Begun]:
        """Prepare the optimizer and the passes; with `measured`, also find the token budget."""
        began = time.monotonic()
        if not processes() and any(int(os.environ.get(name) or 1) > 1 for name in PROCESSES):
            raise TrainingError(
                "this launcher's processes do not share a run",
                "start `keeptune` itself by torchrun or accelerate launch",
            )
        budget = self.config.token_budget or default_token_budget(self.loaded.placement.device.type)
        held = min(budget, self.config.tokens_in_memory or budget)
        scaler = scaler_for(self.loaded)
        gradients = Gradients(self.loaded, self.objective, self.observer, scaler, MemoryFit(held, 0))
        gradients.may_checkpoint = self.config.gradient_checkpointing is None and not processes()
        if self.config.gradient_checkpointing and not checkpoint_blocks(self.loaded):
            raise ConfigError(
                f"the blocks of {self.loaded.found.name}, as it is trained here, cannot be checkpointed",
                "leave --gradient-checkpointing out",
            )
        sharded, known = self._sharded(gradients), None
        if sharded:
            gradients.shared = sharded
        else:
            known = self._compiled_and_fitted(gradients, measured)
        step = Step(gradients, sharded or adamw(gradients, self.config))
        torch.manual_seed(self.config.seed)
        try:
            yield _Begun(began, budget, step, known)
        finally:
            if gradients.shared:
                gradients.shared.end()

    def _compiled_and_fitted(self, gradients: Gradients, measured: bool) -> Startup | None:
        """Compile the passes and find their token budget, where that pays: the measurements of an equal training."""
        meter, held = Meter(self.loaded.placement.device), gradients.memory.token_budget
        known = usable_startup(self.startup_key, meter, self.observer) if measured else None
        trial = None if known and known.compiled else Trial(self.rows, gradients.loss)
        wanted = False if self.config.gradient_checkpointing else self.config.torch_compile
        gradients.compiled = try_compiling(wanted, self.loaded, round(self._tokens()), trial, self.observer)
        if several := processes():
            gradients.shared = SharedGradients(several, gradients, self.config.seed)
        meter.release()
        if known:
            gradients.memory = MemoryFit(held, known.peak_bytes)
        elif measured:
            gradients.fit_memory(self.rows.sample(), self._held())
        return known

    def _sharded(self, gradients: Gradients) -> ShardedTraining | None:
        """What divides the weights over several processes, if that is wanted."""
        several = processes()
        if not self.config.fsdp:
            if several and os.environ.get("ACCELERATE_USE_FSDP") == "true":
                self.observer(Notice("fsdp", "accelerate is set to FSDP, which --fsdp turns on here"))
            return None
        if not several:
            self.observer(Notice("fsdp", "this is one process: --fsdp has nothing to divide the model over"))
            return None
        refuse_unsharded(gradients)
        return ShardedTraining(several, gradients, self.config)

    @contextlib.contextmanager
    def _averaged(self) -> Iterator[None]:
        """The model has its averaged weights, where there are any, while the block runs."""
        if not self.average:
            yield
            return
        self.average.swap(self.loaded.model)
        try:
            yield
        finally:
            self.average.swap(self.loaded.model)

    def _held(self) -> Held:
        """What the training holds beside a pass."""
        weights = trainable_parameters(self.loaded.model)
        gradient = sum(weight.numel() * weight.element_size() for weight in weights)
        return Held(gradient, moments(self.loaded.trainable, self.config))

    def _tokens(self) -> float:
        """Tokens of all steps together."""
        return self.rows.epoch.tokens * self.steps / self.epoch_steps

    def _nothing_done(self) -> LoopState:
        return LoopState(0, 0.0, 0, None, 0, 0, (), (), self.fingerprint)

    def _train(self, begun: _Begun, trained: Trained, state: LoopState) -> LoopState:
        last_saved = time.monotonic()
        seconds_before = state.seconds
        validation_steps = self._time.validation_steps()
        from_start, validation_seconds = state.step == 0, 0.0
        if from_start:
            state, validation_seconds = self._first_validation(begun, state)
            ready = time.monotonic() - begun.at
            limit = self.config.max_minutes
            if limit is not None and ready > 30 * limit:
                told = f"{ready / 60:.1f} of the {limit:g} minutes passed before the first step: raise --max-minutes"
                self.observer(Notice("time", told))
            state = dataclasses.replace(state, ready=ready)
        while state.step < self.steps and not self._time.out_of_time(state):
            state = self._step(begun, state)
            elapsed = seconds_before + time.monotonic() - begun.at
            state = dataclasses.replace(state, seconds=elapsed)
            if from_start and state.step == FORECAST_AFTER and self.steps >= SHORT:
                self._forecast(begun, state, validation_seconds)
            due = state.step in validation_steps or state.step == self.steps or self._time.out_of_time(state)
            if due and self.validate is not None:
                begun.step.update.gather()
                with self._averaged():
                    state = self._selection(self.validate).after_step(state)
            stopped = stop_asked()
            if due or stopped or time.monotonic() - last_saved > 60 * self.config.checkpoint_minutes:
                begun.step.update.gather()
                path = save_checkpoint(self.run, trained, state)
                self.observer(CheckpointSaved(state.step, str(path)))
                last_saved = time.monotonic()
            if stopped:
                raise stopped
        return state

    def _step(self, begun: _Begun, state: LoopState) -> LoopState:
        began = time.monotonic()
        rows = self.rows.next(state.step, self.loaded)
        lr = self.lr * cosine_with_warmup(self._time.progress(state), self.config.warmup_fraction)
        loss, norm = begun.step(state.step + 1, rows, lr)
        if self.average:
            self.average.add(self.loaded.model)
        tokens = sum(row.length for row in rows)
        begun.pace.add(tokens, time.monotonic() - began)
        state = dataclasses.replace(
            state,
            step=state.step + 1,
            tokens=state.tokens + tokens,
            completion_tokens=state.completion_tokens + sum(row.learned for row in rows),
            loss_curve=(*state.loss_curve, (state.step + 1, loss)),
            token_budget=begun.gradients.memory.token_budget,
        )
        left = self._time.within(begun.pace.seconds_for_steps(self.steps - state.step), state)
        epoch, speed = state.step / self.epoch_steps, begun.pace.tokens_per_second()
        self.observer(StepDone(state.step, self.steps, epoch, loss, lr, norm, speed, left))
        return state

    def _forecast(self, begun: _Begun, state: LoopState, validation_seconds: float) -> Forecast:
        left = begun.pace.seconds_for_tokens(self._tokens() - state.tokens)
        left = self._time.within(left + validation_seconds * len(self._time.validation_steps()), state)
        device = self.loaded.placement.device.type
        self.forecast = Forecast(state.seconds + left, begun.gradients.memory.forecast(device))
        self.observer(ForecastMade(self.forecast))
        return self.forecast

    def _first_validation(self, begun: _Begun, state: LoopState) -> tuple[LoopState, float]:
        """Validate the untrained model, which is no candidate, and time it; later ones take its memory beside the
        optimizer's moments."""
        known, gradients = begun.known, begun.gradients
        selection = self._selection(self.validate) if self.validate else None
        if known is None:
            before = time.monotonic()
            shown = selection.score()[1] if selection else {}
            seconds = time.monotonic() - before
            if gradients.memory.peak_bytes:
                peak = Meter(self.loaded.placement.device).peak() + self._held().moments
                peak = max(peak, gradients.memory.peak_bytes)
                gradients.memory = dataclasses.replace(gradients.memory, peak_bytes=peak)
            known = Startup(gradients.compiled is not plainly, gradients.memory.peak_bytes, shown, seconds)
            # What was lowered reflects the free memory at that time, so it is not cached.
            lowered = gradients.may_checkpoint and checkpoints_blocks(self.loaded)
            whole = not lowered and gradients.memory.peak_bytes and gradients.memory.token_budget == begun.token_budget
            if self.startup_key and whole and all(map(math.isfinite, shown.values())):
                keep_startup(self.startup_key, known, self.observer)
        if selection:
            state = selection.curved(state, known.validation, best=False)
        return state, known.validation_seconds

    def _selection(self, validate: Validate) -> Selection:
        return Selection(self.loaded, validate, self.run, self.observer)
