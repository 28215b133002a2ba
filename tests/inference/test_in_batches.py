"""Where memory ends, models are asked less at a time, with the same answers, and it is told."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from keeptune.events import Event, Notice, silent
from keeptune.inference.decoding import KEPT_FOR_ONE
from keeptune.inference.drift import kl_by_row
from keeptune.inference.generate import generate
from keeptune.inference.in_batches import in_batches, in_flow
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.inference.shared_prefix import shared_loglikelihoods
from keeptune.models.load import LoadedModel
from keeptune.models.placement import PASS_TOKENS
from tests.inference.test_shared_prefix import load, rows_of

HELD = 3
"""Rows that are held at once where memory is small."""
MUCH = 1 << 20


def hold(loaded: LoadedModel, fits: Callable[[torch.Tensor], bool]) -> None:
    """Let memory run out wherever the model reads token ids that do not fit."""

    def refuse(_module: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        if not fits(arguments[0]):
            raise torch.OutOfMemoryError("out of memory")

    vocabulary = loaded.inner.config.vocab_size
    for module in loaded.inner.modules():
        if isinstance(module, torch.nn.Embedding) and len(module.weight) == vocabulary:
            module.register_forward_pre_hook(refuse)


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 400), st.integers(50, 200))
def test_each_row_once_and_never_more_than_memory_holds(lengths: list[int], budget: int, memory: int) -> None:
    told: list[Event] = []
    refused = 0

    def run(part: list[int]) -> int:
        nonlocal refused
        if len(part) * max(lengths[i] for i in part) > memory:
            refused += 1
            raise torch.OutOfMemoryError("out of memory")
        return sum(part)

    found = list(in_batches(run, lengths, budget, told.append))
    assert sorted(i for part, _ in found for i in part) == list(range(len(lengths)))
    assert all(sum(part) == value for part, value in found)
    assert len(told) == refused <= 3, "each failure halves the budget for all that follow"


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 400), st.integers(50, 200), st.integers(0, 9))
def test_what_is_done_when_memory_ends_is_not_done_again(
    lengths: list[int], budget: int, memory: int, before: int
) -> None:
    told: list[Event] = []
    refused = 0

    def run(waiting: list[int], tokens: int) -> Iterator[tuple[int, int]]:
        nonlocal refused
        for at, index in enumerate(waiting):
            # What is held fits or not; memory may end after some are done.
            if at == before and tokens > memory:
                refused += 1
                raise torch.OutOfMemoryError("out of memory")
            yield at, index

    found = list(in_flow(run, lengths, budget, told.append, times=2))
    assert sorted(index for index, _ in found) == list(range(len(lengths)))
    assert all(index == value for index, value in found)
    assert len(told) == refused <= 4


def test_what_a_single_row_cannot_have_and_other_errors_are_raised() -> None:
    for error, alone in ((torch.OutOfMemoryError("out of memory"), True), (RuntimeError("shape mismatch"), False)):
        sizes = []

        def run(part: list[int], error: RuntimeError = error, sizes: list[int] = sizes) -> None:
            sizes.append(len(part))
            raise error

        with pytest.raises(RuntimeError, match=str(error)):
            list(in_batches(run, [10] * 8, MUCH, silent))
        assert sizes == ([8, 4, 2, 1] if alone else [8])
        held = []

        def flow(
            waiting: list[int], tokens: int, error: RuntimeError = error, held: list[int] = held
        ) -> Iterator[tuple[int, None]]:
            held.append(tokens)
            yield 0, None
            raise error

        with pytest.raises(RuntimeError, match=str(error)):
            list(in_flow(flow, [10] * 9, MUCH, silent))
        assert held == ([90, 40, 20, 10] if alone else [90])


@pytest.mark.parametrize("kind", ["llama", "t5"])
def test_less_at_a_time_gives_the_same(tiny: Callable[..., Path], kind: str) -> None:
    loaded, other = load(tiny(kind)), load(tiny(kind))
    for parameter in other.model.parameters():
        parameter.data *= 0.9
    rows = rows_of(loaded)
    prompts = [row.ids for row in rows[::4]]

    def ask(budget: int, observer: Callable[[Event], None]) -> list[Sequence[float]]:
        nonlocal answered
        answers = generate(loaded, prompts, 6, budget, observer=observer)
        answered = len(told)
        return [
            loglikelihoods(loaded, rows, budget, observer=observer),
            shared_loglikelihoods(loaded, rows, budget, observer),
            [value for value, _ in kl_by_row(loaded, other, rows, budget, observer=observer)],
            [float(ord(letter)) for answer in answers for letter in answer.text],
        ]

    told: list[Event] = []
    answered = 0
    wanted = ask(MUCH, told.append)
    assert not told
    hold(loaded, lambda ids: len(ids) <= HELD)
    found = ask(MUCH, told.append)
    for values, others in zip(found, wanted, strict=True):
        assert values == pytest.approx(others, abs=1e-3)
    messages = [event.message for event in told if isinstance(event, Notice) and event.kind == "memory"]
    budgets = [int(re.search(r"evaluation.token_budget=(\d+)", message).group(1)) for message in messages]
    assert len(budgets) >= 4
    held = [int(message.split()[0].replace(",", "")) for message in messages]
    # Answers are asked first; where only keys and values are kept, a budget is for more tokens.
    assert budgets[0] == held[0] // (KEPT_FOR_ONE if kind == "llama" else 1) // 2
    assert budgets[answered:] == [tokens // 2 for tokens in held[answered:]]


def test_completions_of_one_prompt_that_memory_does_not_hold_together(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    rows = rows_of(loaded)
    wanted = loglikelihoods(loaded, rows, MUCH)
    longest = max(row.length for row in rows)
    told: list[Event] = []
    hold(loaded, lambda ids: ids.numel() <= longest)
    assert shared_loglikelihoods(loaded, rows, MUCH, told.append) == pytest.approx(wanted, abs=1e-3)
    why = [event.message for event in told if isinstance(event, Notice) and event.kind == "row-by-row"]
    assert why[0].endswith("a prompt with all its completions does not fit into memory")


def test_a_pass_on_a_cpu_is_of_as_many_tokens_as_its_caches_hold(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    rows = rows_of(loaded) * 4
    read: list[int] = []
    loaded.inner.get_input_embeddings().register_forward_pre_hook(lambda _m, given: read.append(given[0].numel()))
    for ask in (loglikelihoods, lambda *a: shared_loglikelihoods(*a, silent), lambda *a: kl_by_row(a[0], *a)):
        for budget in (MUCH, 300):
            read.clear()
            ask(loaded, rows, budget)
            most = min(budget, PASS_TOKENS)
            assert most / 2 < max(read) <= most
    elsewhere = dataclasses.replace(loaded.placement, device=torch.device("cuda"))
    assert elsewhere.pass_tokens(MUCH) == MUCH
