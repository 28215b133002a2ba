"""What a tool says of a model is what keeptune's own reference says of it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from keeptune.config import DataConfig, ModelConfig
from keeptune.errors import ModelError
from keeptune.exports.asking import Job, Question, ask
from keeptune.inference.encoding import make_encoder
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.generate import generate
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.records import Example, Message

EXAMPLES = [
    Example(f"e{n}", (Message("user", text),), "yes", choices=("yes", "no, never"))
    for n, text in enumerate(("red house", "a longer question?", "é"))
]


TOOLS = "keeptune.exports.tools."
BY_MLX = pytest.mark.skipif(importlib.util.find_spec("mlx_lm") is None, reason="mlx-lm is not installed")


@pytest.mark.parametrize(
    ("tool", "kind"),
    [
        *(("transformers", kind) for kind in ("llama", "gpt2", "t5")),
        pytest.param("mlx_lm", "llama", marks=BY_MLX),
    ],
)
def test_prompts_answers_and_likelihoods(tiny: Callable[..., Path], tool: str, kind: str) -> None:
    model = ModelConfig(name=str(tiny(kind)), device="cpu", dtype="float32")
    encoder, loaded = make_encoder(model, DataConfig()), load_for_inference(model)
    rows = [row for example in EXAMPLES for row in encoder.scored_rows(example, example.choices)]
    prompts = [encoder.prompt(example)[0] for example in EXAMPLES]
    turns = [[("user", example.prompt_text)] if encoder.has_template else [] for example in EXAMPLES]
    questions = [Question(each, example.prompt_text, 6) for each, example in zip(turns, EXAMPLES, strict=True)]
    job = Job(model.name, "", loaded.kind, 64, 1, questions, rows)
    done: list[int] = []
    found = ask(TOOLS + tool, job, done.append)
    assert [reply.prompt for reply in found.replies] == prompts
    expected = generate(loaded, prompts, 6, token_budget=512)
    # mlx-lm shows special tokens that a model writes.
    texts = [re.sub(r"<\|\w+\|>", "", reply.text).strip() for reply in found.replies]
    assert texts == [answer.text for answer in expected]
    assert [reply.finish for reply in found.replies] == [answer.finish for answer in expected]
    assert found.likelihoods == pytest.approx(loglikelihoods(loaded, rows, 512), abs=1e-4)
    assert done[-1] == len(questions) + len(rows)
    assert found.tokens_per_second > 0
    with pytest.raises(ModelError, match=f"{tool} cannot load or ask"):
        ask(TOOLS + tool, replace(job, model=f"{model.name}-not-there"), done.append)


def test_files_of_16_bits_are_computed_in_float32_when_asked(tiny: Callable[..., Path], tmp_path: Path) -> None:
    rounded = tmp_path / "rounded"
    AutoModelForCausalLM.from_pretrained(tiny("llama"), dtype=torch.bfloat16).save_pretrained(rounded)
    AutoTokenizer.from_pretrained(tiny("llama")).save_pretrained(rounded)
    model = ModelConfig(name=str(rounded), device="cpu", dtype="float32")
    encoder, loaded = make_encoder(model, DataConfig()), load_for_inference(model)
    rows = [row for example in EXAMPLES for row in encoder.scored_rows(example, example.choices)]
    exact = loglikelihoods(loaded, rows, 512)
    asked = [
        ask(TOOLS + "transformers", Job(model.name, "", loaded.kind, 64, 1, (), rows, dtype), lambda _: None)
        for dtype in ("float32", "auto")
    ]
    assert asked[0].likelihoods == pytest.approx(exact, abs=1e-4)
    assert asked[1].likelihoods != pytest.approx(exact, abs=1e-4)
