"""Elastic weight consolidation: ½ Σ F·(W − W₀)², weights held the more, the more the base's text depends on them.

Kirkpatrick et al. 2017, arXiv:1612.00796.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from keeptune.errors import TrainingError
from keeptune.inference.base_text import sample_text
from keeptune.mitigation.methods.l2sp import unfit_of_penalty
from keeptune.mitigation.mitigation import Mitigation, ObjectiveInputs
from keeptune.mitigation.objective import Penalty
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel
from keeptune.models.low_rank import low_rank_layers
from keeptune.records import EncodedRow
from keeptune.statistics.losses import cross_entropy_sum

FISHER_TEXTS = 64
FISHER_TOKENS = 64
EWC_SEED = 7919
"""Of the text that tells what matters to the base; drift is measured on other text."""


def weighted_distance(loaded: LoadedModel, rows: Sequence[EncodedRow]) -> Penalty:
    """The penalty on what `loaded` trains: call it before the first step.

    With full fine-tuning it keeps F and a copy of the trained weights. With LoRA it keeps F of the adapted layers, and
    makes ΔW = scale · B·A of one layer at a time.

    Args:
        rows: what must not be forgotten: rows of old tasks, or text that the base sampled.

    Raises:
        ConfigError: an adapter whose change is of another form.
        TrainingError: no row has a token to learn.
    """
    if hasattr(loaded.model, "peft_config"):
        layers = low_rank_layers(loaded.model)
        with loaded.as_base():
            of_layers = fisher_information(loaded, rows, [layer.base.weight for layer in layers])
        changes = [layer.change for layer in layers]
        return lambda _model: _energy(changes, of_layers)
    trained = {name: p for name, p in loaded.model.named_parameters() if p.requires_grad}
    information = fisher_information(loaded, rows, list(trained.values()))
    start = {name: p.detach().clone() for name, p in trained.items()}

    def of_weights(model: Any) -> torch.Tensor:
        own = dict(model.named_parameters())
        return _energy([partial(torch.sub, own[name], held) for name, held in start.items()], information)

    return of_weights


def fisher_information(
    loaded: LoadedModel, rows: Sequence[EncodedRow], weights: Sequence[torch.Tensor]
) -> list[torch.Tensor]:
    """The diagonal of the empirical Fisher information of `weights`, float32, each in its weight's shape.

    F = Σ over rows (∂ ln p(row) / ∂W)² / Σ tokens, where ln p(row) sums over the row's learned tokens: ½ Σ F·ΔW² then
    approximates KL(base ‖ tuned) in nats per token on text like these rows. One backward pass a row, without dropout.
    """
    learned = [row for row in rows if row.learned]
    if not learned:
        raise TrainingError("EWC has no rows to estimate importance from", "give rows of old tasks with --replay")
    model, tokens = loaded.model, sum(row.learned for row in learned)
    asked = [weight.requires_grad for weight in weights]
    found = [torch.zeros_like(weight, dtype=torch.float32) for weight in weights]
    model.eval()
    try:
        for weight in weights:
            weight.requires_grad_(True)
        for row in learned:
            batch = make_batch([row], loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
            loss = cross_entropy_sum(completion_logits(model, batch), batch.targets)
            # An expert that a row never reaches has a gradient of zero.
            gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
            for total, gradient in zip(found, gradients, strict=True):
                total += gradient.float().square() / tokens
    finally:
        for weight, wanted in zip(weights, asked, strict=True):
            weight.requires_grad_(wanted)
    return found


def _energy(changes: Sequence[Callable[[], torch.Tensor]], information: Sequence[torch.Tensor]) -> torch.Tensor:
    """½ Σ F·ΔW², one tensor's ΔW in memory at a time, in the backward pass too."""
    parts = [
        checkpoint(_weighted, change, held, use_reentrant=False, preserve_rng_state=False)
        for change, held in zip(changes, information, strict=True)
    ]
    return 0.5 * torch.stack(parts).sum()


def _weighted(change: Callable[[], torch.Tensor], information: torch.Tensor) -> torch.Tensor:
    return (information * change().square()).sum()


def _penalty(inputs: ObjectiveInputs) -> Penalty:
    old = [row for row in inputs.rows if row.role != "task"]
    return weighted_distance(inputs.loaded, old or sample_text(inputs.loaded, FISHER_TEXTS, FISHER_TOKENS, EWC_SEED))


@MITIGATIONS.register("ewc")
def ewc() -> Mitigation:
    """The value is the penalty's weight."""
    return Mitigation(
        cost="memory of the base twice",
        default=10.0,
        setting="mitigation.ewc",
        source="arXiv:1612.00796",
        reads_base=True,
        unfit=unfit_of_penalty("--ewc"),
        penalty=_penalty,
    )
