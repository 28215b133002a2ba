"""What a tool says of a model is what keeptune's own reference says of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keeptune.config import DataConfig, ModelConfig
from keeptune.errors import ModelError
from keeptune.export.asking import Job, Question, ask
from keeptune.inference.encoding import make_encoder
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.generate import generate
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.records import Example, Message

EXAMPLES = [
    Example(f"e{n}", (Message("user", text),), "yes", choices=("yes", "no, never"))
    for n, text in enumerate(("red house", "a longer question?", "é"))
]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_prompts_answers_and_likelihoods(tiny: Callable[..., Path], kind: str) -> None:
    model = ModelConfig(name=str(tiny(kind)), device="cpu", dtype="float32")
    encoder, loaded = make_encoder(model, DataConfig()), load_for_inference(model)
    rows = [row for example in EXAMPLES for row in encoder.scored_rows(example, example.choices)]
    prompts = [encoder.prompt(example)[0] for example in EXAMPLES]
    turns = [[("user", example.prompt_text)] if encoder.has_template else [] for example in EXAMPLES]
    questions = [Question(each, example.prompt_text, 6) for each, example in zip(turns, EXAMPLES, strict=True)]
    job = Job(model.name, "", loaded.kind, 64, 1, questions, rows)
    done: list[int] = []
    found = ask("transformers", job, done.append)
    assert [reply.prompt for reply in found.replies] == prompts
    expected = generate(loaded, prompts, 6, token_budget=512)
    assert [reply.text.strip() for reply in found.replies] == [answer.text for answer in expected]
    assert [reply.finish for reply in found.replies] == [answer.finish for answer in expected]
    assert found.likelihoods == pytest.approx(loglikelihoods(loaded, rows, 512), abs=1e-4)
    assert done[-1] == len(questions) + len(rows)
    assert found.tokens_per_second > 0
    with pytest.raises(ModelError, match="transformers cannot load or ask"):
        ask("transformers", replace(job, model=f"{model.name}-not-there"), done.append)
