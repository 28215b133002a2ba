"""The interpolation of a model in memory: exact at both ends, the same again after any number of settings, layer by
layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model

from keeptune.config import Adapter, ModelConfig
from keeptune.errors import ConfigError, ModelError
from keeptune.models.adapters import METHODS, attach_adapter
from keeptune.models.interpolation import make_interpolation
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.weights import fold_adapter
from tests.models.changed import changed_adapter, changed_weights, logits, move

KINDS = ["llama", "gpt2", "t5"]
OTHERS = [row.name for row in METHODS.values() if row.name not in ("lora", "rslora") and not row.needs_rows]


def load(folder: Path, dtype: str = "float32") -> LoadedModel:
    return load_model(ModelConfig(name=str(folder), device="cpu", dtype=dtype))


def state(loaded: LoadedModel) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in loaded.model.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("from_folder", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_both_ends_of_full_weights_are_exact(
    tiny: Callable[..., Path], tmp_path: Path, kind: str, from_folder: bool, dtype: str
) -> None:
    base, tuned = load(tiny(kind), dtype), load(changed_weights(tiny(kind), tmp_path), dtype)
    before, after = state(base), state(tuned)
    before_logits, after_logits = logits(base), logits(tuned)
    name = tuned.hash
    interpolation = make_interpolation(tuned, tiny(kind) if from_folder else base)
    for alpha in (0.3, 0, 0.9, 0.1, 1, 0):
        interpolation(alpha)
        assert (tuned.hash == name) is (alpha == 1)
    assert same(state(tuned), before)
    assert torch.equal(logits(tuned), before_logits)
    interpolation(1)
    assert same(state(tuned), after)
    assert torch.equal(logits(tuned), after_logits)
    assert same(state(base), before)


@pytest.mark.parametrize("kind", KINDS)
def test_between_the_ends_it_is_the_formula_each_time(tiny: Callable[..., Path], tmp_path: Path, kind: str) -> None:
    base, tuned = load(tiny(kind)), load(changed_weights(tiny(kind), tmp_path))
    before, after = state(base), state(tuned)
    interpolation = make_interpolation(tuned, base)
    interpolation(0.25)
    first = state(tuned)
    for name, weight in first.items():
        torch.testing.assert_close(weight, before[name] + 0.25 * (after[name] - before[name]))
    for step in range(50):
        interpolation(step / 50)
    interpolation(0.25)
    assert same(state(tuned), first)


@pytest.mark.parametrize("method", ["lora", "rslora"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_lora_is_scaled(tiny: Callable[..., Path], tmp_path: Path, kind: str, method: str) -> None:
    base = load(tiny(kind))
    tuned = load(changed_adapter(tiny(kind), method, tmp_path))
    after = logits(tuned)
    merged = load(tmp_path)
    merged.model = merged.model.merge_and_unload()
    full = make_interpolation(merged, base)
    interpolation = make_interpolation(tuned)
    for alpha in (0.5, 0.3, (0.2, 0.8)):
        interpolation(alpha)
        full(alpha)
        torch.testing.assert_close(logits(tuned), logits(merged), atol=1e-4, rtol=1e-4)
        assert (logits(tuned) - after).abs().max() > 1e-3
    interpolation(0)
    assert torch.equal(logits(tuned), logits(base))
    interpolation(1)
    assert torch.equal(logits(tuned), after)


@pytest.mark.parametrize("method", OTHERS)
def test_another_adapter_is_folded_or_refused(tiny: Callable[..., Path], tmp_path: Path, method: str) -> None:
    base, tuned = load(tiny("llama")), load(changed_adapter(tiny("llama"), method, tmp_path))
    if not METHODS[method].mergeable:
        with pytest.raises(ModelError, match="cannot be interpolated: it cannot be merged"):
            make_interpolation(tuned, base)
        return
    after = logits(tuned)
    assert (after - logits(base)).abs().max() > 1e-3
    interpolation = make_interpolation(tuned, base)
    torch.testing.assert_close(logits(tuned), after, atol=1e-4, rtol=1e-4)
    folded = state(tuned)
    interpolation(0)
    assert same(state(tuned), state(base))
    interpolation(1)
    assert same(state(tuned), folded)


@pytest.mark.parametrize("beside", [{"modules_to_save": ["lm_head"]}, {"bias": "all"}, {"init_lora_weights": "pissa"}])
def test_a_lora_with_a_change_beside_it_is_folded(tiny: Callable[..., Path], beside: dict[str, object]) -> None:
    from peft import LoraConfig, get_peft_model

    base, tuned = load(tiny("plain-llama")), load(tiny("plain-llama"))
    tuned.model = get_peft_model(
        tuned.model, LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"], **beside)
    )
    move(p for p in tuned.model.parameters() if p.requires_grad)
    with pytest.raises(ModelError, match="without its base"):
        make_interpolation(tuned)
    interpolation = make_interpolation(tuned, base)
    assert (logits(tuned) - logits(base)).abs().max() > 1e-3
    assert not hasattr(tuned.model, "peft_config")
    interpolation(0)
    assert torch.equal(logits(tuned), logits(base))


def test_layers_apart(tiny: Callable[..., Path], tmp_path: Path) -> None:
    base, tuned = load(tiny("llama")), load(changed_weights(tiny("llama"), tmp_path))
    before, after = state(base), state(tuned)
    interpolation = make_interpolation(tuned, base)
    for alpha in ((0.0, 1.0), {0: 0.0, 1: 1.0}):
        interpolation(alpha)
        for name, weight in state(tuned).items():
            # The output embedding is tied to the input's.
            low = ".layers.0." in name or "embed_tokens" in name or "lm_head" in name
            assert torch.equal(weight, (before if low else after)[name]), name
    interpolation(1)
    assert same(state(tuned), after)


def test_what_does_not_fit_is_named(tiny: Callable[..., Path], tmp_path: Path) -> None:
    tuned = load(changed_weights(tiny("llama"), tmp_path))
    with pytest.raises(ModelError, match="cannot be interpolated without its base"):
        make_interpolation(tuned)
    with pytest.raises(ModelError, match="has no counterpart in the"):
        make_interpolation(tuned, load(tiny("gpt2")))
    interpolation = make_interpolation(tuned, tiny("llama"))
    with pytest.raises(ConfigError, match="no number for layer 1"):
        interpolation({0: 0.5})
    with pytest.raises(ConfigError, match="layer 2, which the model lacks"):
        interpolation({0: 0.5, 1: 0.5, 2: 0.5})


def test_a_fresh_lora_is_the_base_at_any_setting(tiny: Callable[..., Path]) -> None:
    base, tuned = load(tiny("gpt2")), load(tiny("gpt2"))
    attach_adapter(tuned, Adapter(rank=2), seed=0)
    make_interpolation(tuned)(0.7)
    assert torch.equal(logits(tuned), logits(base))


@pytest.mark.parametrize("end", ["embed_tokens", "lm_head"])
def test_a_change_of_one_end_of_a_tied_model_is_not_the_others(
    tiny: Callable[..., Path], tmp_path: Path, end: str
) -> None:
    loaded = load(tiny("llama"))
    assert loaded.inner.get_output_embeddings().weight is loaded.inner.get_input_embeddings().weight
    adapted = get_peft_model(loaded.model, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=[end, "q_proj"]))
    move(p for p in adapted.parameters() if p.requires_grad)
    adapted.save_pretrained(tmp_path / "adapter")
    loaded = load(tmp_path / "adapter")
    with_adapter = logits(loaded)
    assert fold_adapter(loaded)
    torch.testing.assert_close(logits(loaded), with_adapter, atol=1e-5, rtol=1e-4)
    loaded.model.save_pretrained(tmp_path / "whole")
    loaded.tokenizer.save_pretrained(tmp_path / "whole")
    torch.testing.assert_close(logits(load(tmp_path / "whole")), with_adapter, atol=1e-5, rtol=1e-4)
