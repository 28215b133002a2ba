"""What other architectures do otherwise than Llama, GPT-2 and T5."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, T5GemmaConfig, T5GemmaForConditionalGeneration

from keeptune.config import Adapter, DataConfig, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.inference.encoding import make_encoder
from keeptune.inference.forward_greedy import forward_greedy
from keeptune.inference.loglikelihood import mean_loss
from keeptune.models.adapters import attach_adapter, experts_left_out
from keeptune.models.batch import decoder_start
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.tokenizer import load_tokenizer
from keeptune.records import EncodedRow, Example, Message
from tests.tiny import byte_tokenizer, save_llama, save_other


def config(folder: Path) -> ModelConfig:
    return ModelConfig(name=str(folder), device="cpu", dtype="float32")


def load(folder: Path) -> LoadedModel:
    return load_model(config(folder))


def loss(loaded: LoadedModel, encoder: Encoder, words: int = 3) -> float:
    row = Example("a", (Message("user", "one " * words),), "two")
    return mean_loss(loaded, encoder.rows([row]), 4096)


def test_linear_layers_of_a_class_of_their_own_are_adapted(tmp_path: Path) -> None:
    loaded = load(save_other(tmp_path, "falcon"))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    adapted = {name.split(".lora_")[0] for name, _ in loaded.model.named_parameters() if "lora_A" in name}
    assert {name.rpartition(".")[2] for name in adapted} == {
        "query_key_value",
        "dense",
        "dense_h_to_4h",
        "dense_4h_to_h",
    }
    assert not experts_left_out(loaded)


def test_experts_that_get_no_adapter_are_counted(tmp_path: Path) -> None:
    loaded = load(save_other(tmp_path, "mixtral", num_key_value_heads=2, num_local_experts=4))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    # Two layers of four experts, each with its gate and up in one, and down.
    assert experts_left_out(loaded) == 2 * 4 * (2 * 64 * 32 + 32 * 64)


@pytest.mark.parametrize("method", ["prompt", "prefix"])
def test_vectors_before_the_row_take_positions_of_it(tiny: Callable[..., Path], tmp_path: Path, method: str) -> None:
    plain, by = config(tiny("gpt2")), Adapter(kind=method, rank=16)
    assert make_encoder(plain, DataConfig()).max_length == 512
    encoder = make_encoder(plain, DataConfig(), by)
    assert encoder.max_length == 496
    loaded = load(tiny("gpt2"))
    attach_adapter(loaded, by, seed=0)
    assert loss(loaded, encoder, words=200) > 0
    loaded.model.save_pretrained(tmp_path)
    assert make_encoder(config(tmp_path), DataConfig()).max_length == 496
    with pytest.raises(ConfigError, match="more than the 496 positions"):
        make_encoder(config(tmp_path), DataConfig(max_length=512))


def test_a_padding_token_that_the_model_does_not_know_pads_nothing(tmp_path: Path) -> None:
    folder = save_llama(tmp_path)
    tokenizer = byte_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(folder)
    loaded = load(folder)
    assert loaded.tokenizer.pad_token_id == loaded.tokenizer.eos_token_id
    assert loss(loaded, Encoder(loaded.tokenizer, loaded.kind, 64)) > 0
    assert load_tokenizer(config(folder))[0].pad_token == "[PAD]", "a larger model may have the same files"


def test_an_adapter_finds_its_base_from_any_folder(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny("llama").parent)
    loaded = load(Path(tiny("llama").name))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    loaded.model.save_pretrained(tmp_path / "adapter")
    monkeypatch.chdir(tmp_path)
    assert load(Path("adapter")).parameters == loaded.parameters
    named = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"]
    assert Path(named) == tiny("llama").resolve()


def test_answers_begin_as_in_training(tmp_path: Path) -> None:
    """T5Gemma names no start token of its decoder: transformers begins with the beginning of a text."""
    side = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "query_pre_attn_scalar": 8,
        "vocab_size": 261,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
    }
    torch.manual_seed(0)
    settings = T5GemmaConfig(encoder=side, decoder=dict(side), vocab_size=261, dropout_rate=0.0, attention_dropout=0.0)
    T5GemmaForConditionalGeneration(settings).save_pretrained(tmp_path)
    byte_tokenizer(chat=False).save_pretrained(tmp_path)
    loaded = load(tmp_path)
    ids = torch.tensor([[9, 10, 1]])
    written = AutoModelForSeq2SeqLM.from_pretrained(tmp_path).generate(ids, max_new_tokens=4, do_sample=False)
    assert written[0, 0] == decoder_start(loaded.model) == 2
    assert forward_greedy(loaded, ids.tolist(), 4) == [written[0, 1:].tolist()]
    labels = torch.tensor([[20, 21, 1]])
    with torch.no_grad():
        expected = loaded.model(input_ids=ids, labels=labels).loss.item()
    row = EncodedRow("a", tuple(ids[0].tolist()), tuple(labels[0].tolist()), ((0, 3),), 0)
    assert mean_loss(loaded, [row], 4096) == pytest.approx(expected, abs=1e-5)
