"""The validation loss along the way from the base to trained weights: one model in memory, and no answer is
generated."""

from __future__ import annotations

import random
from collections.abc import Sequence

from keeptune.config.schema import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.loglikelihood import mean_loss
from keeptune.mitigation.alpha_curve import ALPHAS, AlphaCurve
from keeptune.models.interpolation import Interpolation, can_scale, make_interpolation
from keeptune.models.load import load_model
from keeptune.records import Example
from keeptune.training.session import Session

MOST = 32
"""Validation rows that are read at each α. The losses are compared row by row, so few of them tell α apart."""


def loss_curve(session: Session, tuned: ModelConfig, encoder: Encoder) -> AlphaCurve:
    """Of a session with validation rows; its model is the base.

    Args:
        tuned: at α = 1.
        encoder: of `tuned`.

    Raises:
        ModelError: `tuned` cannot be interpolated.
    """
    examples: Sequence[Example] = session.rows.validation
    if len(examples) > MOST:
        examples = random.Random(session.config.training.seed).sample(examples, MOST)
    rows = [encoder.scored_row(example, example.completion) for example in examples]
    interpolation = _interpolation(session.config.model, tuned)

    def loss(alpha: float) -> float:
        interpolation(alpha)
        with interpolation.loaded.placement.autocast():
            return mean_loss(interpolation.loaded, rows, session.config.evaluation.token_budget)

    return AlphaCurve(loss(0.0), {alpha: loss(alpha) for alpha in ALPHAS})


def _interpolation(base: ModelConfig, tuned: ModelConfig) -> Interpolation:
    loaded = load_model(tuned)
    loaded.model.eval()
    if can_scale(loaded):
        return make_interpolation(loaded)
    del loaded
    return make_interpolation(load_for_inference(tuned), load_for_inference(base))
