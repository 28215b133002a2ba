"""Answers beside each other: what one row asks, or does wrong, is no matter of the others."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import DataConfig, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.inference.encoding import make_encoder
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.whole_rows import read_whole
from keeptune.records import Message
from keeptune.serving.answering import Answering, Piece
from keeptune.serving.asked import Asked, Sampling
from keeptune.serving.decoder import FEWEST, Decoder
from keeptune.serving.refused import Refused
from keeptune.serving.sides import Side
from keeptune.serving.written import Written
from tests.serving.models import CPU


@pytest.fixture(scope="module")
def side(base: Path) -> Side:
    model = ModelConfig(name=str(base), **CPU)
    return Side("base", load_for_inference(model), make_encoder(model, DataConfig()))


def asked(side: Side, told: list[Piece], room: int, tokenizer: Any = None) -> Answering:
    written = Written(tokenizer or side.loaded.tokenizer, ("never",), streams=False, trims=True)
    return Answering(side.encoder.text("red house"), room, Sampling(), written, told.append)


@torch.inference_mode()
def run(decoder: Decoder) -> None:
    while decoder.is_busy:
        decoder.step()


def test_what_fails_of_one_answer_ends_it_alone(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    alone: list[Piece] = []
    good: list[Piece] = []
    bad: list[Piece] = []
    decoder = Decoder(side)
    decoder.waiting.append(asked(side, alone, 9))
    run(decoder)
    decoder.waiting.extend((asked(side, bad, 9, object()), asked(side, good, 9)))
    run(decoder)
    assert good == alone
    assert [piece.error.status for piece in bad if piece.error] == [500]
    assert "has no attribute 'decode'" in caplog.text


@torch.inference_mode()
def test_answers_are_taken_by_what_they_may_come_to(side: Side) -> None:
    decoder = Decoder(side)
    decoder._at_once = 4000
    told: list[Piece] = []
    decoder.waiting.extend(asked(side, told, 400) for _ in range(64))
    decoder.step()
    assert FEWEST < len(decoder._running) < 10
    assert len(decoder._running) + len(decoder.waiting) == 64
    for answering in list(decoder.waiting)[1:]:
        answering.gone = True
    decoder.step()
    # What nobody waits for any more takes no place among those that wait.
    assert len(decoder.waiting) == 1


@torch.inference_mode()
def test_rows_that_have_left_are_forgotten(side: Side) -> None:
    prompts = {number: side.encoder.text(text) for number, text in enumerate(("red", "river", "k"))}
    rows, alone = read_whole(side.loaded, prompts), read_whole(side.loaded, {1: prompts[1]})
    rows.go_on(side.loaded, torch.tensor([7, 8, 9]))
    alone.go_on(side.loaded, torch.tensor([8]))
    rows.keep([1])
    for each in (rows, alone):
        each.go_on(side.loaded, torch.tensor([10]))
    assert rows._new == {1: [8, 10]}
    assert torch.equal(rows.logits, alone.logits)


def test_a_prompt_without_tokens_is_refused(side: Side) -> None:
    tokenizer = copy.deepcopy(side.loaded.tokenizer)
    tokenizer.chat_template = "{% for turn in messages %}{{ turn['content'] }}{% endfor %}"
    bare = replace(side, encoder=Encoder(tokenizer, "causal", 512))
    with pytest.raises(Refused, match="has no tokens"):
        bare.prompt(Asked("base", (Message("user", ""),)))
