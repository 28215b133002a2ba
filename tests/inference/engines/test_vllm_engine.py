"""vLLM gives the answers and the likelihoods of the model in torch, where it is installed; else it is said how to."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from keeptune.config import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError, MissingDependency
from keeptune.events import silent
from keeptune.inference.answers import AnswerSettings, answer_items
from keeptune.inference.engine import ENGINES, close_engines
from keeptune.inference.engines.vllm_engine import Server, VllmEngine
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.generate import generate
from keeptune.records import Answer, Example, Message
from keeptune.scoring.table import get_metric

INSTALLED = importlib.util.find_spec("vllm") is not None
ASKED = (
    ("What is the capital of France?", "Paris", ("Paris", "Rome", "Oslo")),
    ("Name a colour.", "red", ("red", "seven")),
    ("What do bees make?", "Bees make honey.", ("Bees make honey.", "Bees make cars.")),
    ("Write one short sentence about the sea. " * 20, "The sea is wide.", ("The sea is wide.", "Two and two.")),
)


def asked_by(engine: str) -> list[Answer]:
    loaded = load_for_inference(ModelConfig(name="smollm2", device="cpu", dtype="float32", engine=engine))
    encoder = Encoder(loaded.tokenizer, loaded.kind, 512)
    examples = [
        Example(str(n), (Message("user", prompt),), answer, (answer,), answers)
        for n, (prompt, answer, answers) in enumerate(ASKED)
    ]
    metrics = [get_metric(name) for name in ("rouge1", "token_loss", "choice_accuracy")]
    return answer_items(loaded, AnswerSettings(encoder, 24, 4096), examples, metrics, silent, "items")


@pytest.mark.real
@pytest.mark.skipif(not INSTALLED, reason="vLLM is not installed")
def test_the_records_of_torch() -> None:
    expected, found = asked_by("torch"), asked_by("vllm")
    for plain, served in zip(expected, found, strict=True):
        assert served.output == plain.output
        assert (served.finish, served.output_tokens) == (plain.finish, plain.output_tokens)
        assert served.reference_loglikelihood == pytest.approx(plain.reference_loglikelihood, abs=1e-3)
        assert served.choice_loglikelihoods == pytest.approx(plain.choice_loglikelihoods, abs=1e-3)
    assert {answer.finish for answer in found} == {"stop", "length"}


@pytest.mark.skipif(INSTALLED, reason="vLLM is installed")
def test_without_vllm_it_is_said_what_to_install(tiny: Callable[..., Path]) -> None:
    loaded = load_for_inference(ModelConfig(name=str(tiny("llama")), engine="vllm"))
    with pytest.raises(MissingDependency, match="needs the package vllm") as raised:
        generate(loaded, [[5, 6]], 4, 100)
    assert "pip install 'vllm>=" in raised.value.fix


def test_a_model_that_vllm_is_not_given(tiny: Callable[..., Path]) -> None:
    loaded = load_for_inference(ModelConfig(name=str(tiny("t5")), engine="vllm"))
    with pytest.raises(ConfigError, match="encoder-decoder") as raised:
        generate(loaded, [[5, 6]], 4, 100)
    assert "--engine torch" in raised.value.fix


def test_a_server_that_is_no_longer_needed_gives_its_memory_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = []
    core = SimpleNamespace(shutdown=lambda: stopped.append(True))
    llm = SimpleNamespace(llm_engine=SimpleNamespace(engine_core=core))
    engine = ENGINES["vllm"]
    assert isinstance(engine, VllmEngine)
    monkeypatch.setattr(engine, "_server", Server(("hash", "bfloat16"), 512, llm))
    close_engines()
    close_engines()
    assert stopped == [True]
