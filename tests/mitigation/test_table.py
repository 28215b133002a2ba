"""Each row of the table applies, alone and with others; what is no row, or no value, is said."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from keeptune.config import Adapter, Full, MitigationConfig, TrainingConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.table import MITIGATIONS, apply_mitigations
from keeptune.models.adapters import METHODS

OLD = ("old.jsonl",)
CONFIG = TuneConfig(method=Adapter(rank=7, alpha=9), mitigation=MitigationConfig(replay=OLD))
MITIGATION = {
    "interpolation": {"interpolation": 0.5},
    "freeze": {"freeze": 0.5},
    "token-weights": {"token_weights": "talr"},
    "self-replay": {"self_replay": 0.1},
    "kl": {"kl": 0.5},
    "kl-task": {"kl": 0.5, "kl_on": "task"},
    "kl-replay": {"kl": 0.5, "kl_on": "replay", "replay": OLD},
    "l2sp": {"l2sp": 0.01},
    "ewc": {"ewc": 10.0},
    "replay": {"replay": OLD, "replay_fraction": 0.05},
}
"""What each row sets where no value is given."""


@pytest.mark.parametrize("name", MITIGATION)
def test_a_row_sets_its_own_field_and_no_other(name: str) -> None:
    assert apply_mitigations(name, CONFIG) == replace(CONFIG, mitigation=MitigationConfig(**MITIGATION[name]))


def test_every_row_is_known_here() -> None:
    assert set(MITIGATIONS) == {*MITIGATION, *METHODS, "accept", "full", "smaller"}
    assert {row.name for row in MITIGATIONS.values()} == set(MITIGATIONS)
    assert all(row.source.startswith("arXiv:") for name, row in MITIGATIONS.items() if name in METHODS)


def test_a_value_in_the_place_of_the_default() -> None:
    assert apply_mitigations("kl=0.25", CONFIG).mitigation.kl == 0.25
    assert apply_mitigations("l2sp=1e-3", CONFIG).mitigation.l2sp == 1e-3
    assert apply_mitigations("token-weights=dft", CONFIG).mitigation.token_weights == "dft"


@pytest.mark.parametrize("name", METHODS)
def test_a_method_keeps_the_adapters_other_settings(name: str) -> None:
    assert apply_mitigations(name, CONFIG).method == Adapter(kind=name, rank=7, alpha=9)
    assert apply_mitigations(name, replace(CONFIG, method=Full())).method == Adapter(kind=name)


def test_full_and_accept() -> None:
    assert apply_mitigations("full", CONFIG).method == Full()
    assert apply_mitigations("accept", CONFIG) == replace(CONFIG, mitigation=MitigationConfig())


def test_a_smaller_step_makes_smaller_what_is_there() -> None:
    config = replace(CONFIG, training=TrainingConfig(lr_factor=0.5))
    assert apply_mitigations("smaller=0.5", config).training.lr_factor == 0.25
    assert apply_mitigations("smaller", config).training.lr_factor == pytest.approx(0.15)


def test_several_joined() -> None:
    found = apply_mitigations("full + replay=0.1 + kl=0.2 + interpolation=0.75", CONFIG)
    assert found.method == Full()
    assert found.mitigation == MitigationConfig(replay=OLD, replay_fraction=0.1, kl=0.2, interpolation=0.75)


def test_old_data_is_mixed_in_only_where_it_is_named() -> None:
    for name, row in MITIGATIONS.items():
        assert bool(apply_mitigations(name, CONFIG).mitigation.replay) == (row.needs == "old data"), name


@pytest.mark.parametrize("name", [name for name, row in MITIGATIONS.items() if row.needs == "old data"])
def test_old_data_that_is_missing(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} needs rows of old tasks") as caught:
        apply_mitigations(name, TuneConfig())
    assert "--replay" in caught.value.fix


@pytest.mark.parametrize(
    ("specification", "message", "fix"),
    [
        ("repaly=0.1", "no mitigation 'repaly' in 'repaly=0.1'", "did you mean replay?"),
        ("full+dail=0.5", "no mitigation 'dail'", "did you mean interpolation?"),
        ("", "no mitigation ''", "One of: accept, full, lora"),
        ("kl+", "no mitigation ''", "One of: accept"),
        ("kl=much", "kl in 'kl=much' is 'much', not a number", "give a number, at least 0"),
        ("full=1", "full in 'full=1' takes no value", "write full alone"),
        ("interpolation=1.5", "interpolation in 'interpolation=1.5' is 1.5", "at most 1"),
        ("kl=nan", "kl in 'kl=nan' is 'nan', not a number", "at least 0"),
        ("smaller=0", "smaller in 'smaller=0' is 0", "more than 0"),
        ("token-weights=stn", "token-weights in 'token-weights=stn' cannot be 'stn'", "did you mean stm?"),
    ],
)
def test_what_is_no_specification(specification: str, message: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        apply_mitigations(specification, CONFIG)
    assert message in str(caught.value)
    assert fix in caught.value.fix


def test_corda_keeps_the_rows_that_it_measures() -> None:
    old = replace(CONFIG, mitigation=MitigationConfig(replay=("old.jsonl",)))
    assert apply_mitigations("corda", old).mitigation.replay == ("old.jsonl",)
    assert apply_mitigations("lora", old).mitigation.replay == ()


def of(kind: str, **mitigation: Any) -> TuneConfig:
    old = {"replay": ("old.jsonl",)} if kind == "corda" else {}
    return TuneConfig(
        method=Full() if kind == "full" else Adapter(kind=kind), mitigation=MitigationConfig(**{**old, **mitigation})
    )


@pytest.mark.parametrize("kind", ["full", *METHODS])
def test_what_cannot_be_together_is_known_before_a_model_is_loaded(kind: str) -> None:
    refused = {
        field.name
        for field in fields(MitigationConfig)
        for change in ({"freeze": 0.5}, {"l2sp": 0.1}, {"ewc": 1.0}, {"interpolation": 0.5}, {"kl": 0.1})
        if field.name in change and unfit(of(kind, **change))
    }
    expected = set()
    if kind not in ("full", "lora", "rslora"):
        expected |= {"l2sp", "ewc"}
    if kind in ("prompt", "prefix", "ln"):
        expected |= {"freeze"}
    if kind in ("prompt", "prefix"):
        expected |= {"interpolation"}
    if kind in ("pissa", "corda"):
        expected |= {"kl"}
    assert refused == expected


def test_shares_and_rows_to_replay() -> None:
    assert unfit(of("lora", replay=OLD, replay_fraction=0.4, self_replay=0.5)) is None
    assert "leave none for the task" in str(unfit(of("lora", replay=OLD, replay_fraction=0.5, self_replay=0.5)))
    assert unfit(of("lora", replay_fraction=0.5, self_replay=0.5)) is None, "no old rows, no share of them"
    assert unfit(of("lora", self_replay=0.1, kl=0.1, kl_on="replay")) is None
    assert "--kl-on replay" in str(unfit(of("lora", kl=0.1, kl_on="replay")))
    assert unfit(of("lora", kl_on="replay")) is None, "no KL is taken"


def test_a_rate_that_was_given_is_for_its_own_kind_of_method() -> None:
    config = replace(CONFIG, training=replace(CONFIG.training, lr=1e-4))
    assert apply_mitigations("full", config).training.lr is None
    assert apply_mitigations("dora", config).training.lr == 1e-4
    full = replace(config, method=Full())
    assert apply_mitigations("full", full).training.lr == 1e-4
    assert apply_mitigations("lora", full).training.lr is None
