"""Select the weights of the best validation."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from keeptune.events import Notice, Observer, ValidationDone
from keeptune.models.load import LoadedModel
from keeptune.training.checkpoint import LoopState, save_best
from keeptune.workspace.workspace import Workspace

Validate = Callable[[], tuple[float, Mapping[str, float]]]
"""Scores the validation slice with the current model: (lower is better, what to show)."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Scores `loaded` between steps, and saves the best weights in `run`."""

    loaded: LoadedModel
    validate: Validate
    run: Workspace
    observer: Observer

    def score(self) -> tuple[float, Mapping[str, float]]:
        """(Lower is better, what to show) of the current model."""
        self.loaded.model.eval()
        with torch.no_grad():
            return self.validate()

    def after_step(self, state: LoopState) -> LoopState:
        """Score the weights, and save them if they are the best so far."""
        score, shown = self.score()
        best = math.isfinite(score) and (state.best_score is None or score < state.best_score)
        if best:
            save_best(self.run, self.loaded.model, state.step)
            state = dataclasses.replace(state, best_step=state.step, best_score=score)
        return self.curved(state, shown, best=best)

    def curved(self, state: LoopState, shown: Mapping[str, float], *, best: bool) -> LoopState:
        """`state` with one more point of the validation curve."""
        loss = shown["loss"]
        if not math.isfinite(loss):
            told = f"the validation loss after step {state.step} is {loss}: these weights are not chosen"
            self.observer(Notice("validation", told))
            return state
        self.observer(ValidationDone(state.step, loss, dict(shown), best))
        return dataclasses.replace(state, validation_curve=(*state.validation_curve, (state.step, loss)))
