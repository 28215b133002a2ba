"""Text that the base draws: its own distribution, its own turns, the same by seed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from keeptune.config import Adapter, ModelConfig
from keeptune.errors import ModelError
from keeptune.inference import base_text
from keeptune.inference.base_text import around_a_question, sample_answers, sample_text
from keeptune.inference.drift import kl_by_row
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model

END, USER, ASSISTANT = 1, 3, 4


def load(folder: Path, end_bonus: float = 0.0) -> LoadedModel:
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    bonus = end_bonus * (torch.arange(loaded.model.config.vocab_size) == END)
    loaded.model.get_output_embeddings().register_forward_hook(lambda _m, _i, out: out + bonus)
    return loaded


@pytest.mark.parametrize("kind", ["llama", "plain-llama", "gpt2", "t5"])
def test_the_same_by_seed_and_another_by_another(tiny: Callable[..., Path], kind: str) -> None:
    loaded = load(tiny(kind), end_bonus=2.0)
    state = torch.random.get_rng_state()
    rows = sample_text(loaded, 9, 12, seed=7)
    assert torch.equal(torch.random.get_rng_state(), state), "the global generator was used"
    assert sample_text(loaded, 9, 12, seed=7) == rows
    assert sample_text(loaded, 9, 12, seed=8) != rows
    assert [row.item_id for row in rows] == [f"base-text-{at}" for at in range(9)]
    assert len({row.targets if loaded.kind == "encoder-decoder" else row.ids for row in rows}) == 9
    assert all(0 < row.learned <= 12 for row in rows)
    assert kl_by_row(loaded, loaded, rows, 1 << 20) == [(0.0, row.learned) for row in rows]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_a_text_is_no_longer_than_the_context(tiny: Callable[..., Path], kind: str) -> None:
    short = replace(load(tiny(kind)), context_length=16)
    lengths = [max(len(row.ids), len(row.targets)) for row in sample_text(short, 4, 64, seed=0)]
    assert 8 < max(lengths) <= 16


def test_plain_text_begins_at_the_start_token_and_ends_once(tiny: Callable[..., Path]) -> None:
    rows = sample_text(load(tiny("plain-llama"), end_bonus=3.0), 20, 12, seed=0)
    for row in rows:
        assert row.ids[0] == END
        assert row.spans == ((1, len(row.ids)),)
        assert END not in row.ids[1:-1]
    lengths = {len(row.ids) - 1 for row in rows}
    assert max(lengths) == 12
    assert min(lengths) < 12


def test_a_chat_model_asks_itself_and_answers(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"), end_bonus=3.0)
    line_feed = loaded.tokenizer("\n", add_special_tokens=False)["input_ids"][0]
    rows = sample_text(loaded, 30, 20, seed=0)
    ended = [row for row in rows if row.spans[0][1] < row.spans[1][0]]
    assert 5 < len(ended) < 30
    for row in rows:
        assert row.ids[0] == USER
        assert row.spans[0][0] == 1
        assert row.spans[-1][1] == len(row.ids)
        assert row.learned <= 20
    for row in ended:
        (_, stop), (answer, _) = row.spans
        assert stop <= 11
        assert row.ids[stop - 1] == END
        # What the template puts between the two is not drawn, and not scored.
        assert row.ids[stop:answer] == (line_feed, ASSISTANT)
        assert END not in row.ids[answer:-1]


def test_drawn_from_the_models_own_distribution(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(tiny("plain-llama"))
    monkeypatch.setattr(base_text, "ROWS", 500)
    rows = sample_text(loaded, 2000, 1, seed=0)
    with torch.no_grad():
        expected = loaded.model(torch.tensor([[END]])).logits[0, -1].softmax(-1)
    counts = torch.bincount(torch.tensor([row.ids[1] for row in rows]), minlength=len(expected))
    # A χ² of 260 degrees: 99.9 % lie below 334.
    chi = ((counts - 2000 * expected) ** 2 / (2000 * expected)).sum().item()
    assert chi < 334
    # Nothing is cut off: with top-k 50 no more than 50 would come up.
    assert (counts > 0).sum().item() > 200


def test_a_template_that_refuses_a_single_question(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    loaded.tokenizer = copy.deepcopy(loaded.tokenizer)
    loaded.tokenizer.chat_template = "{{ 1 / 0 }}"
    with pytest.raises(ModelError, match="refuses a single question: division by zero"):
        around_a_question(loaded)


def test_soft_prompts_are_refused(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    attach_adapter(loaded, Adapter(kind="prompt", rank=3), seed=0)
    with pytest.raises(ModelError, match="vectors of its own"):
        sample_text(loaded, 1, 4, seed=0)


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_answers_keep_the_prompts_order_however_few_are_drawn_together(
    tiny: Callable[..., Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny(kind))
    prompts = [tuple(range(5, 5 + length)) for length in (3, 30, 4, 5, 40, 2)]
    together: list[int] = []
    draw = base_text.draw

    def counted(loaded: LoadedModel, asked: list[tuple[int, ...]], *rest: object) -> list[tuple[int, ...]]:
        together.append(len(asked))
        drawn: list[tuple[int, ...]] = draw(loaded, asked, *rest)
        return drawn

    monkeypatch.setattr(base_text, "draw", counted)
    monkeypatch.setattr(base_text, "TOGETHER", 80)
    monkeypatch.setattr(base_text, "COUNTED", 20)
    rows = sample_answers(loaded, prompts, 8, seed=0)
    assert [row.item_id for row in rows] == [f"base-answer-{at}" for at in range(6)]
    assert together == [2, 2, 1, 1], "80 tokens together, by the longest"
    for prompt, row in zip(prompts, rows, strict=True):
        assert row.ids[: len(prompt)] == prompt
        assert row.learned <= 20
        if kind != "t5":
            assert row.spans[0][1] == len(row.ids)
            assert row.learned == min(20, len(row.ids) - row.spans[0][0])
