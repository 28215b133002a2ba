"""The default mitigation search by method and by what there is to replay; a candidate as settings, its cost, and what
it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keeptune.config import Adapter, Full, Keep, MeasureConfig, MitigationConfig, MitigationSearchConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.candidates import candidate_config, candidates_of, refuse_other_mitigations
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.spec import PLAIN, ROUTE, parse

OLD = MitigationConfig(replay=("old.jsonl",))
HELD, SELF_REPLAY, LORA, REPLAY = "kl=3", "self-replay=0.2+kl=3", "lora+kl=3", "replay=0.05+kl=3"


def auto(method: Any = None, mitigation: MitigationConfig | None = None, **mitigation_search: Any) -> TuneConfig:
    measure = MeasureConfig(keep=(Keep("facts"),), dev_fraction=0.3)
    mitigation_search_config = MitigationSearchConfig(auto=True, **mitigation_search)
    return TuneConfig(
        method=method or Adapter(),
        mitigation=mitigation or MitigationConfig(),
        measure=measure,
        mitigation_search=mitigation_search_config,
        output="run",
    )


@pytest.mark.parametrize(
    ("config", "candidates"),
    [
        (auto(), (HELD, SELF_REPLAY)),
        (auto(can_route=True), ("plain", "route", HELD, SELF_REPLAY)),
        (auto(mitigation=OLD), (HELD, REPLAY, SELF_REPLAY)),
        (auto(mitigation=MitigationConfig(plain=True)), ("plain", HELD, SELF_REPLAY)),
        (auto(Full()), (HELD, SELF_REPLAY, LORA)),
        (auto(Full(), can_route=True), (HELD, SELF_REPLAY, LORA)),
        (auto(Full(), OLD), (HELD, REPLAY, SELF_REPLAY, LORA)),
        (auto(Adapter(kind="prompt")), (HELD, SELF_REPLAY)),
        (auto(Adapter(kind="pissa")), ("plain", "self-replay=0.2")),
    ],
    ids=["adapter", "route", "replay", "plain", "full", "full-route", "full-replay", "soft-prompt", "base-divided"],
)
def test_the_default_mitigation_search(config: TuneConfig, candidates: tuple[str, ...]) -> None:
    assert tuple(map(str, candidates_of(config))) == candidates


def test_the_users_own_mitigation_search() -> None:
    found = candidates_of(auto(candidates=("kl=3", "interpolation=0.9")))
    assert found == (PLAIN, parse("kl=3"), parse("interpolation=0.9"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (auto(candidates=("interpolation=0.5", "reply=0.05")), "did you mean replay"),
        (auto(candidates=("replay=0.05",)), "replay needs rows of old tasks"),
        (auto(Adapter(kind="prompt"), candidates=("interpolation=0.5",)), "--interpolation scales"),
        (auto(candidates=("dora+l2sp=0.1",)), "--l2sp is a penalty"),
    ],
)
def test_a_candidate_that_cannot_be_is_refused_before_the_search(config: TuneConfig, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        candidates_of(config)


def test_a_method_that_needs_old_rows_begins_no_mitigation_search() -> None:
    with pytest.raises(ConfigError, match="without any mitigation: corda needs rows"):
        candidates_of(auto(Adapter(kind="corda"), OLD))
    told_only = replace(auto(Adapter(kind="corda"), OLD), mitigation_search=MitigationSearchConfig())
    assert parse("replay=0.05") in candidates_of(told_only)


def test_every_candidate_is_a_run_of_its_own() -> None:
    config = auto(Full(), OLD)
    for candidate in (PLAIN, ROUTE, parse("replay=0.05"), *candidates_of(config)):
        found = candidate_config(candidate, config)
        assert found.mitigation_search == MitigationSearchConfig()
        assert found.measure == replace(config.measure, extent="none")
        assert found.training.lr == config.training.lr
        assert bool(found.mitigation.replay) == ("replay" in [part.name for part in candidate.parts])


def test_plain_and_route_are_one_training() -> None:
    config = auto(mitigation=OLD)
    assert candidate_config(PLAIN, config) == candidate_config(ROUTE, config)
    assert candidate_config(PLAIN, config).mitigation == MitigationConfig(plain=True)


def test_a_candidate_changes_what_it_names() -> None:
    config = auto(Full(), OLD)
    found = candidate_config(parse("replay=0.25+kl=0.5"), config)
    assert found.mitigation == replace(OLD, plain=True, replay_fraction=0.25, kl=0.5)
    assert candidate_config(parse("lora"), config).method == Adapter()
    assert candidate_config(parse("smaller=0.3"), config).training.lr_factor == 0.3


@pytest.mark.parametrize(
    ("candidate", "training"),
    [
        ("plain", "plain"),
        ("route", "plain"),
        ("interpolation=0.5", "plain"),
        ("interpolation", "plain"),
        ("full+interpolation=0.5", "full"),
        ("replay=0.05 + interpolation=0.5 + kl=3", "replay=0.05+kl=3"),
    ],
)
def test_which_training_a_candidate_uses(candidate: str, training: str) -> None:
    assert parse(candidate).training == parse(training)


@pytest.mark.parametrize(
    ("candidate", "share"),
    [("plain", 1.0), ("replay=0.05", 1.0), ("interpolation", 0.5), ("replay=0.05 + interpolation=0.25", 0.25)],
)
def test_the_share_that_a_candidate_keeps(candidate: str, share: float) -> None:
    assert parse(candidate).alpha == share


@pytest.mark.parametrize(
    ("candidate", "cost"),
    [
        ("plain", "the training itself"),
        ("route", "nothing"),
        ("interpolation=0.5", "evaluation only"),
        (
            "replay=0.25 + kl=0.5",
            "more rows, text of the base, its rows beside the task's, and a copy of the trained weights",
        ),
    ],
)
def test_the_cost_in_words(candidate: str, cost: str) -> None:
    assert parse(candidate).cost == cost


def test_every_mitigation_has_a_cost() -> None:
    for name in MITIGATIONS:
        assert parse(name).cost
        assert parse(name).apply(auto(mitigation=OLD))


def test_a_candidate_starts_without_the_settings_of_other_mitigations() -> None:
    old = MitigationConfig(
        replay=("old.jsonl",), kl=0.5, kl_on="task", interpolation=0.5, self_replay_prompts="prompts.txt"
    )
    config = auto(Full(), old)
    assert candidate_config(PLAIN, config).mitigation == MitigationConfig(plain=True)
    assert candidate_config(parse("replay=0.05"), config).mitigation == MitigationConfig(
        plain=True, replay=("old.jsonl",), replay_fraction=0.05, kl_on="task", self_replay_prompts="prompts.txt"
    )


@pytest.mark.parametrize(
    ("given", "candidate"),
    [
        ({"kl": 0.3}, "kl=0.3"),
        ({"freeze": 0.5}, "freeze=0.5"),
        ({"token_weights": "stm"}, "token-weights=stm"),
        ({"replay": ("old.jsonl",), "replay_fraction": 0.3}, "replay=0.3"),
        ({"interpolation": 0.5}, "interpolation=0.5"),
    ],
)
def test_a_mitigation_beside_the_mitigation_search_is_refused_and_made_a_candidate(
    given: dict[str, Any], candidate: str
) -> None:
    with pytest.raises(ConfigError, match=f"--candidates {candidate}, or"):
        refuse_other_mitigations(auto(Full(), MitigationConfig(**given)))
    with pytest.raises(ConfigError, match="leave it out: the search"):
        refuse_other_mitigations(auto(Full(), MitigationConfig(interpolation="auto")))
    kept = MitigationConfig(replay=("old.jsonl",), kl_on="task", self_replay_prompts="prompts.txt", reference="base")
    refuse_other_mitigations(auto(Full(), kept))


@pytest.mark.parametrize(("method", "allowed"), [(Adapter(), False), (Full(), True)])
def test_route_is_a_candidate_only_where_it_can_be(method: Any, allowed: bool) -> None:
    with pytest.raises(ConfigError, match="route is a candidate only"):
        candidates_of(auto(method, candidates=("route",), can_route=allowed))
