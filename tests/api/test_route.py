"""Base and tuned from one copy of the weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from keeptune.api.chat import open_chat
from keeptune.api.route import open_router
from keeptune.config import DataConfig, ModelConfig
from keeptune.errors import ConfigError
from keeptune.events import silent
from keeptune.inference.encoding import make_encoder
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.generate import fitting_prompts, generate
from keeptune.records import Example, Message
from tests.api.runs import CPU, Ran
from tests.serving.models import adapted, varied, with_end

PROMPTS = ("red house", "blue river", "green stone")


def alone(model: Path) -> tuple[str, ...]:
    """What a model answers by itself."""
    config = ModelConfig(name=str(model), **CPU)
    encoder, loaded = make_encoder(config, DataConfig()), load_for_inference(config)
    examples = [Example(str(n), (Message("user", text),), "") for n, text in enumerate(PROMPTS)]
    ids = fitting_prompts(loaded, encoder, examples, 8, silent)
    return tuple(answer.text for answer in generate(loaded, ids, 8, token_budget=16384))


def test_each_request_gets_the_model_it_names(run: Ran) -> None:
    router = open_router(ModelConfig(name=str(run.path), **CPU))
    base, tuned = (router.answer(PROMPTS, route, 8) for route in ("base", "tuned"))
    assert base == alone(run.model)
    assert tuned == alone(run.path / "adapter")
    assert base != tuned
    assert router.answer(PROMPTS, "base", 8) == base


def test_the_base_is_asked_in_its_own_form(run: Ran, tmp_path: Path) -> None:
    adapter = shutil.copytree(run.path / "adapter", tmp_path / "adapter")
    for file in adapter.glob("*template*"):
        file.write_text(file.read_text().replace("<|assistant|>", "<|assistant|>Well: "))
    router = open_router(ModelConfig(name=str(adapter), **CPU))
    assert router.answer(PROMPTS, "base", 8) == alone(run.model)
    assert router.answer(PROMPTS, "tuned", 8) == alone(adapter)
    chat = open_chat(ModelConfig(name=str(adapter), **CPU))
    example = Example("0", (Message("user", "red house"),), "")
    for encoders in (router.encoders, chat.encoders):
        assert encoders["base"].prompt(example) != encoders["tuned"].prompt(example)


def test_the_base_ends_its_answers_by_its_own_tokenizer(tmp_path: Path) -> None:
    base = varied(tmp_path / "base")
    adapter = adapted(base, tmp_path / "adapter")
    whole = alone(base)
    with_end(adapter, next(letter for letter in "".join(whole) if letter.isascii() and letter.isalpha()))
    assert open_router(ModelConfig(name=str(adapter), **CPU)).answer(PROMPTS, "base", 8) == whole


def test_full_weights_cannot_be_routed(run: Ran) -> None:
    with pytest.raises(ConfigError, match="is not an adapter"):
        open_router(ModelConfig(name=str(run.model), **CPU))
