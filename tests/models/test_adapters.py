"""Every row of the table of methods: it learns, is saved, loads in plain `peft`, and merges where it says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from keeptune.config import Adapter, ModelConfig, TrainingConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import silent
from keeptune.exports.save import save_tuned
from keeptune.inference.loglikelihood import mean_loss
from keeptune.models.adapters import METHODS, attach_adapter
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.reference import reference_of
from keeptune.models.weights import fold_adapter
from keeptune.records import Example, Message
from keeptune.workspace.workspace import Workspace
from tests.training.loops import loop_over

EXAMPLES = [Example(f"e{i}", (Message("user", f"number {i}"),), f"it is {i % 3}") for i in range(24)]
IDS = torch.tensor([[40, 50, 60, 70, 80], [41, 51, 61, 71, 81]])
NOT_ON_CONV1D = ("loha", "lokr", "oft", "boft", "c3a", "osf", "hra", "shira", "miss")
"""Methods for which `peft` has no layer in the place of GPT-2's Conv1D."""
LEARNS_FAST = {"ia3": 0.1, "ln": 0.1, "prompt": 0.3, "prefix": 0.3, "vera": 0.1}


def load(folder: Path) -> LoadedModel:
    return load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))


def logits(model: torch.nn.Module, kind: str) -> torch.Tensor:
    more = {"decoder_input_ids": torch.tensor([[0, 41, 42], [0, 43, 44]])} if kind == "t5" else {}
    model.eval()
    with torch.no_grad():
        found = model(input_ids=IDS, attention_mask=torch.ones_like(IDS), **more).logits
    # Soft prompts stand before the row's own tokens.
    return found[:, -(3 if kind == "t5" else IDS.shape[1]) :]


def trained(folder: Path, method: str, run: Path, steps: int = 6, lr: float | None = None) -> LoadedModel:
    loaded = load(folder)
    rows = Encoder(loaded.tokenizer, loaded.kind, 128).rows(EXAMPLES)
    attach_adapter(loaded, Adapter(kind=method, rank=4, dropout=0.0), seed=1, rows=rows[:8])
    config = TrainingConfig(lr=lr or LEARNS_FAST.get(method, 0.03), epochs=steps * 8 / len(rows), batch_size=8)
    state = loop_over(loaded, rows, config, run, "test", silent)()
    assert state.step == steps
    return loaded


def plain_peft(base: Path, adapter: Path, kind: str) -> torch.nn.Module:
    auto = AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForCausalLM
    return PeftModel.from_pretrained(auto.from_pretrained(base, dtype=torch.float32), str(adapter))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
@pytest.mark.parametrize("method", METHODS)
def test_every_method(tiny: Callable[..., Path], tmp_path: Path, method: str, kind: str) -> None:
    if kind == "gpt2" and method in NOT_ON_CONV1D:
        with pytest.raises(ConfigError, match=rf"{method} does not fit this model: .*(Conv1D|none of its layers)"):
            attach_adapter(load(tiny(kind)), Adapter(kind=method, rank=4), seed=1)
        return
    base = logits(load(tiny(kind)).model, kind)
    loaded = trained(tiny(kind), method, tmp_path)
    tuned = logits(loaded.model, kind)
    assert (tuned - base).abs().max() > 1e-3, "nothing was learned"
    assert loaded.trainable < loaded.parameters / 2

    folder = save_tuned(loaded, Workspace(tmp_path))
    assert folder == Workspace(tmp_path).weights == tmp_path / "adapter"
    assert torch.allclose(logits(plain_peft(tiny(kind), folder, kind), kind), tuned, atol=1e-5)

    again = load(folder)
    assert torch.allclose(logits(again.model, kind), tuned, atol=1e-5)
    assert fold_adapter(again) is METHODS[method].mergeable
    assert hasattr(again.model, "peft_config") is not METHODS[method].mergeable
    assert torch.allclose(logits(again.model, kind), tuned, atol=1e-4)


