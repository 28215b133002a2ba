"""Frozen layers and embeddings stay the base's bit for bit, under full fine-tuning and under an adapter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from keeptune.config import Adapter, ModelConfig, TrainingConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import silent
from keeptune.exports.save import save_tuned
from keeptune.models.adapters import METHODS, attach_adapter
from keeptune.models.freeze import freeze_lowest, layer_stacks
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import Example, Message
from keeptune.workspace.workspace import Workspace
from tests.training.loops import loop_over

EXAMPLES = [Example(f"e{i}", (Message("user", f"number {i}"),), f"it is {i % 3}") for i in range(16)]
STACKS = {
    "llama": {"model.layers": 2},
    "gpt2": {"transformer.h": 2},
    "t5": {"encoder.block": 2, "decoder.block": 2},
}
EMBEDDINGS = {"llama": ("embed_tokens",), "gpt2": ("wte", "wpe"), "t5": ("shared", "relative_attention_bias")}


def load(folder: Path) -> LoadedModel:
    return load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))


def train(loaded: LoadedModel, run: Path) -> None:
    rows = Encoder(loaded.tokenizer, loaded.kind, 128).rows(EXAMPLES)
    loop_over(loaded, rows, TrainingConfig(lr=0.03, epochs=2, batch_size=8), run, "f", silent)()


@pytest.mark.parametrize("kind", STACKS)
def test_full_fine_tuning_leaves_the_lowest_alone(tiny: Callable[..., Path], tmp_path: Path, kind: str) -> None:
    loaded = load(tiny(kind))
    assert layer_stacks(loaded.model) == STACKS[kind]
    loaded.model.requires_grad_(True)
    before = {name: p.detach().clone() for name, p in loaded.model.named_parameters()}
    frozen = freeze_lowest(loaded, 0.5)
    assert frozen.layers == tuple(f"{name}.0" for name in STACKS[kind])
    assert frozen.weights == loaded.parameters - loaded.trainable
    train(loaded, tmp_path)
    same = {name for name, p in loaded.model.named_parameters() if torch.equal(p, before[name])}
    expected = {
        name
        for name in before
        if any(f".{part}." in f".{name}" for part in (*(f"{stack}.0" for stack in STACKS[kind]), *EMBEDDINGS[kind]))
    }
    assert expected
    # A bias that starts at zero and gets no gradient is not frozen, but may stay.
    assert same - expected <= {name for name in before if name.endswith(".bias")}
    assert expected <= same


@pytest.mark.parametrize(("share", "layers"), [(0.01, 0), (0.3, 1), (0.9, 2), (1.0, 2)])
def test_shares_are_rounded(tiny: Callable[..., Path], share: float, layers: int) -> None:
    loaded = load(tiny("llama"))
    loaded.model.requires_grad_(True)
    assert len(freeze_lowest(loaded, share).layers) == layers
    assert loaded.trainable > 0


@pytest.mark.parametrize("kind", STACKS)
@pytest.mark.parametrize("method", ["lora", "ia3", "dora"])
def test_an_adapter_on_the_upper_layers(tiny: Callable[..., Path], kind: str, method: str) -> None:
    loaded = load(tiny(kind))
    whole = load(tiny(kind))
    attach_adapter(whole, Adapter(kind=method, rank=4), seed=0)
    attach_adapter(loaded, Adapter(kind=method, rank=4), seed=0, freeze=0.5)
    names = [name for name, p in loaded.model.named_parameters() if p.requires_grad]
    every = [name for name, p in whole.model.named_parameters() if p.requires_grad]
    assert names
    assert names == [name for name in every if not any(f"{stack}.0." in name for stack in STACKS[kind])]


def test_it_loads_in_plain_peft(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded = load(tiny("llama"))
    attach_adapter(loaded, Adapter(rank=4, target_modules="q_proj,up_proj"), seed=0, freeze=0.5)
    train(loaded, tmp_path)
    folder = save_tuned(loaded, Workspace(tmp_path))
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(tiny("llama")), str(folder))
    ids = torch.tensor([[40, 50, 60]])
    with torch.no_grad():
        assert torch.equal(plain.eval()(input_ids=ids).logits, loaded.model(input_ids=ids).logits)
    adapted = {name.split(".lora_")[0] for name, _ in plain.named_parameters() if ".lora_" in name}
    prefix = "base_model.model.model.layers.1"
    assert adapted == {f"{prefix}.self_attn.q_proj", f"{prefix}.mlp.up_proj"}


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if not row.targets_modules])
def test_methods_without_layers_are_refused(tiny: Callable[..., Path], method: str) -> None:
    with pytest.raises(ConfigError, match=f"{method} cannot leave layers out") as caught:
        attach_adapter(load(tiny("llama")), Adapter(kind=method, rank=4), seed=0, freeze=0.5)
    assert "--freeze 0" in caught.value.fix


def test_nothing_left_or_nothing_found_is_said(tiny: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="--freeze 1 leaves no layer"):
        attach_adapter(load(tiny("llama")), Adapter(rank=4), seed=0, freeze=1.0)
    loaded = load(tiny("llama"))
    loaded.model.model.layers = torch.nn.ModuleList()
    with pytest.raises(ConfigError, match="LlamaForCausalLM has no stack of layers"):
        freeze_lowest(loaded, 0.5)
