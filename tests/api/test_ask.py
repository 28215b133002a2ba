"""How a model is loaded to be asked: as any other tool loads it in that dtype."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from keeptune.config import Adapter, ModelConfig
from keeptune.inference.evaluator import load_for_inference
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import load_model
from keeptune.models.placement import Placement
from keeptune.models.weights import cast_weights


def dtypes(model: torch.nn.Module) -> dict[str, torch.dtype]:
    return {name: tensor.dtype for name, tensor in [*model.named_parameters(), *model.named_buffers()]}


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_dtypes_are_those_of_transformers(tiny: Callable[..., Path], tmp_path: Path, kind: str, dtype: str) -> None:
    config = ModelConfig(name=str(tiny(kind)), device="cpu", dtype=dtype)
    plain = load_model(config)
    asked = load_for_inference(config)
    assert dtypes(asked.model) == dtypes(plain.model)
    attach_adapter(plain, Adapter(rank=2), seed=0)
    plain.model.save_pretrained(tmp_path / "adapter")
    folded = load_for_inference(ModelConfig(name=str(tmp_path / "adapter"), device="cpu", dtype=dtype))
    assert dtypes(folded.model) == dtypes(asked.model)


def test_an_adapter_is_folded_in_main_memory(tiny: Callable[..., Path], tmp_path: Path, monkeypatch) -> None:
    plain = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    attach_adapter(plain, Adapter(rank=2), seed=0)
    plain.model.save_pretrained(tmp_path / "adapter")
    # What a machine without a GPU has in the place of one.
    device = Placement(torch.device("meta"), torch.bfloat16, "")
    monkeypatch.setattr("keeptune.inference.evaluator.place", lambda *_: device)
    moved, to = [], torch.nn.Module.to

    def seen(module: torch.nn.Module, *where: object, **named: object) -> torch.nn.Module:
        moved.append(dtypes(module))
        return to(module, *where, **named)

    monkeypatch.setattr(torch.nn.Module, "to", seen)
    loaded = load_for_inference(ModelConfig(name=str(tmp_path / "adapter"), device="cuda"))
    assert loaded.placement == device
    assert {weight.device.type for weight in loaded.model.parameters()} == {"meta"}
    assert moved[-1]["model.layers.0.mlp.up_proj.weight"] == torch.bfloat16, "cast before it is moved"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_cast_weights_are_as_transformers_loads_them(tiny: Callable[..., Path], kind: str, dtype: torch.dtype) -> None:
    kinds = {"llama": AutoModelForCausalLM, "t5": AutoModelForSeq2SeqLM}
    cast = kinds[kind].from_pretrained(tiny(kind), dtype=torch.float32)
    cast_weights(cast, dtype)
    assert dtypes(cast) == dtypes(kinds[kind].from_pretrained(tiny(kind), dtype=dtype))