def test_lora_after_fifty_steps_loads_in_plain_peft_with_the_same_logits(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    base = logits(load(tiny("llama")).model, "llama")
    loaded = trained(tiny("llama"), "lora", tmp_path, steps=60)
    tuned = logits(loaded.model, "llama")
    assert (tuned - base).abs().max() > 0.1, "hardly different from the base"
    plain = plain_peft(tiny("llama"), save_tuned(loaded, Workspace(tmp_path)), "llama")
    assert torch.equal(logits(plain, "llama"), tuned)


def test_a_fresh_adapter_changes_nothing_and_depends_on_its_seed(tiny: Callable[..., Path]) -> None:
    base = logits(load(tiny("llama")).model, "llama")
    found = []
    for seed in (1, 1, 2):
        loaded = load(tiny("llama"))
        attach_adapter(loaded, Adapter(rank=4), seed=seed)
        assert torch.equal(logits(loaded.model, "llama"), base)
        found.append({n: p.detach() for n, p in loaded.model.named_parameters() if "lora_A" in n})
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not all(torch.equal(found[0][name], found[2][name]) for name in found[0])


@pytest.mark.parametrize("method", [name for name, row in METHODS.items() if row.divides_base])
def test_an_adapter_out_of_the_base_is_saved_as_a_plain_lora(
    tiny: Callable[..., Path], tmp_path: Path, method: str
) -> None:
    base = load(tiny("llama"))
    rows = Encoder(base.tokenizer, base.kind, 128).rows(EXAMPLES)
    found = []
    for _ in range(2):
        loaded = load(tiny("llama"))
        attach_adapter(loaded, Adapter(kind=method, rank=4), seed=3, rows=rows[:8])
        found.append(loaded.initial_adapter)
        assert torch.allclose(logits(loaded.model, "llama"), logits(base.model, "llama"), atol=1e-5)
    # A run that is resumed begins from the same adapter.
    assert found[0] is not None
    assert found[1] is not None
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert all(tensor.any() for tensor in found[0].values())
    inner = loaded.inner.model.layers[0].mlp.up_proj.get_base_layer()
    assert not torch.allclose(inner.weight, base.model.model.layers[0].mlp.up_proj.weight, atol=1e-4)
    with pytest.raises(ConfigError, match="has taken a part out of its base"):
        reference_of(loaded)
    again = load(save_tuned(loaded, Workspace(tmp_path)))
    config = again.model.active_peft_config
    assert (config.init_lora_weights, config.r, config.lora_alpha) == (True, 8, 64)
    assert torch.allclose(logits(again.model, "llama"), logits(base.model, "llama"), atol=1e-5)
    with again.model.disable_adapter():
        assert torch.equal(logits(again.model, "llama"), logits(base.model, "llama"))


def test_corda_trains_what_the_rows_use_least(tiny: Callable[..., Path]) -> None:
    changes = {}
    for method in ("pissa", "corda"):
        loaded = load(tiny("llama"))
        rows = Encoder(loaded.tokenizer, loaded.kind, 128).rows(EXAMPLES)
        attach_adapter(loaded, Adapter(kind=method, rank=4), seed=3, rows=rows)
        with torch.no_grad():
            for name, parameter in loaded.model.named_parameters():
                if "lora_B" in name:
                    parameter.zero_()
        base = load(tiny("llama"))
        changes[method] = mean_loss(loaded, rows, 1 << 20) - mean_loss(base, rows, 1 << 20)
    # Without the directions that it trains, the model answers those rows as before; PiSSA takes the strongest ones.
    assert abs(changes["corda"]) < abs(changes["pissa"]) / 2


@pytest.mark.parametrize("method", ["lora", "ia3"])
def test_adapter_weights_are_float32_on_a_half_precision_base(tiny: Callable[..., Path], method: str) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="bfloat16"))
    attach_adapter(loaded, Adapter(kind=method, rank=4), seed=0)
    assert {p.dtype for p in loaded.model.parameters() if p.requires_grad} == {torch.float32}
    assert {p.dtype for p in loaded.model.parameters() if not p.requires_grad} == {torch.bfloat16}


def test_target_modules(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    attach_adapter(loaded, Adapter(rank=4, target_modules="q_proj, v_proj"), seed=0)
    names = {n.split(".lora_")[0].rsplit(".", 1)[1] for n, _ in loaded.model.named_parameters() if "lora_" in n}
    assert names == {"q_proj", "v_proj"}
    loaded = load(tiny("llama"))
    attach_adapter(loaded, Adapter(rank=4), seed=0)
    names = {n.split(".lora_")[0].rsplit(".", 1)[1] for n, _ in loaded.model.named_parameters() if "lora_" in n}
    assert names == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


@pytest.mark.parametrize(
    ("adapter", "must_say"),
    [
        (Adapter(kind="lorra"), "unknown method lorra"),
        (Adapter(kind="corda"), "corda needs rows of old tasks"),
        (Adapter(target_modules="query"), "target module query is not in this model"),
        (Adapter(target_modules=" , "), r"target module \(none\)"),
    ],
)
def test_what_does_not_fit_is_named(tiny: Callable[..., Path], adapter: Adapter, must_say: str) -> None:
    with pytest.raises(ConfigError, match=must_say) as caught:
        attach_adapter(load(tiny("llama")), adapter, seed=0)
    assert caught.value.fix


def test_an_adapters_settings_are_the_same_bytes_in_each_process(tiny: Callable[..., Path], tmp_path: Path) -> None:
    """peft holds the names of modules in a set, whose order is another in each process."""
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    saved = save_tuned(loaded, Workspace(tmp_path))
    names = json.loads((saved / "adapter_config.json").read_text())["target_modules"]
    assert len(names) > 2
    assert names == sorted(names)
