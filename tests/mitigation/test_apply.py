"""The wiring of a training's mitigations: which rows come out, and what is minimised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.config import (
    Adapter,
    Full,
    MitigationConfig,
    TrainingConfig,
    TuneConfig,
)
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer, silent
from keeptune.mitigation.apply import AppliedMitigations
from keeptune.mitigation.methods.kl import KlToBase, KlToKept
from keeptune.mitigation.methods.token_weights import TOKEN_LOSSES
from keeptune.mitigation.objective import completion_loss
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example, Message
from tests.mitigation.talking import load

LORA = Adapter(rank=4)
METHODS: list[Any] = [Full(), LORA]
TASK = [(f"say {n} or {n + 1}", f"why {n + 1} not {n}") for n in range(10, 32)]
OLD_FILES = ("old.jsonl",)
OLD = [(f"colour {n}", f"red {n}") for n in range(30)]


def examples(pairs: list[tuple[str, str]], name: str = "e") -> list[Example]:
    return [Example(f"{name}-{n}", (Message("user", asked),), answer) for n, (asked, answer) in enumerate(pairs)]


def mitigations(
    loaded: LoadedModel, observer: Observer = silent, epochs: float = 1.0, **mitigation: Any
) -> AppliedMitigations:
    config = TuneConfig(mitigation=MitigationConfig(**mitigation), training=TrainingConfig(epochs=epochs))
    return AppliedMitigations(config, Encoder(loaded.tokenizer, loaded.kind, 128), 4096, observer)


def task_rows(loaded: LoadedModel) -> list[EncodedRow]:
    return Encoder(loaded.tokenizer, loaded.kind, 128).rows(examples(TASK))


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.25, 0.5])
def test_replayed_rows_are_their_share_of_the_mix(tiny: Callable[..., Path], kind: str, fraction: float) -> None:
    loaded = load(tiny(kind))
    told: list[Any] = []
    rows = mitigations(loaded, told.append, replay=OLD_FILES, replay_fraction=fraction).old_rows(
        loaded, 22, [examples(OLD)], (), [examples(TASK)]
    )
    assert len(rows) == pytest.approx(fraction / (1 - fraction) * 22, abs=0.5)
    assert {row.role for row in rows} == ({"replay"} if fraction else set())
    assert all(row.item_id.startswith("replay-1/e-") for row in rows)
    notices = [event.message for event in told if isinstance(event, Notice)]
    assert notices == ([f"{len(rows)} replayed rows in a mix of {22 + len(rows)}"] if fraction else [])


def test_old_rows_and_the_bases_own_have_their_shares_together(talking: Path) -> None:
    loaded = load(talking)
    found = mitigations(loaded, replay=OLD_FILES, replay_fraction=0.25, self_replay=0.25)
    rows = found.old_rows(loaded, 30, [examples(OLD)], (), [examples(TASK)])
    old = [row for row in rows if row.item_id.startswith("replay-")]
    own = [row for row in rows if row.item_id.startswith("self-replay-")]
    assert (len(old), len(own)) == (15, 15)
    assert {row.role for row in rows} == {"replay"}
    assert found.old_rows(loaded, 30, [examples(OLD)], (), [examples(TASK)]) == rows


def test_without_old_rows_their_share_is_nothing(talking: Path) -> None:
    loaded = load(talking)
    assert mitigations(loaded).old_rows(loaded, 30, [], (), []) == []
    assert len(mitigations(loaded, self_replay=0.25).old_rows(loaded, 30, [], (), [])) == 10


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_text_of_the_base_is_for_kl_alone(tiny: Callable[..., Path], kind: str) -> None:
    loaded = load(tiny(kind))
    task = task_rows(loaded)
    assert mitigations(loaded).base_rows(loaded, task) == []
    assert mitigations(loaded, kl=0.1, kl_on="task").base_rows(loaded, task) == []
    assert mitigations(loaded, kl=0.1, kl_on="replay").base_rows(loaded, task) == []
    for share, longest in ((0.1, 16), (0.5, 16), (0.5, 64), (0.02, 64)):
        rows = mitigations(loaded, kl=0.1, kl_share=share, kl_tokens=longest).base_rows(loaded, task)
        assert max(row.learned for row in rows) <= longest
        room, drawn = sum(row.length for row in task) * share / (1 - share), sum(row.length for row in rows)
        assert len(rows) == 1 or 0.5 * room < drawn < 1.5 * room
    assert {row.role for row in rows} == {"base"}


@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_half_of_it_is_prompts_of_the_declared_abilities_with_the_bases_answers(
    tiny: Callable[..., Path], kind: str
) -> None:
    loaded = load(tiny(kind))
    task, encoder = task_rows(loaded), Encoder(loaded.tokenizer, loaded.kind, 128)
    guarded = [examples(OLD, "old"), examples([(f"name {n}", f"x {n}") for n in range(3)], "other"), []]
    prompts = [[encoder.prompt(item)[0] for item in items] for items in guarded]
    found = mitigations(loaded, kl=0.1, kl_share=0.5, kl_tokens=16)
    rows = found.base_rows(loaded, task, guarded)
    source = found.row_source(loaded, [*task, *rows])
    steps = [source.next(step, loaded) for step in range(2 * source.epoch.steps)]
    answers = [[row for row in step if row.item_id.startswith("base-answer-")] for step in steps]
    texts = [[row for row in step if row.item_id.startswith("base-text-")] for step in steps]
    for of_steps in (answers, texts):
        half = len(of_steps) // 2
        assert of_steps[:half] == of_steps[half:], "each epoch has the same"
        counts = [len(of_step) for of_step in of_steps]
        assert max(counts) - min(counts) <= 1, "spread evenly"
    tokens = [sum(row.length for of_step in of_steps for row in of_step) for of_steps in (answers, texts)]
    assert 0.4 < tokens[0] / sum(tokens) < 0.6
    if kind == "t5":
        asked = {row.ids for row in rows if row.item_id.startswith("base-answer-")}
        assert asked <= {*prompts[0], *prompts[1]}
        assert asked >= set(prompts[1]), "each ability in turn"
    for row in (row for of_step in answers for row in of_step if not row.targets):
        (span,) = row.spans
        assert span[1] == len(row.ids)
        assert any(row.ids[: len(prompt)] == prompt and span[0] < len(prompt) for prompt in (*prompts[0], *prompts[1]))


def test_few_rows_of_the_base_are_spread_over_the_training_and_weigh_as_much(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    task = task_rows(loaded) * 4
    guarded = [examples(OLD, f"ability {n}") for n in range(3)]
    found = mitigations(loaded, epochs=2.0, kl=0.1, kl_share=0.01, kl_tokens=16)
    rows = found.base_rows(loaded, task, guarded)
    asked = [row for row in rows if row.item_id.startswith("base-answer-")]
    assert len(asked) == 3, "one of each ability, however small the share"
    source = found.row_source(loaded, [*task, *rows])
    steps = [source.next(step, loaded) for step in range(2 * source.epoch.steps)]
    beside = [[row for row in step if row.role == "base"] for step in steps]
    assert [row for step in beside for row in step] == rows, "each once in the whole training"
    assert any(beside[:2])
    assert not all(beside)
    assert source.epoch.rows == len(task), "the base's text is no row of the epoch"
    objective = found.objective(loaded, [*task, *rows])
    counts = [objective.counts(of_step)[1] for of_step in steps]
    weights = [sum(row.learned for row in step) / count for step, count in zip(beside, counts, strict=True)]
    assert sum(weights) / len(steps) == pytest.approx(1.0), "the mean over the steps is that over the tokens"


def test_the_room_for_an_answer_is_set_by_its_flag(tiny: Callable[..., Path]) -> None:
    loaded = replace(load(tiny("llama")), context_length=16)
    found = mitigations(loaded, kl=0.1, kl_tokens=64)
    assert found.base_rows(loaded, task_rows(loaded)), "nobody asks for a prompt"
    with pytest.raises(ConfigError, match="leave no room") as raised:
        found.base_rows(loaded, task_rows(loaded), [examples(OLD)])
    assert "--kl-tokens 4" in str(raised.value.fix)


def test_masked_tokens_are_not_learned(talking: Path) -> None:
    loaded = load(talking)
    rows = task_rows(loaded)
    told: list[Any] = []
    masked = mitigations(loaded, told.append, token_weights="stm").learned_rows(loaded, rows)
    assert 0 < sum(row.learned for row in masked) < sum(row.learned for row in rows)
    assert [row.ids for row in masked] == [row.ids for row in rows]
    assert "are improbable and not learned" in told[0].message
    assert mitigations(loaded, token_weights="talr").learned_rows(loaded, rows) is rows


def prepared(folder: Path, method: Any) -> LoadedModel:
    loaded = load(folder)
    if isinstance(method, Full):
        loaded.model.requires_grad_(True)
    else:
        attach_adapter(loaded, method, seed=0)
    return loaded


@pytest.mark.parametrize("method", METHODS, ids=["full", "lora"])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "t5"])
def test_what_is_minimised(tiny: Callable[..., Path], kind: str, method: Any) -> None:
    loaded = prepared(tiny(kind), method)
    rows = [*task_rows(loaded)[:3], *(replace(row, role="base") for row in task_rows(loaded)[:2])]
    plain = mitigations(loaded).objective(loaded, rows)
    assert [(term.weight, term.loss, term.on) for term in plain.terms] == [
        (1.0, completion_loss, frozenset({"task", "replay"}))
    ]
    assert plain.penalties == ()
    full = mitigations(loaded, kl=0.3, l2sp=0.1, ewc=2.0, token_weights="dft").objective(loaded, rows)
    first, second = full.terms
    assert first.loss is TOKEN_LOSSES["dft"]
    assert (second.weight, second.on) == (0.3, frozenset({"base"}))
    assert isinstance(second.loss, KlToKept)
    assert second.loss.kept.keys() == {row.item_id for row in rows if row.role == "base"}
    assert [weight for weight, _ in full.penalties] == [0.1, 2.0]
    assert full.penalty(loaded.model).item() == 0.0, "nothing has moved yet"  # type: ignore[union-attr]


def test_kl_on_the_task_leaves_the_target_out(tiny: Callable[..., Path]) -> None:
    loaded = prepared(tiny("llama"), LORA)
    _, term = mitigations(loaded, kl=0.3, kl_on="task").objective(loaded, task_rows(loaded)).terms
    assert isinstance(term.loss, KlToBase)
    assert (term.loss.without_target, term.on) == (True, frozenset({"task"}))


def test_kl_holds_to_the_reference_where_there_is_one(tiny: Callable[..., Path], talking: Path) -> None:
    loaded, other = prepared(tiny("llama"), LORA), load(talking)
    found = replace(mitigations(loaded, kl=0.3, kl_on="task"), other=other)
    _, term = found.objective(loaded, task_rows(loaded)).terms
    assert isinstance(term.loss, KlToBase)
    assert term.loss.reference.model is other.model
    assert not term.loss.reference.shared
    assert not any(weight.requires_grad for weight in other.model.parameters())


def test_kl_on_replayed_rows_that_a_small_share_has_rounded_away(tiny: Callable[..., Path]) -> None:
    loaded = prepared(tiny("llama"), LORA)
    with pytest.raises(ConfigError, match="no rows are replayed") as caught:
        mitigations(loaded, kl=0.3, kl_on="replay").objective(loaded, task_rows(loaded))
    assert "--replay" in caught.value.fix
