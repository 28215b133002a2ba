"""Interpolated models on disk: they load in plain transformers and peft, and hold what the interpolation in memory
shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

from keeptune.config import ModelConfig
from keeptune.errors import ConfigError, KeeptuneError, ModelError
from keeptune.exports.save_interpolated import save_interpolated
from keeptune.models.interpolation import make_interpolation
from keeptune.models.load import LoadedModel, load_model
from tests.models.changed import changed_adapter, changed_weights, logits
from tests.tiny import save_other

KINDS = ["llama", "gpt2", "t5"]
WEIGHTS = "model.safetensors"


def load(folder: Path) -> LoadedModel:
    return load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))


def held(folder: Path, file: str = WEIGHTS) -> dict[str, torch.Tensor]:
    return load_file(folder / file)


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_full_weights(tiny: Callable[..., Path], tmp_path: Path, kind: str, in_memory: bool) -> None:
    base, tuned = tiny(kind), changed_weights(tiny(kind), tmp_path / "tuned")
    given = (load(base), load(tuned)) if in_memory else (base, tuned)
    for alpha, expected in ((0, base), (1, tuned)):
        save_interpolated(*given, alpha, tmp_path / "out")
        assert same(held(tmp_path / "out"), held(expected))
        assert torch.equal(logits(load(tmp_path / "out")), logits(load(expected)))
    for alpha in (0.4, (0.1, 0.9)):
        save_interpolated(*given, alpha, tmp_path / "out")
        shown = load(tuned)
        make_interpolation(shown, base)(alpha)
        assert torch.equal(logits(load(tmp_path / "out")), logits(shown))
    auto = AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForCausalLM
    assert auto.from_pretrained(tmp_path / "out").num_parameters() == load(tuned).parameters
    assert load(tmp_path / "out").tokenizer.get_vocab() == load(base).tokenizer.get_vocab()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["out", "tuned"]


@pytest.mark.parametrize("in_memory", [False, True])
@pytest.mark.parametrize(("method", "kind"), [*(("lora", kind) for kind in KINDS), ("rslora", "llama")])
def test_a_lora_stays_an_adapter_for_plain_peft(
    tiny: Callable[..., Path], tmp_path: Path, kind: str, method: str, in_memory: bool
) -> None:
    tuned = changed_adapter(tiny(kind), method, tmp_path / "tuned")
    auto = AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForCausalLM
    for alpha in (0, (0.2, 0.7), 1):
        save_interpolated(None, load(tuned) if in_memory else tuned, alpha, tmp_path / "out")
        shown = load(tuned)
        make_interpolation(shown)(alpha)
        plain = load(tiny(kind))
        plain.model = PeftModel.from_pretrained(auto.from_pretrained(tiny(kind)), tmp_path / "out")
        torch.testing.assert_close(logits(plain), logits(shown), atol=1e-5, rtol=1e-5)
        assert torch.equal(logits(load(tmp_path / "out")), logits(plain))
        if alpha in (0, 1):
            assert torch.equal(logits(plain), logits(load(tuned if alpha else tiny(kind))))
    assert same(*(held(folder, "adapter_model.safetensors") for folder in (tmp_path / "out", tuned)))


@pytest.mark.parametrize("method", ["dora", "ia3", "oft", "ln"])
def test_another_adapter_becomes_full_weights(tiny: Callable[..., Path], tmp_path: Path, method: str) -> None:
    tuned = changed_adapter(tiny("llama"), method, tmp_path / "tuned")
    save_interpolated(tiny("llama"), tuned, 0.5, tmp_path / "half")
    assert not (tmp_path / "half" / "adapter_config.json").exists()
    shown = load(tuned)
    make_interpolation(shown, tiny("llama"))(0.5)
    assert torch.equal(logits(load(tmp_path / "half")), logits(shown))
    save_interpolated(tiny("llama"), tuned, 0, tmp_path / "none")
    assert same(held(tmp_path / "none"), held(tiny("llama")))


def test_shards_keep_their_files(tiny: Callable[..., Path], tmp_path: Path) -> None:
    tuned = load(changed_weights(tiny("llama"), tmp_path / "whole"))
    tuned.model.save_pretrained(tmp_path / "tuned", max_shard_size="40KB")
    tuned.tokenizer.save_pretrained(tmp_path / "tuned")
    save_interpolated(tiny("llama"), tmp_path / "tuned", 0.5, tmp_path / "sharded")
    save_interpolated(tiny("llama"), tmp_path / "whole", 0.5, tmp_path / "single")
    files = [sorted(f.name for f in (tmp_path / name).glob("*.safetensors")) for name in ("tuned", "sharded")]
    assert files[0] == files[1]
    assert len(files[0]) > 2
    assert torch.equal(logits(load(tmp_path / "sharded")), logits(load(tmp_path / "single")))


def test_a_loaded_model_is_as_it_was_afterwards(tiny: Callable[..., Path], tmp_path: Path) -> None:
    for tuned in (
        load(changed_weights(tiny("llama"), tmp_path / "full")),
        load(changed_adapter(tiny("llama"), "lora", tmp_path / "lora")),
    ):
        before, name = logits(tuned), tuned.hash
        save_interpolated(tiny("llama"), tuned, 0.3, tmp_path / "out")
        assert torch.equal(logits(tuned), before)
        assert tuned.hash == name


def test_an_output_embedding_that_one_tool_saves_and_another_leaves_out(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    tuned = changed_weights(tiny("llama"), tmp_path / "tuned")
    save_interpolated(tiny("llama"), tuned, 0.5, tmp_path / "plain")
    weights = held(tuned)
    save_file(weights | {"lm_head.weight": weights["model.embed_tokens.weight"].clone()}, tuned / WEIGHTS)
    save_interpolated(tiny("llama"), tuned, 0.5, tmp_path / "twice")
    found = held(tmp_path / "twice")
    assert torch.equal(found.pop("lm_head.weight"), found["model.embed_tokens.weight"])
    assert same(found, held(tmp_path / "plain"))


def test_the_wider_dtype_of_the_two(tiny: Callable[..., Path], tmp_path: Path) -> None:
    tuned = changed_weights(tiny("llama"), tmp_path / "tuned")
    half = {name: weight.bfloat16() for name, weight in held(tuned).items()}
    save_file(half, tuned / WEIGHTS)
    save_interpolated(tiny("llama"), tuned, 1, tmp_path / "out")
    assert same(held(tmp_path / "out"), {name: weight.float() for name, weight in half.items()})


def _edited(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = held(folder)
    change(weights)
    save_file(weights, folder / WEIGHTS)


NORM = "model.norm.weight"


@pytest.mark.parametrize(
    ("change", "must_say"),
    [
        (lambda w: w.pop(NORM), rf"{NORM} has no counterpart in the tuned model"),
        (lambda w: w.update(extra=torch.ones(3)), "extra has no counterpart in the base"),
        (lambda w: w.update({NORM: torch.ones(7)}), rf"{NORM} has the shape \(7,\) in the tuned model and \(32,\)"),
        (lambda w: w.update({NORM: torch.ones(32, dtype=torch.int8)}), f"{NORM} holds no floats"),
    ],
)
def test_checkpoints_that_do_not_fit_are_refused_by_the_weights_name(
    tiny: Callable[..., Path], tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], object], must_say: str
) -> None:
    tuned = changed_weights(tiny("llama"), tmp_path / "tuned")
    _edited(tuned, change)
    with pytest.raises(ModelError, match=must_say) as caught:
        save_interpolated(tiny("llama"), tuned, 0.5, tmp_path / "out")
    assert caught.value.fix
    assert [entry.name for entry in tmp_path.iterdir()] == ["tuned"]


def test_an_earlier_folder_stays_when_a_new_one_fails(tiny: Callable[..., Path], tmp_path: Path) -> None:
    tuned = changed_weights(tiny("llama"), tmp_path / "tuned")
    save_interpolated(tiny("llama"), tuned, 0.5, tmp_path / "out")
    before = held(tmp_path / "out")
    for base, alpha, error in (
        (tiny("gpt2"), 0.5, ModelError),
        (None, 0.5, ModelError),
        (tuned, {0: 1.0}, ConfigError),
    ):
        with pytest.raises(error):
            save_interpolated(base, tuned, alpha, tmp_path / "out")
    assert same(held(tmp_path / "out"), before)


@pytest.mark.parametrize("method", ["prompt", "prefix"])
def test_soft_prompts_are_refused(tiny: Callable[..., Path], tmp_path: Path, method: str) -> None:
    tuned = changed_adapter(tiny("llama"), method, tmp_path / "tuned")
    with pytest.raises(ModelError, match="cannot be merged"):
        save_interpolated(tiny("llama"), tuned, 0.5, tmp_path / "out")


def test_damaged_files_are_named(tiny: Callable[..., Path], tmp_path: Path) -> None:
    tuned = changed_weights(tiny("llama"), tmp_path / "tuned")
    (tuned / WEIGHTS).write_bytes((tuned / WEIGHTS).read_bytes()[:1000])
    with pytest.raises(KeeptuneError, match=r"model\.safetensors cannot be read"):
        save_interpolated(tiny("llama"), tuned, 0.5, tmp_path / "out")
    (tuned / WEIGHTS).unlink()
    (tuned / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "gone.safetensors"}}))
    with pytest.raises(KeeptuneError, match=r"gone\.safetensors cannot be read"):
        save_interpolated(tiny("llama"), tuned, 0.5, tmp_path / "out")


@pytest.mark.parametrize(
    ("kind", "settings"), [("gpt_neox", {}), ("mixtral", {"num_key_value_heads": 2, "num_local_experts": 4})]
)
def test_names_that_differ_in_memory_and_on_disk(tmp_path: Path, kind: str, settings: dict[str, int]) -> None:
    base = save_other(tmp_path / "base", kind, **settings)
    tuned = changed_weights(base, tmp_path / "tuned")
    assert not held(tuned).keys() <= load(tuned).model.state_dict().keys()
    for number, given in enumerate(
        [(base, tuned), (load(base), tuned), (base, load(tuned)), (load(base), load(tuned))]
    ):
        save_interpolated(*given, 0.5, tmp_path / str(number))
        torch.testing.assert_close(logits(load(tmp_path / str(number))), logits(load(tmp_path / "0")))
    assert not torch.equal(logits(load(tmp_path / "0")), logits(load(tuned)))


def test_the_interpolation_reads_pickles_where_they_are_allowed(tiny: Callable[..., Path], tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny("llama"), base)
    (base / WEIGHTS).unlink()
    torch.save(load(tiny("llama")).model.state_dict(), base / "pytorch_model.bin")
    allowed = ModelConfig(name=str(base), device="cpu", dtype="float32", allow_pickle=True)
    adapted = changed_adapter(tiny("llama"), "dora", tmp_path / "tuned")
    settings = adapted / "adapter_config.json"
    settings.write_text(settings.read_text().replace(str(tiny("llama")), str(base)))
    with pytest.raises(ModelError, match="--allow-pickle"):
        save_interpolated(load_model(allowed), adapted, 0.5, tmp_path / "out")
    save_interpolated(load_model(allowed), adapted, 0.5, tmp_path / "out", allowed)
    assert load(tmp_path / "out").parameters == load(tiny("llama")).parameters


def test_names_of_older_tools_on_disk(tiny: Callable[..., Path], tmp_path: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny("gpt2"), base)
    old = {name.removeprefix("transformer."): weight for name, weight in held(base).items()}
    save_file(old, base / WEIGHTS, metadata={"format": "pt"})
    tuned = changed_weights(tiny("gpt2"), tmp_path / "tuned")
    save_interpolated(base, tuned, 0.5, tmp_path / "old")
    save_interpolated(tiny("gpt2"), tuned, 0.5, tmp_path / "new")
    torch.testing.assert_close(logits(load(tmp_path / "old")), logits(load(tmp_path / "new")))


def test_all_that_a_tokenizer_needs_goes_along(tiny: Callable[..., Path], tmp_path: Path) -> None:
    tuned = changed_weights(tiny("llama"), tmp_path / "tuned")
    (tuned / "target.spm").write_bytes(b"pieces")
    (tuned / "additional_chat_templates").mkdir()
    (tuned / "additional_chat_templates" / "tools.jinja").write_text("{{ messages }}")
    save_interpolated(tiny("llama"), tuned, 0.5, tmp_path / "out")
    assert (tmp_path / "out" / "target.spm").exists()
    assert (tmp_path / "out" / "additional_chat_templates" / "tools.jinja").exists()
