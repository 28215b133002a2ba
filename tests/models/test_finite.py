"""A model whose logits are no numbers ends every kind of asking, and says which model and which item."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from keeptune.cli.main import main
from keeptune.config import Adapter, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.errors import NonFiniteLogits
from keeptune.events import silent
from keeptune.inference.answers import AnswerSettings, answer_items
from keeptune.inference.base_text import sample_text
from keeptune.inference.drift import kl_by_row, kl_of_adapter
from keeptune.inference.engines.vllm_engine import _start
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import Example, Message
from keeptune.scoring.table import get_metric
from tests.tiny import save_gpt2, save_llama

METRICS = {"output": "exact_match", "choices": "choice_accuracy", "loss": "token_loss"}
BAD = "§"
"""In the prompt of the one item on which the model breaks, where only some do."""


def load(path: Path) -> LoadedModel:
    return load_model(ModelConfig(name=str(path), device="cpu", dtype="float32"))


def broken(loaded: LoadedModel, value: float) -> LoadedModel:
    """Every weight of the last norm is `value`."""
    weights = dict(loaded.model.named_parameters())
    name = next(name for name in weights if name.endswith(("model.norm.weight", "ln_f.weight")))
    with torch.no_grad():
        weights[name].fill_(value)
    return loaded


def items(*texts: str) -> list[Example]:
    return [
        Example(f"item-{at}", (Message("user", text),), "yes", choices=("yes", "no")) for at, text in enumerate(texts)
    ]


def ask(loaded: LoadedModel, needs: str, examples: list[Example]) -> Any:
    encoder = Encoder(loaded.tokenizer, loaded.kind, 256)
    return answer_items(
        loaded, AnswerSettings(encoder, 6, 1 << 14), examples, [get_metric(METRICS[needs])], silent, "x"
    )


def breaks_on(loaded: LoadedModel, token: int) -> None:
    """From where `token` is read on, the embedding is NaN."""
    with torch.no_grad():
        loaded.model.get_input_embeddings().weight[token] = torch.nan


@pytest.mark.parametrize("needs", METRICS)
@pytest.mark.parametrize("save", [save_llama, save_gpt2])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_weights_that_are_no_numbers(tmp_path: Path, needs: str, save: Any, value: float) -> None:
    loaded = broken(load(save(tmp_path / "model")), value)
    with pytest.raises(NonFiniteLogits, match="item-") as caught:
        ask(loaded, needs, items("one", "two"))
    assert caught.value.model == loaded.found.name
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("needs", METRICS)
@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_the_item_is_named(tiny: Callable[..., Path], needs: str, kind: str) -> None:
    loaded = load(tiny(kind))
    # Of the input's embedding alone.
    loaded.model.lm_head.weight = torch.nn.Parameter(loaded.model.lm_head.weight.clone())
    breaks_on(loaded, loaded.tokenizer(BAD, add_special_tokens=False)["input_ids"][-1])
    examples = items("one", "two", f"three {BAD}", "four")
    with pytest.raises(NonFiniteLogits) as caught:
        ask(loaded, needs, examples)
    assert caught.value.items == ("item-2",)
    assert ask(loaded, needs, examples[:2])


@pytest.mark.parametrize("method", ["prompt", "lora"])
def test_under_an_adapter(tiny: Callable[..., Path], method: str) -> None:
    loaded = load(tiny("llama"))
    attach_adapter(loaded, Adapter(kind=method, rank=2), seed=0)
    loaded.model.eval()
    with torch.no_grad():
        for parameter in (p for p in loaded.model.parameters() if p.requires_grad):
            parameter.fill_(torch.nan)
    for needs in METRICS:
        with pytest.raises(NonFiniteLogits, match="item-0"):
            ask(loaded, needs, items("one"))


def test_drift_and_text_of_its_own(tiny: Callable[..., Path], tmp_path: Path) -> None:
    good, bad = load(tiny("llama")), broken(load(save_llama(tmp_path / "model")), torch.nan)
    rows = [Encoder(good.tokenizer, "causal", 256).scored_row(items("one")[0], "yes")]
    for pair in ((good, bad), (bad, good)):
        with pytest.raises(NonFiniteLogits, match="item-0") as caught:
            kl_by_row(*pair, rows, 1 << 14)
        assert caught.value.model == bad.found.name
    with pytest.raises(NonFiniteLogits):
        sample_text(bad, 2, 4, seed=0)
    attach_adapter(bad, Adapter(rank=2), seed=0)
    bad.model.eval()
    with pytest.raises(NonFiniteLogits, match="item-0"):
        kl_of_adapter(bad, rows, 1 << 14)


def test_tokens_that_are_ruled_out_are_no_fault(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    loaded.model.lm_head.register_forward_hook(
        lambda _module, _given, logits: logits.index_fill(-1, torch.tensor([0, 2]), -torch.inf)
    )
    for needs in METRICS:
        assert ask(loaded, needs, items("one", "two"))


def test_a_model_that_is_trained_is_not_watched(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    breaks_on(loaded, 40)
    loaded.model.train()
    assert not loaded.model(input_ids=torch.tensor([[40]])).logits.isfinite().all()


def test_vllm_is_not_given_such_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = types.ModuleType("vllm")
    module.LLM = object
    module.__spec__ = importlib.machinery.ModuleSpec("vllm", None)
    monkeypatch.setitem(sys.modules, "vllm", module)
    with pytest.raises(NonFiniteLogits, match="norm"):
        _start(broken(load(save_llama(tmp_path / "model")), torch.nan), ("", ""), 8)


@pytest.mark.parametrize("weight", ["model.norm.weight", "q_proj.weight"])
def test_broken_weights_are_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str], weight: str) -> None:
    """A query of NaN need not reach the logits."""
    path = save_llama(tmp_path / "model")
    weights = load_file(path / "model.safetensors")
    name = next(name for name in weights if name.endswith(weight))
    weights[name].view(-1)[0] = torch.nan
    save_file(weights, path / "model.safetensors", {"format": "pt"})
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "the-item", "prompt": "a", "completion": "b"}\n')
    device = ["--device", "cpu", "--dtype", "float32", "--output", str(tmp_path / "out")]
    assert main(["eval", "--model", str(path), "--test", str(rows), *device]) == 2
    err = capsys.readouterr().err
    assert "NaN" in err
    assert name in err
    assert "Traceback" not in err
    assert not (tmp_path / "out" / "result.json").exists()
