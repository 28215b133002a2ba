"""The cached way gives the tokens of transformers' `generate`: unequal lengths, early ends, shared beginnings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import MambaConfig, MambaForCausalLM, MistralConfig, MistralForCausalLM

from keeptune.config import Adapter, ModelConfig
from keeptune.inference import cached_decoding
from keeptune.inference.cached_decoding import as_they_end, cached_decode, decodes_plainly
from keeptune.inference.generate import generate
from keeptune.inference.transformers_decoding import transformers_decode
from keeptune.models import unequal_rows
from keeptune.models.adapters import attach_adapter
from keeptune.models.key_values import long_prefix, no_full_attention, read_prefix
from keeptune.models.load import LoadedModel, load_model
from tests.tiny import byte_tokenizer

PROMPTS = [[40 + i * 7 % 90 for i in range(n)] for n in (3, 17, 1, 9, 30, 9, 22, 14, 5, 28)]
ROOM = 40
END = 1


def load(folder: Path, kernel: str = "sdpa") -> LoadedModel:
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    # Wide weights: random answers that differ from one another, and end now and then.
    torch.manual_seed(5)
    for parameter in loaded.model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.4)
    loaded.model.set_attn_implementation(kernel)
    return loaded


def until_end(rows: list[list[int]]) -> list[list[int]]:
    return [row[: row.index(END) + 1] if END in row else row for row in rows]


@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("method", [None, "lora"])
def test_the_tokens_of_transformers(tiny: Callable[..., Path], kind: str, kernel: str, method: str | None) -> None:
    loaded = load(tiny(kind), kernel)
    if method:
        attach_adapter(loaded, Adapter(kind=method, rank=3), seed=0)
        for parameter in loaded.model.parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter, std=0.3)
        loaded.model.eval()
    head = loaded.inner.get_output_embeddings()
    # An end token that comes early for some rows and late for others.
    hook = head.register_forward_hook(lambda _m, _i, out: out + 4.0 * (torch.arange(out.shape[-1]) == END))
    expected = until_end(transformers_decode(loaded, PROMPTS, ROOM))
    lengths = sorted(len(row) for row in expected)
    assert len(set(lengths)) > 3, lengths
    seen: list[int] = []
    watch = loaded.inner.get_input_embeddings().register_forward_pre_hook(lambda _m, a: seen.append(len(a[0])))
    assert decodes_plainly(loaded, 70)
    assert cached_decode(loaded, PROMPTS, ROOM) == expected
    parts = next(count for count in range(len(seen)) if sum(seen[:count]) == len(PROMPTS))
    steps = seen[parts:]
    assert parts > 1, "prompts of all lengths were read at once"
    # Where many end with their first token, they are let go before the first step.
    assert steps[0] in (len(PROMPTS), sum(length > 1 for length in lengths)), "the rows did not go on together"
    assert steps == sorted(steps, reverse=True)
    assert len(set(steps)) > 1, "no finished row was let go"
    watch.remove()
    hook.remove()


@pytest.mark.parametrize("start", [0, 80])
@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_rows_that_wait_take_the_places_of_finished_ones(
    tiny: Callable[..., Path], kind: str, start: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny(kind))
    shared = [40 + i * 11 % 90 for i in range(start)]
    prompts = [shared + prompt for prompt in PROMPTS]
    loaded.inner.get_output_embeddings().register_forward_hook(
        lambda _m, _i, out: out + 4.0 * (torch.arange(out.shape[-1]) == END)
    )
    expected = until_end(transformers_decode(loaded, prompts, ROOM))
    prefix = read_prefix(loaded, shared) if shared else None
    seen: list[tuple[int, int]] = []
    watch = loaded.inner.get_input_embeddings().register_forward_pre_hook(lambda _m, a: seen.append(a[0].shape))
    longest = start + 30 + ROOM
    steps = []
    for at_once in (1, 3 * longest, 5 * longest, None):
        seen.clear()
        order: list[int] = []
        found: dict[int, list[int]] = {}
        for index, ids in as_they_end(loaded, prompts, ROOM, prefix=prefix, at_once=at_once):
            order.append(index)
            found[index] = ids
        assert sorted(order) == list(range(len(prompts)))
        assert [found[index] for index in range(len(prompts))] == expected
        # By the end, shorter prompts leave room for one or two rows more.
        assert max(rows for rows, _ in seen) <= {1: 1, 3 * longest: 4, 5 * longest: 7, None: 10}[at_once]
        steps.append(sum(length == 1 for _, length in seen))
    assert steps == sorted(steps, reverse=True)
    assert steps[0] > 2 * steps[-1]
    # Where no place is given before all rows have ended, it takes longer.
    seen.clear()
    monkeypatch.setattr(cached_decoding, "LET_GO", 2)
    assert len(list(as_they_end(loaded, prompts, ROOM, prefix=prefix, at_once=3 * longest))) == len(prompts)
    watch.remove()
    assert steps[1] < sum(length == 1 for _, length in seen)


def test_what_stands_before_the_longest_row_is_dropped(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny("llama"))
    steps: list[int] = []
    read: list[tuple[int, int]] = []

    def following(logits: torch.Tensor, _generator: object) -> torch.Tensor:
        # The two longest end with their second token.
        steps.append(len(logits))
        return torch.tensor([END, END, 50, 50]) if len(steps) == 2 else torch.full((len(logits),), 50)

    def watch(module: object, query: object, key: torch.Tensor, *more: object, **named: object) -> object:
        read.append((len(key), key.shape[2]))
        return own(module, query, key, *more, **named)

    own = unequal_rows.sdpa_attention_forward
    monkeypatch.setattr(cached_decoding, "_next", following)
    monkeypatch.setattr(unequal_rows, "sdpa_attention_forward", watch)
    monkeypatch.setattr(unequal_rows, "PART", 2)
    found = dict(as_they_end(loaded, [[60] * length for length in (40, 38, 4, 3)], 5))
    assert [len(found[index]) for index in range(4)] == [2, 2, 5, 5]
    layers = loaded.inner.config.num_hidden_layers
    # First, rows of 40 and 38 tokens and rows of 4 and 3 apart; then the short ones alone.
    assert read == [(2, 41), (2, 5)] * layers + [(2, width) for width in (6, 7, 8) for _ in range(layers)]
    assert loaded.inner.config._attn_implementation == "sdpa"


def test_a_row_that_ends_at_the_last_position_does_not_stop_the_others(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load(tiny("gpt2"))
    steps: list[int] = []

    def following(logits: torch.Tensor, _generator: object) -> torch.Tensor:
        # All but the longest end with their second token, and others take their places.
        steps.append(len(logits))
        return torch.tensor([50] + [END if len(steps) == 2 else 50] * (len(logits) - 1))

    monkeypatch.setattr(cached_decoding, "_next", following)
    prompts = [[60] * (loaded.context_length - ROOM)] + [[60] * 100] * 8
    found = dict(as_they_end(loaded, prompts, ROOM, at_once=5 * loaded.context_length))
    assert sorted(len(ids) for ids in found.values()) == [2] * 4 + [ROOM] * 5


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_shared_beginning_is_read_once(tiny: Callable[..., Path], kind: str) -> None:
    loaded = load(tiny(kind))
    start = [40 + i * 11 % 90 for i in range(80)]
    prompts = [start + prompt for prompt in PROMPTS]
    shared = long_prefix([tuple(prompt) for prompt in prompts])
    # All begin with the first token of PROMPTS too, but each keeps a token of its own.
    assert shared == 80
    expected = until_end(transformers_decode(loaded, prompts, ROOM))
    assert len({tuple(row) for row in expected}) > 3
    assert cached_decode(loaded, prompts, ROOM, prefix=read_prefix(loaded, start)) == expected
    read: list[int] = []
    watch = loaded.inner.get_input_embeddings().register_forward_pre_hook(lambda _m, a: read.append(a[0].numel()))
    answers = generate(loaded, prompts, ROOM, 1 << 20)
    watch.remove()
    assert [answer.tokens for answer in answers] == [len(row) - (row[-1] == END) for row in expected]
    assert read[0] == 80
    assert max(read[1:]) <= 30 * len(prompts)


def test_what_prompts_share() -> None:
    start = tuple(range(70))
    assert long_prefix([(*start, 1, 2), (*start, 3), (*start, 1, 4)]) == 70
    assert long_prefix([(*start, 1, 2), (*start, 1), (*start, 1, 4)]) == 70, "one token is left to each"
    assert long_prefix([(*start, 1), (*start, 2)]) == 0, "too few"
    assert long_prefix([(*start[:60], 1), (*start[:60], 2), (*start[:60], 3)]) == 0, "too short"
    few = [(*start[:20], number) for number in range(9)]
    assert long_prefix(few) == 20, "many that share little save as much"
    assert long_prefix(few[:7]) == 0
    assert long_prefix([(*start, 1), (*start, 2), (9, *start)]) == 0
    assert long_prefix([start]) == 0
    assert long_prefix([start, start, start]) == 69
    assert long_prefix([]) == 0


@pytest.mark.parametrize(("window", "plainly"), [(8, False), (128, True)])
def test_a_window_in_play_is_left_to_transformers(tmp_path: Path, window: int, plainly: bool) -> None:
    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        sliding_window=window,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    MistralForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = load(tmp_path)
    assert decodes_plainly(loaded, 70) == plainly
    expected = until_end(transformers_decode(loaded, PROMPTS, ROOM))
    answers = generate(loaded, PROMPTS, ROOM, 1 << 20)
    assert [answer.tokens for answer in answers] == [len(row) - (row[-1] == END) for row in expected]
    if plainly:
        assert cached_decode(loaded, PROMPTS, ROOM) == expected


def test_a_model_with_a_state_is_left_to_transformers(tmp_path: Path) -> None:
    tokenizer = byte_tokenizer()
    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4, "expand": 2}
    config = MambaConfig(vocab_size=len(tokenizer), pad_token_id=0, bos_token_id=None, eos_token_id=1, **size)
    MambaForCausalLM(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = load_model(ModelConfig(name=str(tmp_path), device="cpu", dtype="float32"))
    assert not decodes_plainly(loaded, 10)
    assert no_full_attention(loaded, 10)
    assert len(generate(loaded, PROMPTS[:3], 4, 1 << 20)) == 3


def test_other_kinds_are_left_to_the_other_ways(tiny: Callable[..., Path]) -> None:
    assert not decodes_plainly(load(tiny("t5")), 10)
    loaded = load(tiny("llama"))
    attach_adapter(loaded, Adapter(kind="prefix", rank=3), seed=0)
    assert not decodes_plainly(loaded, 10)
