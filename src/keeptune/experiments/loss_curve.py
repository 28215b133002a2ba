"""The validation loss along the way from the base to trained weights: a few forward passes, and no answer is
generated."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keeptune.config.schema import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.exports.save_interpolated import alike
from keeptune.inference.engine import close_engines
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.loglikelihood import mean_loss
from keeptune.mitigation.alpha_curve import ALPHAS, AlphaCurve
from keeptune.models.find import find_model
from keeptune.models.interpolation import Interpolation, make_interpolation, scales_saved
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import Example
from keeptune.training.session import Session

MOST = 32
"""Validation rows that are read, the same at each α: the losses' differences are far less noisy than the losses."""


def loss_curve(session: Session, tuned: ModelConfig, encoder: Encoder) -> AlphaCurve:
    """Of a session with validation rows; its model is the base.

    Beside the tuned weights, those that training changed are held a second time, but for a LoRA.

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
    close_engines()
    interpolation = _interpolation(session.config.model, tuned)

    def loss(alpha: float) -> float:
        interpolation(alpha)
        with interpolation.loaded.placement.autocast():
            return mean_loss(interpolation.loaded, rows, session.config.evaluation.token_budget)

    return AlphaCurve(loss(0.0), {alpha: loss(alpha) for alpha in ALPHAS})


def _interpolation(base: ModelConfig, tuned: ModelConfig) -> Interpolation:
    found, start = find_model(tuned), find_model(base)
    of_base = found.adapter and (found.source, found.revision) == (start.source, start.revision) and not start.adapter
    if found.adapter and of_base and scales_saved(Path(found.adapter)):
        loaded = load_model(tuned)
        loaded.model.eval()
        return make_interpolation(loaded)
    loaded = load_for_inference(tuned)
    return make_interpolation(loaded, _weights(base, loaded))


def _weights(model: ModelConfig, like: LoadedModel) -> LoadedModel | Path:
    """A folder, so that it need not fit into memory, where the weights lie in one under the names of `like`."""
    found = find_model(model)
    folder = Path(found.source)
    if found.local and not found.adapter and any(folder.glob("*.safetensors")) and alike(like, folder):
        return folder
    return load_for_inference(replace(model, device="cpu"))
