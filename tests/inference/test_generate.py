"""Greedy answers: the same batched, one by one, and from plain transformers; no setting of the model's own counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import GenerationConfig

from keeptune.config import Adapter, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import Event, Notice, silent
from keeptune.inference.generate import Generated, fitting_prompts, generate, set_aside
from keeptune.models.adapters import attach_adapter
from keeptune.models.key_values import read_prefix
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import Example, Message

PROMPTS = [[40 + i * 7 % 90 for i in range(n)] for n in (3, 17, 1, 9, 30, 9)]
ROOM = 12
OWN = {"do_sample": True, "temperature": 0.3, "top_p": 0.5, "repetition_penalty": 9.0, "no_repeat_ngram_size": 1}


def load(folder: Path) -> LoadedModel:
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    # Wide weights: random answers that differ from one another, and end now and then.
    torch.manual_seed(5)
    for parameter in loaded.model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    return loaded


def one_by_one(loaded: LoadedModel, prompts: list[list[int]] = PROMPTS) -> list[Generated]:
    return [generate(loaded, [prompt], ROOM, 1 << 20)[0] for prompt in prompts]


def plain(loaded: LoadedModel, prompt: list[int]) -> list[int]:
    config = GenerationConfig(
        max_new_tokens=ROOM, do_sample=False, eos_token_id=1, pad_token_id=0, decoder_start_token_id=0
    )
    ids = torch.tensor([prompt])
    with torch.no_grad():
        found = loaded.model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config)[0]
    return found[1:].tolist() if loaded.kind == "encoder-decoder" else found[len(prompt) :].tolist()


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_batched_is_one_by_one_is_plain_transformers(tiny: Callable[..., Path], kind: str) -> None:
    loaded = load(tiny(kind))
    batched = generate(loaded, PROMPTS, ROOM, 1 << 20)
    assert len({answer.text for answer in batched}) > 2, "answers that are all alike show nothing"
    assert batched == one_by_one(loaded)
    assert batched == generate(loaded, PROMPTS, ROOM, 60) == generate(loaded, PROMPTS, ROOM, 15)
    for prompt, answer in zip(PROMPTS, batched, strict=True):
        ids = plain(loaded, prompt)
        ended = 1 in ids
        ids = ids[: ids.index(1)] if ended else ids
        assert answer.text == loaded.tokenizer.decode(ids, skip_special_tokens=True).strip()
        assert (answer.tokens, answer.finish) == (len(ids), "stop" if ended else "length")


def step_by_step(loaded: LoadedModel, prompt: list[int]) -> Generated:
    """The most likely next token, again and again, by whole forward passes."""
    ids = list(prompt)
    while len(ids) < len(prompt) + ROOM and ids[-1] != 1:
        with torch.no_grad():
            ids.append(int(loaded.model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
    new = ids[len(prompt) :]
    ended = new[-1] == 1
    new = new[:-1] if ended else new
    text = loaded.tokenizer.decode(new, skip_special_tokens=True).strip()
    return Generated(text, len(new), "stop" if ended else "length")


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("method", ["lora", "prompt", "prefix"])
def test_batched_is_one_by_one_with_an_adapter(tiny: Callable[..., Path], method: str, kind: str) -> None:
    loaded = load(tiny(kind))
    attach_adapter(loaded, Adapter(kind=method, rank=3), seed=0)
    for parameter in loaded.model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    loaded.model.eval()
    batched = generate(loaded, PROMPTS, ROOM, 1 << 20)
    assert batched == one_by_one(loaded)
    assert batched == [step_by_step(loaded, prompt) for prompt in PROMPTS]


@pytest.mark.parametrize("kind", ["llama", "t5"])
@pytest.mark.parametrize("method", [None, "lora", "prompt"])
def test_the_models_own_settings_change_nothing(tiny: Callable[..., Path], kind: str, method: str | None) -> None:
    loaded = load(tiny(kind))
    inner = loaded.model
    if method:
        attach_adapter(loaded, Adapter(kind=method, rank=3), seed=0)
        loaded.model.eval()
    assert set_aside(loaded) == {}
    before = generate(loaded, PROMPTS, ROOM, 1 << 20)
    own = inner.generation_config
    for name, value in OWN.items():
        setattr(own, name, value)
    assert generate(loaded, PROMPTS, ROOM, 1 << 20) == before
    assert set_aside(loaded) == OWN
    assert inner.generation_config is own
    assert loaded.model.generation_config is own
    assert {name: getattr(own, name) for name in OWN} == OWN


def test_the_models_own_settings_are_back_after_a_failure(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    own = loaded.model.generation_config
    with pytest.raises(IndexError):
        generate(loaded, [[9999]], ROOM, 1 << 20)
    assert loaded.model.generation_config is own


def test_finish_reasons(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    head = loaded.model.get_output_embeddings()
    bias = torch.zeros(head.out_features)
    hook = head.register_forward_hook(lambda _m, _i, out: out + bias)
    bias[1] = 1e4
    assert generate(loaded, PROMPTS[:2], 5, 1 << 20) == [Generated("", 0, "stop")] * 2
    bias[1], bias[70] = 0, 1e4
    letter = loaded.tokenizer.decode([70])
    assert generate(loaded, PROMPTS[:2], 5, 1 << 20) == [Generated(letter * 5, 5, "length")] * 2
    hook.remove()


def test_progress_and_order(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    told: list[int] = []
    answers = generate(loaded, PROMPTS, ROOM, 60, told.append)
    assert told == sorted(told)
    assert told[-1] == len(PROMPTS)
    assert len(told) > 1
    assert generate(loaded, PROMPTS[::-1], ROOM, 60) == answers[::-1]
    assert generate(loaded, [], ROOM, 60) == []


@pytest.mark.parametrize("method", [None, "prompt"])
def test_a_prompt_is_cut_where_its_answer_would_not_fit_the_models_positions(
    tiny: Callable[..., Path], method: str | None
) -> None:
    loaded = load(tiny("gpt2"))
    if method:
        attach_adapter(loaded, Adapter(kind=method, rank=3), seed=0)
        loaded.model.eval()
    encoder = Encoder(loaded.tokenizer, "causal", 512)
    examples = [Example("long", (Message("user", "x" * 600),), ""), Example("short", (Message("user", "y"),), "")]
    told: list[Event] = []
    prompts = fitting_prompts(loaded, encoder, examples, ROOM, told.append)
    assert [len(prompt) for prompt in prompts] == [512 - ROOM - (3 if method else 0), 1]
    assert [event.message for event in told if isinstance(event, Notice)] == [
        f"1 of 2 prompts are longer than {len(prompts[0])} tokens; {600 - len(prompts[0])} tokens cut "
        "from their middle (first: long)"
    ]
    answers = generate(loaded, prompts, ROOM, 1 << 20)
    assert answers[1] == generate(loaded, prompts[1:], ROOM, 1 << 20)[0]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_an_empty_prompt_is_answered(tiny: Callable[..., Path], kind: str) -> None:
    loaded = load(tiny(kind))
    encoder = Encoder(loaded.tokenizer, loaded.kind, 512)
    prompts = fitting_prompts(loaded, encoder, [Example("e", (), ""), Example("f", (), "")], ROOM, silent)
    answers = generate(loaded, prompts, ROOM, 1 << 20)
    assert answers[0] == answers[1]
    assert answers[0].tokens > 0


def test_an_answer_longer_than_the_models_positions_is_refused(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("gpt2"))
    with pytest.raises(ConfigError, match="leave no room for a prompt in the model's 512 positions"):
        fitting_prompts(loaded, Encoder(loaded.tokenizer, "causal", 512), [], 512, silent)


def test_more_rows_are_decoded_than_computed_within_the_bytes_allowed(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny("llama"))
    token = read_prefix(loaded, PROMPTS[0][:1]).bytes_a_token
    config = loaded.inner.config
    assert token == 2 * 4 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim
    assert read_prefix(loaded, PROMPTS[1]).bytes_a_token == token
    read: list[int] = []
    loaded.inner.get_input_embeddings().register_forward_pre_hook(lambda _m, given: read.append(len(given[0])))

    def most_rows(allowed: float) -> int:
        read.clear()
        monkeypatch.setattr("keeptune.inference.decoding.KEPT_BYTES", allowed * token)
        done: list[int] = []
        assert len(generate(loaded, [PROMPTS[0]] * 12, 7, 30, progress=done.append)) == 12
        assert done == list(range(1, 13))
        return max(read)

    # A row has 3 + 7 tokens.
    assert most_rows(1e9) == 12
    assert most_rows(60) == 6
    assert most_rows(10) == 3, "no fewer than the budget says"
