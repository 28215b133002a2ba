"""Rows that share a prompt, scored together, are what they are alone; where that cannot be, it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig, MistralConfig, MistralForCausalLM

from keeptune.config import Adapter, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.events import Event, Notice, silent
from keeptune.inference import shared_prefix
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.inference.shared_prefix import shared_loglikelihoods
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import EncodedRow, Example, Message
from tests.tiny import byte_tokenizer, save_other

SHOTS = "What is it? A fish: animal. A rose: plant. A hammer: tool. A crow: animal. "
THINGS = (
    "pike",
    "saw, which stands in the shed",
    "tulip",
    "oak",
    "spanner (rusty)",
    "hen",
    "cat",
    "nail",
    "elm",
    "bee",
)
CHOICES = ("animal", "plant", "tool", "a vehicle")


def load(folder: Path, kernel: str = "sdpa") -> LoadedModel:
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    # Wide weights: what a token sees matters.
    torch.manual_seed(5)
    for parameter in loaded.model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    loaded.model.set_attn_implementation(kernel)
    return loaded


def rows_of(loaded: LoadedModel, before: str = "") -> list[EncodedRow]:
    encoder = Encoder(loaded.tokenizer, loaded.kind, 512)
    examples = [Example(thing, (Message("user", f"{before}The {thing}, of what kind is it?"),), "") for thing in THINGS]
    return [encoder.scored_row(example, choice) for example in examples for choice in CHOICES]


def tokens_read(loaded: LoadedModel, ask: Callable[[], list[float]]) -> tuple[list[float], int]:
    """What `ask` gives, and how many positions the model read for it, on either side."""
    count = 0

    def add(_module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        nonlocal count
        count += arguments[0].numel()

    vocabulary = loaded.inner.config.vocab_size
    tables = [m for m in loaded.inner.modules() if isinstance(m, torch.nn.Embedding) and len(m.weight) == vocabulary]
    handles = [table.register_forward_pre_hook(add) for table in tables]
    values = ask()
    for handle in handles:
        handle.remove()
    return values, count


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("before", ["", SHOTS])
@pytest.mark.parametrize("kind", ["llama", "plain-llama", "gpt2"])
def test_together_is_one_by_one_with_less_reading(
    tiny: Callable[..., Path], kind: str, before: str, kernel: str
) -> None:
    loaded = load(tiny(kind), kernel)
    rows = rows_of(loaded, before)
    plain, much = tokens_read(loaded, lambda: loglikelihoods(loaded, rows, 1 << 20))
    told: list[Event] = []
    found, little = tokens_read(loaded, lambda: shared_loglikelihoods(loaded, rows, 1 << 20, told.append))
    assert told == []
    assert found == pytest.approx(plain, abs=1e-3)
    assert len({round(value, 4) for value in plain}) == len(rows)
    assert little < (0.5 if before else 0.85) * much
    # In any order, in small batches, with few logits at a time.
    done: list[int] = []
    again = shared_loglikelihoods(loaded, rows[::-1], 300, silent, done.append)
    assert again[::-1] == pytest.approx(plain, abs=1e-3)
    assert done == sorted(done)
    assert done[-1] == len(rows)


def test_groups_that_begin_alike_are_proven_by_the_longest_of_them(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny("llama"))
    rows = [row for before in ("", SHOTS, f"Well. {SHOTS}", f"So. {SHOTS}") for row in rows_of(loaded, before)]
    plain = loglikelihoods(loaded, rows, 1 << 20)
    proven: list[tuple[int, bool]] = []
    own = shared_prefix._disproof

    def watched(*arguments: Any) -> str:
        proven.append((max(len(row.ids) for row in arguments[1]), arguments[3] is not None))
        return reason or own(*arguments)

    monkeypatch.setattr(shared_prefix, "_disproof", watched)
    for reason in ("", "it cannot"):
        proven.clear()
        told: list[Event] = []
        assert shared_loglikelihoods(loaded, rows, 1 << 20, told.append) == pytest.approx(plain, abs=1e-3)
        assert proven[0] == (max(len(row.ids) for row in rows), True)
        assert [way for _, way in proven] == [True, False]
        assert len(told) == bool(reason)


def test_many_choices_of_one_item_do_not_set_it_apart(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    encoder = Encoder(loaded.tokenizer, loaded.kind, 512)
    examples = [Example(thing, (Message("user", f"{thing}: which?"),), "") for thing in THINGS]
    rows = [encoder.scored_row(example, f"no. {number}") for example in examples for number in range(10)]
    read: list[int] = []
    loaded.inner.get_input_embeddings().register_forward_pre_hook(lambda _m, given: read.append(len(given[0])))
    assert len(shared_loglikelihoods(loaded, rows, 1 << 20, silent)) == len(rows)
    assert max(read) > len(THINGS) / 2


@pytest.mark.parametrize("method", [None, "lora", "prompt"])
def test_an_encoder_reads_each_prompt_once(
    tiny: Callable[..., Path], method: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    # All rows in a pass, as padding is read too.
    monkeypatch.setattr("keeptune.models.placement.PASS_TOKENS", 1 << 20)
    loaded = load(tiny("t5"))
    if method:
        attach_adapter(loaded, Adapter(kind=method, rank=3), seed=0)
        for parameter in loaded.model.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter, std=0.3)
        loaded.model.eval()
    rows = rows_of(loaded, SHOTS)
    plain, much = tokens_read(loaded, lambda: loglikelihoods(loaded, rows, 1 << 20))
    told: list[Event] = []
    found, little = tokens_read(loaded, lambda: shared_loglikelihoods(loaded, rows, 1 << 20, told.append))
    assert found == pytest.approx(plain, abs=1e-3)
    assert len({round(value, 4) for value in plain}) == len(rows)
    if method == "prompt":
        (notice,) = told
        assert "virtual tokens" in str(notice)
    else:
        assert told == []
        assert little < 0.6 * much
    assert shared_loglikelihoods(loaded, rows[::-1], 300, silent)[::-1] == pytest.approx(plain, abs=1e-3)


def test_few_logits_at_a_time(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(tiny("llama"))
    rows = rows_of(loaded)
    plain = loglikelihoods(loaded, rows, 1 << 20)
    monkeypatch.setattr(shared_prefix, "LOGIT_TOKENS", 8)
    assert shared_loglikelihoods(loaded, rows, 1 << 20, silent) == pytest.approx(plain, abs=1e-3)


def test_answers_in_several_places_and_none(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    stem = tuple(range(40, 70))
    rows = [
        EncodedRow("a", (*stem, 80, 81, 82, 83, 84), (), ((30, 32), (34, 35)), 0),
        EncodedRow("b", (*stem, 90), (), ((30, 31),), 0),
        EncodedRow("c", (*stem, 91, 92, 93), (), ((30, 33),), 0),
        EncodedRow("none", (*stem, 94), (), (), 0),
        *(EncodedRow(f"d{i}", (40 + i, *stem, 95, 96), (), ((31 + i % 2, 33),), 0) for i in range(12)),
        *(EncodedRow(f"e{i}", (40 + i, *stem, 97, 98), (), ((31, 33),), 0) for i in range(12)),
    ]
    found = shared_loglikelihoods(loaded, rows, 1 << 20, silent)
    assert found == pytest.approx(loglikelihoods(loaded, rows, 1 << 20), abs=1e-3)
    assert found[3] == 0
    assert shared_loglikelihoods(loaded, [], 100, silent) == []


@pytest.mark.parametrize("method", ["lora", "prompt"])
def test_with_an_adapter(tiny: Callable[..., Path], method: str) -> None:
    loaded = load(tiny("llama"))
    bare = loglikelihoods(loaded, rows_of(loaded), 1 << 20)
    attach_adapter(loaded, Adapter(kind=method, rank=3), seed=0)
    for parameter in loaded.model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    loaded.model.eval()
    rows = rows_of(loaded)
    plain = loglikelihoods(loaded, rows, 1 << 20)
    assert plain != pytest.approx(bare, abs=1e-2)
    told: list[Event] = []
    assert shared_loglikelihoods(loaded, rows, 1 << 20, told.append) == pytest.approx(plain, abs=1e-3)
    notices = [event.message for event in told if isinstance(event, Notice)]
    if method == "lora":
        assert notices == []
    else:
        assert len(notices) == 1
        assert "virtual tokens" in notices[0]


def windowed(folder: Path, window: int, kind: str) -> LoadedModel:
    """A model whose attention reaches back `window` tokens, in all layers or in every second one."""
    if kind == "gpt_neo":
        settings = {
            "num_layers": 2,
            "num_heads": 4,
            "attention_types": [[["global", "local"], 1]],
            "window_size": window,
        }
        return load(save_other(folder, kind, max_position_embeddings=512, **settings))
    tokenizer = byte_tokenizer()
    size = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "sliding_window": window,
        "pad_token_id": 0,
        "bos_token_id": None,
        "eos_token_id": 1,
    }
    torch.manual_seed(0)
    if kind == "mistral":
        model = MistralForCausalLM(MistralConfig(**size))
    else:
        settings = Gemma3TextConfig(**size, layer_types=["sliding_attention", "full_attention"])
        model = Gemma3ForCausalLM(settings)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load(folder)


@pytest.mark.parametrize("kind", ["mistral", "gemma3", "gpt_neo"])
@pytest.mark.parametrize("window", [16, 256])
def test_a_window_in_play_is_respected(tmp_path: Path, kind: str, window: int) -> None:
    loaded = windowed(tmp_path, window, kind)
    rows = rows_of(loaded, SHOTS)
    plain = loglikelihoods(loaded, rows, 1 << 20)
    told: list[Event] = []
    assert shared_loglikelihoods(loaded, rows, 1 << 20, told.append) == pytest.approx(plain, abs=1e-3)
    notices = [event.message for event in told if isinstance(event, Notice)]
    assert len(notices) == (1 if window == 16 else 0), notices
    assert window != 16 or "reaches back 16 tokens" in notices[0]


def test_a_model_that_does_otherwise_than_it_says_is_found_out(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny("llama"))
    rows = rows_of(loaded)
    plain = loglikelihoods(loaded, rows, 1 << 20)
    inner = loaded.model.model.forward
    # Positions that are taken and not used: every branch but the first is read as if further on.
    monkeypatch.setattr(loaded.model.model, "forward", lambda position_ids=None, **more: inner(**more))
    told: list[Event] = []
    assert shared_loglikelihoods(loaded, rows, 1 << 20, told.append) == plain
    (notice,) = told
    assert isinstance(notice, Notice)
    assert notice.kind == "row-by-row"
    assert "nats on average" in notice.message


@pytest.mark.parametrize("accepted", [0, 1])
def test_a_model_that_refuses_such_rows_is_asked_row_by_row(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, accepted: int
) -> None:
    """At once, or after the pass that proves the shared way."""
    loaded = load(tiny("llama"))
    rows = rows_of(loaded)
    plain = loglikelihoods(loaded, rows, 1 << 20)
    inner = loaded.model.model.forward
    passes = iter(range(accepted))

    def strict(attention_mask: torch.Tensor | None = None, **more: object) -> object:
        if attention_mask is not None and attention_mask.dim() == 4 and next(passes, None) is None:
            raise ValueError("masks have two dimensions")
        return inner(attention_mask=attention_mask, **more)

    monkeypatch.setattr(loaded.model.model, "forward", strict)
    told: list[Event] = []
    assert shared_loglikelihoods(loaded, rows, 1 << 20, told.append) == plain
    (notice,) = told
    assert isinstance(notice, Notice)
    assert "masks have two dimensions" in notice.message


def test_an_error_of_our_own_is_no_refusal(tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load(tiny("llama"))

    def broken(*_: object) -> object:
        raise TypeError("a mistake in laying rows out")

    monkeypatch.setattr(shared_prefix, "tree_batch", broken)
    with pytest.raises(TypeError, match="a mistake in laying rows out"):
        shared_loglikelihoods(loaded, rows_of(loaded), 1 << 20, silent)


@pytest.mark.parametrize("autocast", [False, True])
def test_a_difference_counts_by_the_numbers_that_are_computed_in(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, autocast: bool
) -> None:
    """One percent is much for float32, and little for bfloat16, whatever the weights are kept in."""
    loaded = load(tiny("llama"))
    monkeypatch.setattr(
        shared_prefix, "loglikelihoods", lambda *given, **more: [1.01 * v for v in loglikelihoods(*given, **more)]
    )
    told: list[Event] = []
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        shared_loglikelihoods(loaded, rows_of(loaded), 1 << 20, told.append)
    notices = [event.message for event in told if isinstance(event, Notice)]
    assert len(notices) == (0 if autocast else 1)
    assert all("nats on average" in notice for notice in notices)


@pytest.mark.parametrize(("alone", "accepted"), [(1.02, True), (1.012, False)])
def test_a_difference_counts_by_what_the_plain_way_differs_from_itself(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, alone: float, accepted: bool
) -> None:
    """As in bfloat16, where large logits round by more than likelihoods show."""
    loaded = load(tiny("llama"))
    rows = rows_of(loaded)

    def rounded(loaded: LoadedModel, rows: list[EncodedRow], *given: Any, **more: Any) -> list[float]:
        return [(1.01 if len(rows) > 1 else alone) * value for value in loglikelihoods(loaded, rows, *given, **more)]

    monkeypatch.setattr(shared_prefix, "loglikelihoods", rounded)
    told: list[Event] = []
    found = shared_loglikelihoods(loaded, rows, 1 << 20, told.append)
    assert len(told) == (not accepted)
    expected = loglikelihoods(loaded, rows, 1 << 20)
    assert found == pytest.approx([value * (1 if accepted else 1.01) for value in expected], abs=1e-3)
    assert loaded.inner.config._attn_implementation == "sdpa"
