"""Compiled blocks: the same losses and gradients as the plain ones, and nothing of them stays behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._inductor.runtime.cache_dir_utils import default_cache_dir

from keeptune.config import Adapter, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.mitigation.objective import Objective
from keeptune.models import compiled
from keeptune.models.adapters import attach_adapter
from keeptune.models.batch import make_batch
from keeptune.models.compiled import compile_blocks, compiles_block_by_block, has_compiler, plainly, repeated_blocks
from keeptune.models.freeze import freeze_lowest
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.short_attention import LONGEST, NAME, short_attention
from keeptune.records import Example, Message

needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no C++ compiler")


def load(folder: Path, method: str) -> LoadedModel:
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    if method == "lora":
        attach_adapter(loaded, Adapter(rank=4, dropout=0.0), seed=0)
        for name, parameter in loaded.model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
    else:
        loaded.model.requires_grad_(True)
    return loaded


def gradients(loaded: LoadedModel, blocks: Any, counts: tuple[int, ...]) -> tuple[float, dict[str, torch.Tensor]]:
    """Loss and gradients over as many rows as `counts` tells, of other lengths each time."""
    encoder = Encoder(loaded.tokenizer, loaded.kind, 128)
    loaded.model.zero_grad()
    total = 0.0
    for count in counts:
        examples = [Example(f"{i}", (Message("user", "ab" * (count + i)),), "cde" * (1 + i)) for i in range(count)]
        rows = encoder.rows(examples)
        batch = make_batch(rows, loaded.kind, loaded.tokenizer.pad_token_id, torch.device("cpu"))
        objective = Objective()
        with blocks():
            loss = objective(loaded.model, batch, objective.counts(rows))
            loss.backward()
        total += float(loss.detach())
    return total, {n: p.grad.clone() for n, p in loaded.model.named_parameters() if p.grad is not None}


@needs_compiler
@pytest.mark.parametrize(("architecture", "method"), [("llama", "lora"), ("llama", "full"), ("t5", "lora")])
def test_same_loss_and_gradients(tiny: Callable[..., Path], architecture: str, method: str) -> None:
    loaded = load(tiny(architecture), method)
    blocks = compile_blocks(loaded.model)
    assert blocks is not None
    counts = (1, 3, 5) if architecture == "llama" else (3,)
    plain_loss, plain = gradients(loaded, plainly, counts)
    loss, found = gradients(loaded, blocks, counts)
    assert loss == pytest.approx(plain_loss, abs=1e-4)
    assert found.keys() == plain.keys()
    for name, gradient in plain.items():
        assert torch.allclose(found[name], gradient, atol=1e-5, rtol=1e-3), name


@pytest.mark.parametrize("architecture", ["llama", "gpt2", "t5"])
def test_nothing_stays_behind(tiny: Callable[..., Path], architecture: str) -> None:
    model = load(tiny(architecture), "full").model
    names = list(model.state_dict())
    attention = model.config._attn_implementation
    blocks = compile_blocks(model)
    assert blocks is not None
    with contextlib.suppress(KeyError), blocks():
        assert all(block._compiled_call_impl is not None for block in blocks.blocks)
        assert list(model.state_dict()) == names
        inside = model.config._attn_implementation
        raise KeyError("stopped in the middle")
    assert all(block._compiled_call_impl is None for block in blocks.blocks)
    assert inside == (NAME if attention == "sdpa" else attention)
    assert model.config._attn_implementation == attention
    assert list(model.state_dict()) == names


@pytest.mark.parametrize("half", [0.5, 0.0])
def test_frozen_blocks_get_no_gradient(tiny: Callable[..., Path], half: float) -> None:
    loaded = load(tiny("llama"), "full")
    if half:
        freeze_lowest(loaded, half)
    blocks = compile_blocks(loaded.model)
    assert blocks is not None
    assert (blocks.embeddings is None) == bool(half)


@pytest.mark.parametrize(("kind", "each"), [("lora", False), ("ia3", False), ("dora", True), ("prefix", True)])
def test_adapters_that_make_each_block_another(tiny: Callable[..., Path], kind: str, each: bool) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    assert not compiles_block_by_block(loaded.model)
    attach_adapter(loaded, Adapter(kind=kind, rank=4), seed=0)
    assert compiles_block_by_block(loaded.model) == each


def test_blocks_are_the_outermost_lists_of_one_class(tiny: Callable[..., Path]) -> None:
    llama = load(tiny("llama"), "lora").model
    assert repeated_blocks(llama) == tuple(llama.get_base_model().model.layers)
    t5 = load(tiny("t5"), "full").model
    assert repeated_blocks(t5) == (*t5.encoder.block, *t5.decoder.block)
    mixed = torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.ReLU()])
    assert repeated_blocks(mixed) == ()
    assert compile_blocks(mixed) is None


@needs_compiler
def test_all_blocks_share_what_is_compiled(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"), "lora")
    blocks = compile_blocks(loaded.model)
    assert blocks is not None
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    gradients(loaded, blocks, (2, 3, 4))
    assert len(blocks.blocks) > 1
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 1


class TestShortAttention:
    """Against transformers' call of torch's kernel."""

    def tensors(self, length: int, key_heads: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        torch.manual_seed(0)
        shapes = ((3, 4, length, 8), (3, key_heads, length, 8), (3, key_heads, length, 8))
        query, key, value = (torch.randn(shape, requires_grad=True) for shape in shapes)
        return query, key, value

    def both(
        self, length: int, monkeypatch: pytest.MonkeyPatch, mask: torch.Tensor | None = None, **more: Any
    ) -> list[list[torch.Tensor]]:
        module = torch.nn.Module()
        module.num_key_value_groups, module.is_causal = 2, more.pop("causal", True)
        found = []
        for longest in (LONGEST, 0):
            monkeypatch.setattr("keeptune.models.short_attention.LONGEST", longest)
            tensors = self.tensors(length)
            out, _ = short_attention(module, *tensors, mask, **more)
            out.square().sum().backward()
            found.append([out.detach(), *(tensor.grad for tensor in tensors if tensor.grad is not None)])
        return found

    @pytest.mark.parametrize("scaling", [None, 0.7])
    @pytest.mark.parametrize("length", [1, 2, 17])
    def test_is_the_kernels(self, length: int, scaling: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
        for own, kernel in zip(*self.both(length, monkeypatch, scaling=scaling), strict=True):
            assert torch.allclose(own, kernel, atol=1e-5)

    @pytest.mark.parametrize("causal", [True, False])
    def test_leaves_masks_and_both_ways_to_the_kernel(self, causal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        mask = torch.rand(3, 1, 9, 9) > 0.3 if causal else None
        if mask is not None:
            mask |= torch.eye(9, dtype=torch.bool)
        for own, kernel in zip(*self.both(9, monkeypatch, mask, causal=causal), strict=True):
            assert torch.equal(own, kernel)

    def test_leaves_a_bias_by_position_to_the_kernel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        bias = torch.randn(1, 4, 9, 9)
        for own, kernel in zip(*self.both(9, monkeypatch, position_bias=bias), strict=True):
            assert torch.equal(own, kernel)


def test_compiler_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    assert not compiled.has_compiler()
    (tmp_path / "g++").touch(mode=0o755)
    assert compiled.has_compiler()


def test_kernels_are_kept_in_the_cache(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Torch names its own folder when it is imported; one that the user has named stays."""
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path))
    model = load(tiny("llama"), "full").model
    for named in (None, default_cache_dir()):
        if named is None:
            monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
        else:
            monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", named)
        compile_blocks(model)
        assert Path(os.environ["TORCHINDUCTOR_CACHE_DIR"]).parent == tmp_path / "compiled"
    own = str(tmp_path / "mine")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", own)
    compile_blocks(model)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == own
