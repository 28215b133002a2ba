"""Tiny models ready to train, and moved some way from where they start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from keeptune.config import Full, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import EncodedRow, Example, Message

EXAMPLES = [Example(f"e{i}", (Message("user", f"number {i}"),), f"it is {i}") for i in range(4)]


def ready(folder: Path, method: Any) -> tuple[LoadedModel, list[EncodedRow]]:
    """Before the first step."""
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    if isinstance(method, Full):
        loaded.model.requires_grad_(True)
    else:
        attach_adapter(loaded, method, seed=0)
    return loaded, Encoder(loaded.tokenizer, loaded.kind, 128).rows(EXAMPLES)


def move(model: torch.nn.Module, by: float = 0.1) -> None:
    """Every trained weight, at random."""
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in trained(model):
            parameter += by * torch.randn_like(parameter)


def trained(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def merged_change(folder: Path, loaded: LoadedModel) -> dict[str, torch.Tensor]:
    """W − W₀ by name in the model of `folder`, as `peft` merges it; the adapter is gone afterwards."""
    before = ready(folder, Full())[0].model.state_dict()
    after = loaded.model.merge_and_unload() if hasattr(loaded.model, "peft_config") else loaded.model
    return {name: tensor - before[name] for name, tensor in after.state_dict().items()}
