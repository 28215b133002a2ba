"""What the loop promises: batching changes nothing, bad numbers stop it, the best weights are kept, time is kept."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from keeptune.config import Adapter, Full, ModelConfig, TrainingConfig
from keeptune.data.encode import Encoder
from keeptune.errors import NonFiniteLoss, TrainingError
from keeptune.events import Event, Notice, StepDone, ValidationDone, silent
from keeptune.inference.generate import generate
from keeptune.inference.loglikelihood import mean_loss
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.weights import trainable_weights
from keeptune.records import EncodedRow, Example, Message
from keeptune.training.checkpoint import LoopState, load_trainable, read_weights
from keeptune.workspace.workspace import Workspace
from tests.training.loops import loop_over

LETTERS = "abcdefghijkl"


def examples(count: int, offset: int = 0) -> list[Example]:
    """Answers are a fixed mapping of the prompt's letters: each moved on by one."""
    found = []
    for i in range(offset, offset + count):
        word = "".join(LETTERS[(i * 7 + j * (3 + i % 5)) % 12] for j in range(2 + i % 3))
        answer = "".join(LETTERS[(LETTERS.index(letter) + 1) % 12] for letter in word)
        found.append(Example(f"e{i}", (Message("user", word),), answer))
    return found


def ready(folder: Path, method: Full | Adapter, count: int = 32) -> tuple[LoadedModel, list[EncodedRow]]:
    loaded = load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))
    if isinstance(method, Adapter):
        attach_adapter(loaded, method, seed=0)
    else:
        loaded.model.requires_grad_(True)
    return loaded, Encoder(loaded.tokenizer, loaded.kind, 128).rows(examples(count))


def settings(**changes: Any) -> TrainingConfig:
    return dataclasses.replace(TrainingConfig(lr=0.01, epochs=2, batch_size=8, checkpoint_minutes=1e9), **changes)


def weights(loaded: LoadedModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainable_weights(loaded.model).items()}


LORA = Adapter(rank=4, dropout=0.0)


@pytest.mark.parametrize("method", [Full(), LORA], ids=["full", "lora"])
def test_a_learning_rate_of_zero_is_the_base(tiny: Callable[..., Path], tmp_path: Path, method: Any) -> None:
    loaded, rows = ready(tiny("llama"), method)
    before = weights(loaded)
    state = loop_over(loaded, rows, settings(lr=0.0), tmp_path, "f", silent)()
    assert state.step == 8
    after = weights(loaded)
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("kind", ["llama", "t5"])
@pytest.mark.parametrize("method", [Full(), LORA], ids=["full", "lora"])
def test_accumulation_changes_nothing(tiny: Callable[..., Path], tmp_path: Path, kind: str, method: Any) -> None:
    found = []
    for budget in (1, 60, 1 << 20):
        loaded, rows = ready(tiny(kind), method)
        # In float64: Adam divides by tiny gradients, which blows the rounding of float32 up to whole steps.
        loaded.model.double()
        config = settings(token_budget=budget)
        state = loop_over(loaded, rows, config, tmp_path / str(budget), "f", silent)()
        found.append((state.loss_curve, weights(loaded), state.tokens, state.completion_tokens))
    one = found[0]
    for other in found[1:]:
        assert [loss for _, loss in other[0]] == pytest.approx([loss for _, loss in one[0]], abs=1e-5)
        for name, tensor in one[1].items():
            assert torch.allclose(other[1][name], tensor, rtol=0, atol=1e-9), name
        assert other[2:] == one[2:]
    assert one[3] == 2 * sum(row.learned for row in rows)


