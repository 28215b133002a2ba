"""A base whose answers differ from one another, and an adapter that was trained in a form of its own."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from keeptune.config import Adapter, ModelConfig
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import load_model
from tests.tiny import save_gpt2, save_llama, save_t5

CPU = {"device": "cpu", "dtype": "float32"}
FORMAT = {"prompt": "A {thing}, please", "system": "You know colours."}
MAKERS = {"llama": save_llama, "gpt2": save_gpt2, "t5": save_t5}


def varied(folder: Path, kind: str = "llama", *, seed: int = 5) -> Path:
    """A base with wide random weights."""
    MAKERS[kind](folder)
    loaded = load_model(ModelConfig(name=str(folder), **CPU))
    torch.manual_seed(seed)
    for parameter in loaded.model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    loaded.model.save_pretrained(folder)
    return folder


def adapted(base: Path, folder: Path, *, kind: str = "lora", form: dict[str, str] | None = None) -> Path:
    """An adapter on `base` with random weights, and the form in which it was trained."""
    loaded = load_model(ModelConfig(name=str(base), **CPU))
    attach_adapter(loaded, Adapter(kind=kind, rank=3), seed=0)
    torch.manual_seed(1)
    for parameter in loaded.model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    loaded.save(folder)
    loaded.tokenizer.save_pretrained(folder)
    (folder / "task_format.json").write_text(json.dumps(FORMAT if form is None else form))
    return folder


def with_end(folder: Path, token: str) -> None:
    """Answers end by another token, as the tokenizer in this folder says."""
    file = folder / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token": token}))
