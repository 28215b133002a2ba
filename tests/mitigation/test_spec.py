"""Each row of the table applies, alone and with others; what is no row, or no value, is said."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptune.config import Adapter, Full, MitigationConfig, TrainingConfig, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.active import without_after_training
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.spec import ROUTE, MitigationSpec, Part, parse, refuse_overridden
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
    "infosft": {"extra": ("infosft=0.93",)},
    "flow": {"extra": ("flow=1",)},
    "prift": {"extra": ("prift",)},
    "lines": {"extra": ("lines=0.5",)},
    "intruders": {"extra": ("intruders=0.75",)},
    "average": {"extra": ("average=0.98",)},
    "sdft": {"extra": ("sdft",)},
}
"""What each row sets where no value is given."""


@pytest.mark.parametrize("name", MITIGATION)
def test_a_row_sets_its_own_field_and_no_other(name: str) -> None:
    assert parse(name).apply(CONFIG) == replace(CONFIG, mitigation=MitigationConfig(**MITIGATION[name]))


def test_every_row_is_known_here() -> None:
    assert set(MITIGATIONS) == {*MITIGATION, *METHODS, "accept", "full", "route", "smaller"}
    assert {row.name for _, row in MITIGATIONS.items()} == set(MITIGATIONS)
    assert all(row.source.startswith("arXiv:") for name, row in MITIGATIONS.items() if name in METHODS)


def test_a_value_in_the_place_of_the_default() -> None:
    assert parse("kl=0.25").apply(CONFIG).mitigation.kl == 0.25
    assert parse("l2sp=1e-3").apply(CONFIG).mitigation.l2sp == 1e-3
    assert parse("token-weights=dft").apply(CONFIG).mitigation.token_weights == "dft"


@pytest.mark.parametrize("name", METHODS)
def test_a_method_keeps_the_adapters_other_settings(name: str) -> None:
    assert parse(name).apply(CONFIG).method == Adapter(kind=name, rank=7, alpha=9)
    assert parse(name).apply(replace(CONFIG, method=Full())).method == Adapter(kind=name)


def test_full_and_accept() -> None:
    assert parse("full").apply(CONFIG).method == Full()
    assert parse("accept").apply(CONFIG) == replace(CONFIG, mitigation=MitigationConfig())


def test_a_smaller_step_makes_smaller_what_is_there() -> None:
    config = replace(CONFIG, training=TrainingConfig(lr_factor=0.5))
    assert parse("smaller=0.5").apply(config).training.lr_factor == 0.25
    assert parse("smaller").apply(config).training.lr_factor == pytest.approx(0.15)


def test_dft_with_kl_on_the_tasks_rows_is_asft() -> None:
    found = parse("full+token-weights=dft+kl-task=0.1").apply(CONFIG)
    assert found.mitigation == MitigationConfig(token_weights="dft", kl=0.1, kl_on="task")
    assert unfit(found) is None


def test_several_joined() -> None:
    found = parse("full + replay=0.1 + kl=0.2 + interpolation=0.75").apply(CONFIG)
    assert found.method == Full()
    assert found.mitigation == MitigationConfig(replay=OLD, replay_fraction=0.1, kl=0.2, interpolation=0.75)


def test_old_data_is_mixed_in_only_where_it_is_named() -> None:
    for name, row in MITIGATIONS.items():
        assert bool(parse(name).apply(CONFIG).mitigation.replay) == (row.needs == "old data"), name


@pytest.mark.parametrize("name", [name for name, row in MITIGATIONS.items() if row.needs == "old data"])
def test_old_data_that_is_missing(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} needs rows of old tasks") as caught:
        parse(name).apply(TuneConfig())
    assert "--replay" in caught.value.fix


@pytest.mark.parametrize(
    ("specification", "message", "fix"),
    [
        ("repaly=0.1", "no mitigation 'repaly' in 'repaly=0.1'", "did you mean replay?"),
        ("full+interpoletion=0.5", "no mitigation 'interpoletion'", "did you mean interpolation?"),
        ("", "no mitigation ''", "One of: accept"),
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
        parse(specification).apply(CONFIG)
    assert message in str(caught.value)
    assert fix in caught.value.fix


def test_corda_keeps_the_rows_that_it_measures() -> None:
    old = replace(CONFIG, mitigation=MitigationConfig(replay=("old.jsonl",)))
    assert parse("corda").apply(old).mitigation.replay == ("old.jsonl",)
    assert parse("lora").apply(old).mitigation.replay == ()


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
    assert parse("full").apply(config).training.lr is None
    assert parse("dora").apply(config).training.lr == 1e-4
    full = replace(config, method=Full())
    assert parse("full").apply(full).training.lr == 1e-4
    assert parse("lora").apply(full).training.lr is None


NAMES = [name for name, _ in MITIGATIONS.items() if name not in ("route",)]


@st.composite
def specs(draw: st.DrawFn) -> MitigationSpec:
    """Any specification that can be written."""
    parts = []
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=4, unique=True)):
        mitigation, value = MITIGATIONS[name], None
        if isinstance(mitigation.default, str):
            value = draw(st.none() | st.sampled_from(["stm", "talr", "dft"]))
        elif mitigation.default is not None:
            low = 0.5 if name == "infosft" else 1e-300
            value = draw(st.none() | st.floats(low, 1.0, exclude_min=True, exclude_max=True))
            if mitigation.setting in ("mitigation.kl", "mitigation.l2sp", "mitigation.ewc", "training.lr_factor"):
                value = draw(st.none() | st.floats(1e-300, 1e300))
        parts.append(Part(name, value))
    return draw(st.sampled_from([MitigationSpec(tuple(parts)), ROUTE]))


@given(specs())
def test_what_is_written_is_read_as_the_same(spec: MitigationSpec) -> None:
    assert parse(str(spec)) == spec
    assert str(parse(str(spec))) == str(spec)


@given(specs())
def test_alpha_and_training_are_what_the_settings_have(spec: MitigationSpec) -> None:
    config = spec.apply(CONFIG)
    assert config.mitigation.interpolation == spec.alpha
    assert spec.training.alpha == 1.0
    assert spec.interpolated(0.5).alpha == 0.5
    assert spec.interpolated(0.5).training == spec.training
    assert spec.training.apply(CONFIG) == without_after_training(config)


@pytest.mark.parametrize(
    ("written", "formatted"),
    [
        (" full + replay=0.10 ", "full+replay=0.1"),
        ("kl = 1.0", "kl=1"),
        ("kl=1e+16", "kl=1e16"),
        ("interpolation", "interpolation"),
        ("plain", "plain"),
        ("route", "route"),
    ],
)
def test_one_form(written: str, formatted: str) -> None:
    assert str(parse(written)) == formatted


@pytest.mark.parametrize("text", ["kl=0.1+kl=0.2", "interpolation+interpolation=0.5", "route+kl=1", "plain+kl=1"])
def test_what_cannot_be_joined(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text)


def test_a_bare_name_does_not_take_the_place_of_a_value_that_was_given() -> None:
    given_kl = TuneConfig(mitigation=MitigationConfig(kl=0.3))
    with pytest.raises(ConfigError) as caught:
        refuse_overridden(parse("full+kl"), given_kl)
    assert caught.value.fix == "write kl=0.3"
    refuse_overridden(parse("full+kl=0.5"), given_kl)
    refuse_overridden(parse("full+kl"), TuneConfig())