def test_a_loss_is_the_mean_over_the_tokens_of_the_step(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded, rows = ready(tiny("llama"), Full(), count=8)
    before = mean_loss(loaded, rows, 1 << 20)
    state = loop_over(loaded, rows, settings(epochs=1), tmp_path, "f", silent)()
    assert state.loss_curve == ((1, pytest.approx(before, rel=1e-5)),)


@pytest.mark.parametrize("method", [Full(), LORA], ids=["full", "lora"])
def test_a_loss_that_is_no_number_stops_the_run(tiny: Callable[..., Path], tmp_path: Path, method: Any) -> None:
    loaded, rows = ready(tiny("llama"), method)
    poisoned = 5

    def poison(event: Event, /) -> None:
        if isinstance(event, StepDone) and event.step == poisoned - 1:
            with torch.no_grad():
                next(p for p in loaded.model.parameters() if p.requires_grad).fill_(math.nan)

    with pytest.raises(NonFiniteLoss) as caught:
        loop_over(loaded, rows, settings(checkpoint_minutes=0), tmp_path, "f", poison)()
    assert caught.value.step == poisoned
    assert len(caught.value.item_ids) > 0
    assert set(caught.value.item_ids) <= {row.item_id for row in rows}
    assert re.search(r"the (loss|norm of the gradient) became nan at step 5, on items e\d+, ", str(caught.value))
    assert "--lr" in caught.value.fix
    kept = [step for step, _ in Workspace(tmp_path).checkpoints()]
    assert kept == [3, 4]
    assert not any(tensor.isnan().any() for tensor in read_weights(tmp_path / "checkpoint-3").values())


def test_the_time_budget_ends_a_run_with_its_schedule(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, rows = ready(tiny("llama"), LORA)
    clock = iter(range(1 << 20))
    monkeypatch.setattr("keeptune.training.loop.time", SimpleNamespace(monotonic=lambda: float(next(clock)) * 0.5))
    told: list[StepDone] = []
    observer = lambda event: told.append(event) if isinstance(event, StepDone) else None  # noqa: E731
    loop = loop_over(loaded, rows, settings(epochs=1000, max_minutes=2.0), tmp_path, "f", observer)
    state = loop()
    assert 10 < state.step < loop.steps == 4000
    assert state.seconds >= 120
    assert state.seconds < 125
    rates = [event.lr for event in told]
    assert max(rates) == pytest.approx(0.01, rel=0.02)
    assert rates[-1] < 0.01 * 0.01
    assert rates.index(max(rates)) < len(rates) / 4
    assert Workspace(tmp_path).checkpoints()[-1][0] == state.step
    assert told[0].seconds_left <= 120


def test_time_before_the_first_step_is_no_part_of_the_schedule(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, rows = ready(tiny("llama"), LORA)
    now = [0.0]

    def later() -> float:
        now[0] += 0.5
        return now[0]

    monkeypatch.setattr("keeptune.training.loop.time", SimpleNamespace(monotonic=later))
    told: list[Any] = []
    loop = loop_over(loaded, rows, settings(epochs=1000, max_minutes=2.0), tmp_path, "f", told.append)

    def slow() -> tuple[float, dict[str, float]]:
        now[0] += 70.0 if not any(isinstance(event, StepDone) for event in told) else 0.0
        return 1.0, {"loss": 1.0}

    loop.validate = slow
    loop()
    rates = [event.lr for event in told if isinstance(event, StepDone)]
    assert rates[0] < 0.01 / 4, "the rate rises from the beginning, however late that is"
    assert max(rates) == pytest.approx(0.01, rel=0.05)
    assert [event.message for event in told if isinstance(event, Notice) and event.kind == "time"] == [
        "1.2 of the 2 minutes passed before the first step: raise --max-minutes"
    ]


def test_a_validation_loss_that_is_no_number_chooses_nothing(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded, rows = ready(tiny("llama"), LORA)
    losses = iter([math.nan, math.nan, 2.0, math.inf, *[3.0] * 100])
    told: list[Any] = []
    loop = loop_over(loaded, rows, settings(epochs=4, validations_per_epoch=1), tmp_path, "f", told.append)
    loop.validate = lambda: (loss := next(losses), {"loss": loss})
    state = loop()
    assert state.best_score == 2.0
    assert [loss for _, loss in state.validation_curve] == [2.0, 3.0]
    assert sum("these weights are not chosen" in event.message for event in told if isinstance(event, Notice)) == 3


def overfit(folder: Path, run: Path, score: Callable[[int, float], float]) -> tuple[LoadedModel, Any, list[Any]]:
    """A run that learns 16 rows by heart, validated on rows of another rule; `score` of (validation, loss) selects."""
    loaded, rows = ready(folder, Full(), count=16)
    other = [dataclasses.replace(e, completion=e.completion[::-1] + "x") for e in examples(16, offset=500)]
    validation = Encoder(loaded.tokenizer, loaded.kind, 128).rows(other)
    seen: list[Any] = []

    def validate() -> tuple[float, dict[str, float]]:
        loss = mean_loss(loaded, validation, 1 << 20)
        seen.append((loss, weights(loaded)))
        return score(len(seen), loss), {"loss": loss}

    told: list[Any] = []
    observer = lambda event: told.append(event) if isinstance(event, ValidationDone) else None  # noqa: E731
    loop = loop_over(loaded, rows, settings(epochs=20), run, "f", observer, validate)
    state = loop()
    assert [event.step for event in told] == [0, *range(2, 41, 2)]
    assert [event.step for event in told if event.best][-1] == state.best_step
    return loaded, state, seen


def test_the_best_weights_are_kept_not_the_last(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded, state, seen = overfit(tiny("llama"), tmp_path, lambda _, loss: loss)
    losses = dict(state.validation_curve)
    assert 0 < state.best_step < state.step, "the run did not overfit"
    assert losses[state.best_step] == min(loss for step, loss in losses.items() if step > 0) == state.best_score
    expected = seen[state.best_step // 2][1]
    assert all(torch.equal(tensor, expected[name]) for name, tensor in weights(loaded).items())
    assert not all(torch.equal(tensor, seen[-1][1][name]) for name, tensor in weights(loaded).items())
    kept = read_weights(Workspace(tmp_path).best(state.best_step))
    assert all(torch.equal(tensor, kept[name]) for name, tensor in weights(loaded).items())


@pytest.mark.parametrize(("cut_off", "best"), [(8, 6), (2, 0)])
def test_a_start_cut_off_before_its_checkpoint_leaves_the_best_weights_of_the_one_before(
    tiny: Callable[..., Path], tmp_path: Path, cut_off: int, best: int
) -> None:
    """Those that the checkpoint names, where the next start ends before it finds better ones."""
    run = Workspace(tmp_path)
    at: dict[int, dict[str, torch.Tensor]] = {}

    def start(**changes: Any) -> tuple[LoadedModel, LoopState]:
        loaded, rows = ready(tiny("llama"), Full(), count=16)
        scores = iter(range(0, -100, -1))

        def cut(event: Event, /) -> None:
            if isinstance(event, ValidationDone):
                at[event.step] = weights(loaded)
                if event.step == cut_off:
                    raise KeyboardInterrupt

        loop = loop_over(
            loaded, rows, settings(epochs=20, **changes), tmp_path, "f", cut, lambda: (next(scores), {"loss": 1.0})
        )
        return loaded, loop()

    with pytest.raises(KeyboardInterrupt):
        start()
    assert [step for step, _ in run.bests()][-1] == cut_off
    loaded, state = start(max_minutes=1e-9)
    assert state.best_step == (best or state.step)
    assert state.best_step < cut_off
    assert [step for step, _ in run.bests()][-1] == state.best_step
    assert all(torch.equal(tensor, at[state.best_step][name]) for name, tensor in weights(loaded).items())


def test_the_score_selects_whatever_the_loss_says(tiny: Callable[..., Path], tmp_path: Path) -> None:
    # The untrained model has the best score of all, and is no candidate.
    _, state, seen = overfit(tiny("llama"), tmp_path, lambda call, _: -9.0 if call == 1 else abs(call - 18))
    assert (state.best_step, state.best_score) == (34, 0)
    assert len(seen) == 21


def test_without_validation_the_last_weights_stay(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded, rows = ready(tiny("llama"), LORA)
    state = loop_over(loaded, rows, settings(), tmp_path, "f", silent)()
    assert (state.best_step, state.validation_curve) == (0, ())
    assert not (tmp_path / "best").exists()
    last = read_weights(Workspace(tmp_path).checkpoints()[-1][1])
    assert all(torch.equal(tensor, last[name]) for name, tensor in weights(loaded).items())
    with torch.no_grad():
        for parameter in loaded.model.parameters():
            parameter.zero_()
    load_trainable(loaded.model, last, tmp_path)
    assert all(torch.equal(tensor, last[name]) for name, tensor in weights(loaded).items())


@pytest.mark.parametrize(
    ("kind", "method", "lr"),
    [
        ("t5", Full(), 0.01),
        ("t5", Adapter(rank=16, dropout=0.0), 0.03),
        ("llama", Full(), 0.01),
        ("gpt2", Full(), 0.01),
    ],
    ids=["t5-full", "t5-lora", "llama-full", "gpt2-full"],
)
def test_a_rule_is_learned(tiny: Callable[..., Path], tmp_path: Path, kind: str, method: Any, lr: float) -> None:
    loaded, _ = ready(tiny(kind), method)
    encoder = Encoder(loaded.tokenizer, loaded.kind, 128)
    rows = [e for e in examples(400) if len(e.completion) == 2][:64]
    unique = list({example.prompt: example for example in rows}.values())
    before = mean_loss(loaded, encoder.rows(unique), 1 << 20)
    config = settings(lr=lr, epochs=40, batch_size=16)
    loop_over(loaded, encoder.rows(rows), config, tmp_path, "f", silent)()
    after = mean_loss(loaded, encoder.rows(unique), 1 << 20)
    assert before > 4
    # An adapter of a random model has to work around layers that mean nothing.
    assert after < before * (0.25 if isinstance(method, Full) else 0.45)
    if isinstance(method, Full):
        answers = generate(loaded, [encoder.prompt(example)[0] for example in unique], 4, 1 << 20)
        right = sum(a.text == e.completion for a, e in zip(answers, unique, strict=True))
        assert right > 0.6 * len(unique)


def test_what_cannot_begin_is_refused(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded, rows = ready(tiny("llama"), LORA)
    with pytest.raises(TrainingError, match="no row to train on"):
        loop_over(loaded, [], settings(), tmp_path, "f", silent)
    with pytest.raises(TrainingError, match="must be resolved"):
        loop_over(loaded, rows, settings(lr=None), tmp_path, "f", silent)


@pytest.mark.parametrize("longest", [0.01, 1e6])
def test_a_long_gradient_is_cut(tiny: Callable[..., Path], tmp_path: Path, longest: float) -> None:
    loaded, rows = ready(tiny("llama"), LORA, 8)
    norms: list[float] = []

    def hear(event: Event, /) -> None:
        if isinstance(event, StepDone):
            norms.append(event.grad_norm)

    loop_over(loaded, rows, settings(epochs=1, max_grad_norm=longest), tmp_path, "x", hear)()
    # After the first step, AdamW's mean is a tenth of the gradient that it was given.
    kept = load_file(Workspace(tmp_path).checkpoints()[-1][1] / "optimizer.safetensors")
    means = [tensor.flatten() for name, tensor in kept.items() if name.endswith("exp_avg")]
    assert float(torch.cat(means).norm()) * 10 == pytest.approx(min(norms[0], longest), rel=1e-3)
