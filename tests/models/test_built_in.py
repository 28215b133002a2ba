"""The built-in model is the real one: converted once, it answers, and can be tuned, saved and loaded again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from keeptune.config import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ModelError
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.generate import generate
from keeptune.inference.loglikelihood import mean_loss
from keeptune.models.gguf import _reads_back
from keeptune.models.load import LoadedModel
from keeptune.records import Example, Message

pytestmark = pytest.mark.real
QUESTION = (Message("user", "What is the capital of France? Answer with one word."),)


@pytest.fixture(scope="module")
def smollm2() -> LoadedModel:
    return load_for_inference(ModelConfig(name="smollm2", device="cpu", dtype="float32"))


def test_the_conversion_is_plain_safetensors(smollm2: LoadedModel) -> None:
    folder = Path(smollm2.found.source)
    settings = json.loads((folder / "config.json").read_text())
    assert "quantization_config" not in settings
    assert (folder / "model.safetensors").stat().st_size > 4 * 134_000_000, "weights are float32"
    assert smollm2.parameters == 134_515_008
    # A second load takes what the first one made.
    made = (folder / "model.safetensors").stat().st_mtime_ns
    again = load_for_inference(ModelConfig(name="smollm2", device="cpu", dtype="float32"))
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    assert again.hash == smollm2.hash
    assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), smollm2.model.parameters(), strict=True))


def test_it_knows_something(smollm2: LoadedModel) -> None:
    encoder = Encoder(smollm2.tokenizer, smollm2.kind, 2048)
    prompt, _ = encoder.prompt(Example("capital", QUESTION, "Paris."))
    answer = generate(smollm2, [prompt], 16, 4096)[0]
    assert "Paris" in answer.text
    right = encoder.rows([Example("right", QUESTION, "The capital of France is Paris.")])
    wrong = encoder.rows([Example("wrong", QUESTION, "Paris the of is France capital.")])
    assert mean_loss(smollm2, right, 4096) < 1.5 < mean_loss(smollm2, wrong, 4096)


def test_the_learned_span_is_the_answer_and_its_end(smollm2: LoadedModel) -> None:
    row = Encoder(smollm2.tokenizer, smollm2.kind, 2048).rows([Example("capital", QUESTION, "Paris.")])[0]
    ((start, stop),) = row.spans
    assert smollm2.tokenizer.decode(row.ids[start:stop]) == "Paris.<|im_end|>"
    assert stop == len(row.ids)
    assert smollm2.tokenizer.decode(row.ids[:start]).endswith("<|im_end|>\n<|im_start|>assistant\n")
    assert row.ids[stop - 1] in smollm2.end_ids()


def test_a_tokenizer_that_is_converted_wrongly_is_refused(
    smollm2: LoadedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As older transformers does: spaces come back as letters."""
    assert _reads_back(smollm2.tokenizer)
    decode = type(smollm2.tokenizer).decode
    monkeypatch.setattr(type(smollm2.tokenizer), "decode", lambda self, ids: decode(self, ids).replace(" ", "Ġ"))
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path))
    with pytest.raises(ModelError, match=r"converts the tokenizer of .* wrongly"):
        load_for_inference(ModelConfig(name="smollm2", device="cpu", dtype="float32"))
    assert not list(tmp_path.rglob("config.json"))
