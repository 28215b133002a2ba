"""LiNeS and intruder dimensions: what of the trained change is left, by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Adapter, Full
from keeptune.errors import ModelError
from keeptune.mitigation.methods.intruders import scale_intruders
from keeptune.models.adapters import attach_adapter
from keeptune.models.low_rank import low_rank_layers
from tests.mitigation.talking import load
from tests.mitigation.test_trained_with import LORA, rows_files, saved, settings, trained

LAYER = re.compile(r"\.layers\.(\d+)\.")


def test_the_first_layer_keeps_the_value_and_the_last_all(talking: Path, tmp_path: Path) -> None:
    files, base = rows_files(tmp_path), load(talking).model.state_dict()
    plain = trained(settings(talking, files, Full(), {}), tmp_path / "runs" / "plain")
    found = trained(settings(talking, files, Full(), {"extra": ("lines=0.25",)}), tmp_path / "runs" / "lines")
    last = max(int(match[1]) for match in map(LAYER.search, found) if match)
    for name, tensor in found.items():
        layer = LAYER.search(name)
        number = int(layer[1]) if layer else (0 if "embed" in name else last)
        alpha = 0.25 + 0.75 * number / last
        assert torch.allclose(tensor, torch.lerp(base[name], plain[name], alpha), atol=1e-7), name
        assert number < last or torch.equal(tensor, plain[name])


def test_of_a_lora_the_same_as_an_adapter(talking: Path, tmp_path: Path) -> None:
    files = rows_files(tmp_path)
    plain = trained(settings(talking, files, LORA, {}), tmp_path / "runs" / "plain")
    found = trained(settings(talking, files, LORA, {"extra": ("lines=0.25",)}), tmp_path / "runs" / "lines")
    last = max(int(match[1]) for match in map(LAYER.search, found) if match)
    for name, tensor in found.items():
        layer = LAYER.search(name)
        assert layer is not None
        share = 0.25 + 0.75 * int(layer[1]) / last if "lora_B" in name else 1.0
        assert torch.allclose(tensor, plain[name] * share), name


def with_an_intruder(folder: Path) -> tuple[Any, list[torch.Tensor]]:
    """A LoRA whose change is one large direction that no singular vector of the base resembles, and one that is a
    singular vector of the base, made larger."""
    loaded = load(folder)
    attach_adapter(loaded, Adapter(rank=2, alpha=2, dropout=0.0), seed=0)
    own = []
    with torch.no_grad():
        for layer in low_rank_layers(loaded.model):
            left, sizes, right = torch.linalg.svd(layer.base.weight, full_matrices=False)
            # An even mix of all left vectors: its cosine with each is 1 / √n, in any case below 0.5.
            new = left @ torch.ones(left.shape[1]) / left.shape[1] ** 0.5
            other = right.T @ torch.ones(right.shape[0]) / right.shape[0] ** 0.5
            layer.up.copy_(torch.stack([100 * sizes[0] * new, sizes[0] * left[:, 0]], dim=1))
            layer.down.copy_(torch.stack([other, right[0]]))
            own.append(layer.change().clone())
    return loaded.model, own


def test_intruders_keep_their_share(tiny: Callable[..., Path]) -> None:
    model, before = with_an_intruder(tiny("llama"))
    layers = low_rank_layers(model)
    scale_intruders(model, 0.5)
    assert model.active_adapter == "default"
    assert list(model.peft_config) == ["default"]
    for layer, change in zip(layers, before, strict=True):
        left, sizes, right = torch.linalg.svd(layer.base.weight + change, full_matrices=False)
        intruder = sizes[0] * torch.outer(left[:, 0], right[0])
        expected = change - 0.5 * intruder
        # The same rank as before: what exceeds it is cut off, and is small beside what was taken away.
        assert torch.linalg.norm(layer.change() - expected) < 0.05 * torch.linalg.norm(0.5 * intruder)


def test_all_of_them_kept_is_the_adapter_as_it_was(tiny: Callable[..., Path]) -> None:
    model, before = with_an_intruder(tiny("llama"))
    scale_intruders(model, 1.0)
    for layer, change in zip(low_rank_layers(model), before, strict=True):
        assert torch.allclose(layer.change(), change, atol=1e-3 * float(change.abs().max()))


def test_transposed_matrices_are_refused(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("gpt2"))
    attach_adapter(loaded, LORA, seed=0)
    with pytest.raises(ModelError, match="GPT-2"):
        scale_intruders(loaded.model, 0.5)


def test_intruders_of_a_run(talking: Path, tmp_path: Path) -> None:
    files = rows_files(tmp_path)
    plain = trained(settings(talking, files, LORA, {}), tmp_path / "runs" / "plain")
    trained(settings(talking, files, LORA, {"extra": ("intruders=0",)}), tmp_path / "runs" / "none")
    found = saved(tmp_path / "runs" / "none")
    assert found.keys() == plain.keys()
    assert any(not torch.equal(found[name], plain[name]) for name in plain)
