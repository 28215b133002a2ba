"""The validation loss along the way from the base to trained weights: a few seconds, and no answer is generated."""

from __future__ import annotations

import gc
from collections.abc import Callable

from keeptune.config.schema import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.loglikelihood import mean_loss
from keeptune.mitigation.alpha_curve import ALPHAS, AlphaCurve
from keeptune.training.session import Session


def loss_curve(session: Session, at: Callable[[float], ModelConfig], encoder: Encoder) -> AlphaCurve:
    """Of a session with validation rows; its model and encoder are the base's.

    Args:
        at: the model that keeps the share α of the trained change.
        encoder: of the tuned models.
    """
    base = validation_loss(session, session.config.model, session.encoder)
    return AlphaCurve(base, {alpha: validation_loss(session, at(alpha), encoder) for alpha in ALPHAS})


def validation_loss(session: Session, model: ModelConfig, encoder: Encoder) -> float:
    """Nats a completion token."""
    rows = [encoder.scored_row(example, example.completion) for example in session.rows.validation]
    loaded = load_for_inference(model)
    with loaded.placement.autocast():
        loss = mean_loss(loaded, rows, session.config.evaluation.token_budget)
    del loaded
    gc.collect()
    return loss
