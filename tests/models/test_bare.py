"""The base under an adapter is the base, bit for bit, or it is refused; and what was saved is what is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from keeptune.api.route import open_router
from keeptune.config import Adapter, ModelConfig
from keeptune.errors import ModelError
from keeptune.exports.save import save_merged, save_tuned
from keeptune.exports.save_interpolated import save_interpolated
from keeptune.inference.drift import kl_of_adapter
from keeptune.inference.evaluator import load_for_inference
from keeptune.models.adapters import METHODS, attach_adapter
from keeptune.models.interpolation import can_scale
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.reference import reference_of
from keeptune.workspace.workspace import Workspace
from tests.models.changed import IDS, changed_adapter, move
from tests.tiny import save_llama


def config(path: Path) -> ModelConfig:
    return ModelConfig(name=str(path), device="cpu", dtype="float32")


def load(path: Path) -> LoadedModel:
    return load_model(config(path))


def with_embedding(base: Path, folder: Path, scale: float = 1.5) -> Path:
    """A LoRA whose file also holds an embedding, `scale` times the base's."""
    adapter = changed_adapter(base, "lora", folder)
    weights = load_file(adapter / "adapter_model.safetensors")
    own = load_file(base / "model.safetensors")["model.embed_tokens.weight"]
    name = "base_model.model.model.embed_tokens.weight"
    save_file(weights | {name: own * scale}, adapter / "adapter_model.safetensors", {"format": "pt"})
    return adapter


def with_biases(base: Path, folder: Path) -> Path:
    """A LoRA that also trains the biases of its layers."""
    import peft

    loaded = load(base)
    settings = peft.LoraConfig(r=2, target_modules=["c_attn"], bias="lora_only", task_type="CAUSAL_LM")
    model: Any = peft.get_peft_model(loaded.model, settings)
    move(p for p in model.parameters() if p.requires_grad)
    model.peft_config["default"].base_model_name_or_path = str(base)
    model.save_pretrained(folder)
    return folder


def in_part_of_the_base(base: Path, folder: Path) -> Path:
    """A PiSSA as `peft` saves it itself: it begins by taking a part out of the base."""
    loaded = load(base)
    attach_adapter(loaded, Adapter(kind="pissa", rank=2), seed=0)
    loaded.model.peft_config["default"].base_model_name_or_path = str(base)
    loaded.model.save_pretrained(folder)
    return folder


MAKERS = {"llama": (with_embedding, in_part_of_the_base), "gpt2": (with_biases,)}
CASES = [(kind, make) for kind, makers in MAKERS.items() for make in makers]


@pytest.mark.parametrize(("kind", "make"), CASES)
def test_a_base_that_is_another_is_refused_as_a_base(
    tiny: Callable[..., Path], tmp_path: Path, kind: str, make: Any
) -> None:
    adapter = make(tiny(kind), tmp_path / "adapter")
    loaded = load(adapter)
    with torch.no_grad(), loaded.model.disable_adapter():
        assert not torch.equal(loaded.model(IDS).logits, load(tiny(kind)).model(IDS).logits)
    assert loaded.changed_base
    for asks in (
        lambda: open_router(config(adapter)),
        lambda: kl_of_adapter(loaded, [], 99),
        lambda: reference_of(loaded),
    ):
        with pytest.raises(ModelError, match="also changes"):
            asks()
    assert not can_scale(loaded)


@pytest.mark.parametrize(("kind", "make"), CASES)
def test_measured_apart_it_is_the_tuned_model(tiny: Callable[..., Path], tmp_path: Path, kind: str, make: Any) -> None:
    adapter = make(tiny(kind), tmp_path / "adapter")
    with torch.no_grad():
        torch.testing.assert_close(
            load_for_inference(config(adapter)).model(IDS).logits, load(adapter).model(IDS).logits
        )


def test_interpolated_to_nothing_it_is_the_base(tiny: Callable[..., Path], tmp_path: Path) -> None:
    adapter = with_embedding(tiny("llama"), tmp_path / "adapter")
    save_interpolated(tiny("llama"), adapter, 0, tmp_path / "out")
    with torch.no_grad():
        assert torch.equal(load(tmp_path / "out").model(IDS).logits, load(tiny("llama")).model(IDS).logits)


def test_the_same_embedding_changes_nothing(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded = load(with_embedding(tiny("llama"), tmp_path / "adapter", scale=1.0))
    assert loaded.changed_base == ()
    with torch.no_grad(), loaded.as_base():
        assert torch.equal(loaded.model(IDS).logits, load(tiny("llama")).model(IDS).logits)


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if not row.needs_rows])
def test_under_every_method_it_is_the_base_or_is_refused(
    tiny: Callable[..., Path], tmp_path: Path, method: str
) -> None:
    loaded = load(tiny("llama"))
    attach_adapter(loaded, Adapter(kind=method, rank=4), seed=0)
    move(p for p in loaded.model.parameters() if p.requires_grad)
    save_tuned(loaded, Workspace(tmp_path))
    loaded = load(tmp_path / "adapter")
    try:
        with loaded.as_base(), torch.no_grad():
            assert torch.equal(loaded.model(IDS).logits, load(tiny("llama")).model(IDS).logits)
    except ModelError:
        assert method == "osf"


def test_two_rows_that_change_places_are_seen(tiny: Callable[..., Path], tmp_path: Path) -> None:
    base = tiny("llama")
    adapter = with_embedding(base, tmp_path / "adapter", scale=1.0)
    weights = load_file(adapter / "adapter_model.safetensors")
    name = "base_model.model.model.embed_tokens.weight"
    weights[name][[40, 50]] = weights[name][[50, 40]]
    save_file(weights, adapter / "adapter_model.safetensors", {"format": "pt"})
    assert load(adapter).changed_base


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("what", ["adapter", "merged", "interpolated"])
def test_one_bit_of_what_was_saved(tmp_path: Path, what: str) -> None:
    base = save_llama(tmp_path / "base")
    loaded = load(base)
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    folder = save_tuned(loaded, Workspace(tmp_path))
    if what == "merged":
        save_merged(load(folder), tmp_path / "merged")
    if what == "interpolated":
        save_interpolated(None, folder, 0.5, tmp_path / "interpolated")
    folder = tmp_path / what
    assert load(folder).hash
    (weights,) = folder.glob("*.safetensors")
    flip(weights)
    with pytest.raises(ModelError, match="SHA256SUMS"):
        load(folder)
    (folder / "SHA256SUMS").unlink()
    assert load(folder).hash


def test_settings_may_be_changed_by_hand(tmp_path: Path) -> None:
    loaded = load(save_llama(tmp_path / "base"))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    file = save_tuned(loaded, Workspace(tmp_path)) / "adapter_config.json"
    (tmp_path / "base").rename(tmp_path / "moved")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": str(tmp_path / "moved")}))
    assert load(tmp_path / "adapter").hash
