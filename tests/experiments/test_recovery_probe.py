"""The recovery probe on tiny models."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from keeptune.assessment import recovery_probe as study
from keeptune.assessment.recovery_probe import Side, recovery_probe
from keeptune.config import Adapter, DataConfig, ModelConfig
from keeptune.exports.save import save_tuned
from keeptune.inference.encoding import make_encoder
from keeptune.inference.evaluator import load_for_inference
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import load_model
from keeptune.records import Ability, Example, Interval, Message, Undefined
from keeptune.workspace.workspace import Workspace
from tests.api.runs import CPU


def colours(count: int, start: int = 0) -> tuple[Example, ...]:
    """Questions with one answer for all: learnable in a few steps."""
    return tuple(
        Example(f"c{n}", (Message("user", f"colour {n}?"),), "red", ("red",), ("red", "blue"))
        for n in range(start, start + count)
    )


def ability(items: int, dev: int = 0) -> Ability:
    return Ability(
        name="colours",
        title="colours",
        source="yours",
        version="1",
        output_type="loss",
        metrics=("token_loss",),
        items=colours(items),
        dev=colours(dev, start=1000),
    )


@pytest.fixture
def sides(tiny: Callable[..., Path]) -> tuple[Side, Side]:
    def side(kind: str) -> Side:
        config = ModelConfig(name=str(tiny(kind)), **CPU)
        return Side(partial(load_for_inference, config), make_encoder(config, DataConfig()), 4096)

    return side("llama"), side("plain-llama")


def test_the_same_model_on_both_sides_recovers_nothing_more(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "DRAWS", 2)
    found = recovery_probe(sides[0], sides[0], ability(12, dev=12))
    assert isinstance(found.recovery, Interval)
    assert isinstance(found.control, Interval)
    assert (found.recovery.low, found.recovery.high) == (0.0, 0.0)
    assert (found.control.low, found.control.high) == (0.0, 0.0)


def test_the_steps_teach_and_the_difference_is_told(sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "DRAWS", 2)
    found = recovery_probe(sides[0], sides[1], ability(12, dev=12))
    assert isinstance(found.recovery, Interval)
    assert found.recovery.estimate != 0.0
    assert found.recovery.low < found.recovery.estimate < found.recovery.high
    assert found.recovery.level == study.LEVEL


def test_verdict_items_that_are_not_scored_serve_where_there_is_no_dev(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "DRAWS", 2)
    monkeypatch.setattr(study, "SCORED", 10)
    assert isinstance(recovery_probe(sides[0], sides[0], ability(20)).recovery, Interval)
    found = recovery_probe(sides[0], sides[0], ability(14)).recovery
    assert isinstance(found, Undefined)
    assert "only 4 old examples" in found.reason


def test_few_items_give_no_interval(sides: tuple[Side, Side]) -> None:
    found = recovery_probe(sides[0], sides[1], ability(6, dev=12)).recovery
    assert isinstance(found, Undefined)
    assert "only 6 clusters" in found.reason


def test_nothing_is_trained_beside_a_soft_prompt(
    sides: tuple[Side, Side], tiny: Callable[..., Path], tmp_path: Path
) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), **CPU))
    attach_adapter(loaded, Adapter(kind="prompt"), 0)
    config = ModelConfig(name=str(save_tuned(loaded, Workspace(tmp_path))), **CPU)
    prompted = Side(partial(load_for_inference, config), make_encoder(config, DataConfig()), 4096)
    found = recovery_probe(sides[0], prompted, ability(12, dev=12))
    assert isinstance(found.recovery, Undefined)
    assert "virtual tokens" in found.recovery.reason


def test_nothing_is_trained_beside_an_adapter_that_stays_one(
    sides: tuple[Side, Side], tiny: Callable[..., Path], tmp_path: Path
) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), **CPU))
    attach_adapter(loaded, Adapter(rank=4), 0)
    config = ModelConfig(name=str(save_tuned(loaded, Workspace(tmp_path))), **CPU)
    beside = Side(partial(load_model, config), make_encoder(config, DataConfig()), 4096)
    found = recovery_probe(sides[0], beside, ability(12, dev=12))
    assert isinstance(found.recovery, Undefined)
    assert "stays beside" in found.recovery.reason
