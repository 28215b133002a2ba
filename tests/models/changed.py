"""Tiny models as training leaves them: every weight moved a little, or an adapter that is not at its first value."""

from __future__ import annotations

from pathlib import Path

import torch

from keeptune.config import Adapter, ModelConfig
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model

IDS = torch.tensor([[40, 50, 60, 70, 80], [41, 51, 61, 71, 81]])


def move(parameters: object, size: float = 0.05) -> None:
    """Add noise to each of `parameters`, seeded."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in parameters:
            parameter += size * torch.randn(parameter.shape, generator=generator)


def changed_weights(base: Path, folder: Path) -> Path:
    """`base` with all its weights moved, saved to `folder`."""
    loaded = load_model(ModelConfig(name=str(base), device="cpu", dtype="float32"))
    move(loaded.model.parameters())
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


def changed_adapter(base: Path, method: str, folder: Path) -> Path:
    """An adapter on `base`, saved to `folder`."""
    loaded = load_model(ModelConfig(name=str(base), device="cpu", dtype="float32"))
    attach_adapter(loaded, Adapter(kind=method, rank=4), seed=1)
    move(p for p in loaded.model.parameters() if p.requires_grad)
    loaded.model.save_pretrained(folder)
    loaded.tokenizer.save_pretrained(folder)
    return folder


@torch.no_grad()
def logits(loaded: LoadedModel) -> torch.Tensor:
    """Of a few tokens."""
    more = {"decoder_input_ids": torch.tensor([[0, 41, 42], [0, 43, 44]])} if loaded.kind != "causal" else {}
    return loaded.model.eval()(input_ids=IDS, attention_mask=torch.ones_like(IDS), **more).logits
