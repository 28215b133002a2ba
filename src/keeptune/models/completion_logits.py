"""Compute logits at the completion tokens only, for any architecture.

Logits over the whole vocabulary cost more than a small model's layers, and nine prompt tokens in ten need none.
`logits_to_keep` of transformers keeps the same positions for every row; rows here differ. So the hidden states
are picked just before the output embedding, by a hook: whatever a model does after it (scaling, soft-capping)
stays in force.
"""

from __future__ import annotations

from typing import Any

import torch

from keeptune.errors import ModelError, NonFiniteLogits
from keeptune.models.batch import Batch, decoder_inputs


def completion_logits(model: Any, batch: Batch, **more: Any) -> torch.Tensor:
    """Logits that predict `batch.targets`: [tokens, vocabulary], in the model's own dtype.

    Args:
        more: further arguments of the forward pass: a cache to go on from, an encoder's outputs.
    """
    inputs = {"use_cache": False, **batch.inputs, **more}
    labels = inputs.pop("labels", None)
    if labels is not None:
        inputs["decoder_input_ids"] = decoder_inputs(model, labels)
    length = (labels if labels is not None else inputs["input_ids"]).shape[1]
    head = _output_embedding(model)
    picked = False

    def pick(_module: Any, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        nonlocal picked
        hidden = arguments[0]
        # Soft prompts come before the row's tokens.
        offset = hidden.shape[1] - length
        picked = True
        return (hidden[batch.rows, batch.positions + offset].unsqueeze(0), *arguments[1:])

    handle = head.register_forward_pre_hook(pick)
    try:
        logits = model(**inputs).logits
    except NonFiniteLogits as error:
        # Of the picked tokens, which are one row here.
        raise NonFiniteLogits(error.model, [(int(batch.rows[at]),) for _, at in error.places]) from None
    finally:
        handle.remove()
    if not picked:
        raise ModelError(
            f"{type(model).__name__} does not call its output embedding, so its logits cannot be picked",
            "please report this architecture",
        )
    return torch.as_tensor(logits).squeeze(0)


def _output_embedding(model: Any) -> Any:
    head = model.get_output_embeddings()
    if head is None:
        raise ModelError(f"{type(model).__name__} has no output embedding", "use a model that writes text")
    return head
