"""The default ladder by method and by what there is to replay; a rung as settings, its cost, and what it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keeptune.config import Adapter, Full, Keep, LadderConfig, MeasureConfig, MendConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.candidates import (
    DIALS,
    PLAIN,
    ROUTE,
    cost_of,
    dial_of,
    refuse_other_remedies,
    rung_config,
    rungs_of,
    training_of,
)
from keeptune.mitigation.table import MITIGATIONS, apply_mitigations

OLD = MendConfig(replay=("old.jsonl",))
REPLAYS = (
    "replay=0.05",
    "replay=0.05+dial=0.75",
    "replay=0.05+dial=0.5",
    "replay=0.25",
    "replay=0.25+dial=0.75",
    "replay=0.25+dial=0.5",
)
SELF_REPLAY = ("self-replay=0.1", "self-replay=0.1+dial=0.75", "self-replay=0.1+dial=0.5")
KL = ("kl=0.5", "kl=0.5+dial=0.75", "kl=0.5+dial=0.5")
ALWAYS = ("smaller=0.3", *SELF_REPLAY, *KL)
BOTH = ("replay=0.25+kl=0.5", "replay=0.25+kl=0.5+dial=0.75", "replay=0.25+kl=0.5+dial=0.5")


def auto(method: Any = None, mend: MendConfig | None = None, **ladder: Any) -> TuneConfig:
    measure = MeasureConfig(keep=(Keep("facts"),), dev_fraction=0.3)
    ladder_config = LadderConfig(auto=True, **ladder)
    return TuneConfig(
        method=method or Adapter(), mend=mend or MendConfig(), measure=measure, ladder=ladder_config, output="run"
    )


@pytest.mark.parametrize(
    ("config", "rungs"),
    [
        (auto(), (*DIALS, *ALWAYS)),
        (auto(can_route=True), (ROUTE, *DIALS, *ALWAYS)),
        (auto(mend=OLD), (*DIALS, *REPLAYS, *ALWAYS, *BOTH)),
        (auto(Full()), (*DIALS, "lora", *ALWAYS)),
        (auto(Full(), can_route=True), (*DIALS, "lora", *ALWAYS)),
        (auto(Full(), OLD), (*DIALS, "lora", *REPLAYS, *ALWAYS, *BOTH)),
        (auto(Adapter(kind="prompt")), ("smaller=0.3", "self-replay=0.1", "kl=0.5")),
        (auto(Adapter(kind="pissa")), (*DIALS, "smaller=0.3", *SELF_REPLAY)),
    ],
    ids=["adapter", "route", "replay", "full", "full-route", "full-replay", "no-weights-to-dial", "base-divided"],
)
def test_the_default_ladder(config: TuneConfig, rungs: tuple[str, ...]) -> None:
    assert rungs_of(config) == rungs


def test_the_users_own_ladder() -> None:
    assert rungs_of(auto(rungs=("kl=1", "dial=0.9"))) == ("kl=1", "dial=0.9")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (auto(rungs=("dial=0.5", "reply=0.05")), "did you mean replay"),
        (auto(rungs=("replay=0.05",)), "replay needs rows of old tasks"),
        (auto(Adapter(kind="prompt"), rungs=("dial=0.5",)), "--dial takes a share"),
        (auto(rungs=("dora+l2sp=0.1",)), "--l2sp is a penalty"),
    ],
)
def test_a_rung_that_cannot_be_is_refused_before_the_climb(config: TuneConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rungs_of(config)


def test_a_method_that_needs_old_rows_begins_no_ladder() -> None:
    with pytest.raises(ConfigError, match="without any remedy: corda needs rows"):
        rungs_of(auto(Adapter(kind="corda"), OLD))
    told_only = replace(auto(Adapter(kind="corda"), OLD), ladder=LadderConfig())
    assert "replay=0.05" in rungs_of(told_only)


def test_every_rung_is_a_run_of_its_own() -> None:
    config = auto(Full(), OLD)
    for rung in (PLAIN, ROUTE, *rungs_of(config)):
        found = rung_config(rung, config)
        assert found.ladder == LadderConfig()
        assert found.measure == replace(config.measure, extent="none")
        assert found.training.lr == config.training.lr
        assert bool(found.mend.replay) == ("replay=" in rung and "self" not in rung)


def test_plain_and_route_are_one_training() -> None:
    config = auto(mend=OLD)
    assert rung_config(PLAIN, config) == rung_config(ROUTE, config)
    assert rung_config(PLAIN, config).mend == MendConfig()


def test_a_rung_changes_what_it_names() -> None:
    config = auto(Full(), OLD)
    found = rung_config("replay=0.25+kl=0.5", config)
    assert found.mend == replace(OLD, replay_fraction=0.25, kl=0.5)
    assert rung_config("lora", config).method == Adapter()
    assert rung_config("smaller=0.3", config).training.lr_factor == 0.3


@pytest.mark.parametrize(
    ("rung", "training"),
    [
        (PLAIN, PLAIN),
        (ROUTE, PLAIN),
        ("dial=0.5", PLAIN),
        ("dial", PLAIN),
        ("full+dial=0.5", "full"),
        ("replay=0.05 + dial=0.5 + kl=1", "replay=0.05+kl=1"),
    ],
)
def test_which_training_a_rung_uses(rung: str, training: str) -> None:
    assert training_of(rung) == training


@pytest.mark.parametrize(
    ("rung", "share"), [(PLAIN, 1.0), ("replay=0.05", 1.0), ("dial", 0.5), ("replay=0.05 + dial=0.25", 0.25)]
)
def test_the_share_that_a_rung_keeps(rung: str, share: float) -> None:
    assert dial_of(rung) == share


@pytest.mark.parametrize(
    ("rung", "cost"),
    [
        (PLAIN, "the training itself"),
        (ROUTE, "nothing"),
        ("dial=0.5", "evaluation only"),
        ("replay=0.25 + kl=0.5", "more rows, a forward pass a row"),
    ],
)
def test_the_cost_in_words(rung: str, cost: str) -> None:
    assert cost_of(rung) == cost


def test_every_mitigation_has_a_cost() -> None:
    for name in MITIGATIONS:
        assert cost_of(name)
        assert apply_mitigations(name, auto(mend=OLD))


def test_a_rung_starts_without_the_settings_of_other_remedies() -> None:
    old = MendConfig(replay=("old.jsonl",), kl=0.5, kl_on="task", dial=0.5, self_replay_prompts="prompts.txt")
    config = auto(Full(), old)
    assert rung_config(PLAIN, config).mend == MendConfig()
    assert rung_config("replay=0.05", config).mend == MendConfig(
        replay=("old.jsonl",), replay_fraction=0.05, kl_on="task", self_replay_prompts="prompts.txt"
    )


@pytest.mark.parametrize(
    ("given", "rung"),
    [
        ({"kl": 0.3}, "kl=0.3"),
        ({"freeze": 0.5}, "freeze=0.5"),
        ({"token_weights": "stm"}, "token-weights=stm"),
        ({"replay": ("old.jsonl",), "replay_fraction": 0.3}, "replay=0.3"),
        ({"dial": 0.5}, "dial=0.5"),
    ],
)
def test_a_remedy_beside_the_ladder_is_refused_and_made_a_rung(given: dict[str, Any], rung: str) -> None:
    with pytest.raises(ConfigError, match=f"--rungs {rung}, or"):
        refuse_other_remedies(auto(Full(), MendConfig(**given)))
    kept = MendConfig(replay=("old.jsonl",), kl_on="task", self_replay_prompts="prompts.txt", reference="base")
    refuse_other_remedies(auto(Full(), kept))


@pytest.mark.parametrize(("method", "allowed"), [(Adapter(), False), (Full(), True)])
def test_route_is_a_rung_only_where_it_can_be(method: Any, allowed: bool) -> None:
    with pytest.raises(ConfigError, match="route is a rung only"):
        rungs_of(auto(method, rungs=("route",), can_route=allowed))
