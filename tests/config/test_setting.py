"""Settings know their own facts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from keeptune.config import DataConfig, MitigationConfig, MitigationSearchConfig, TuneConfig
from keeptune.config.affects import affects, without_effect
from keeptune.config.setting import COUNT, Affects, Range, setting
from keeptune.config.settings import FLAGS, GROUPS, SETTINGS, read_settings_of


@dataclass(frozen=True)
class Declared:
    rows: int | None = setting(None, Affects.INPUT, "Rows.", range=COUNT)
    names: tuple[str, ...] = setting(("a", "b"), Affects.ANSWERS, "Names.", group="start")


@dataclass(frozen=True)
class Undeclared:
    rows: int = 3


def test_all_facts_come_from_the_field() -> None:
    rows, names = read_settings_of(Declared, "mine.", "training")
    assert (rows.key, rows.kind, rows.optional, rows.range, rows.group) == ("mine.rows", int, True, COUNT, "training")
    assert (names.kind, names.optional, names.default, names.group) == (tuple, False, ("a", "b"), "start")
    assert (rows.default_text, names.default_text) == ("", "a, b")


def test_a_field_that_does_not_say_what_it_affects_does_not_load() -> None:
    with pytest.raises(TypeError, match=r"Undeclared\.rows"):
        list(read_settings_of(Undeclared, "mine."))


def test_one_function_says_what_a_setting_affects() -> None:
    assert {key: affects(key) for key in ("training.lr", "data.train", "measure.keep", "output")} == {
        "training.lr": Affects.WEIGHTS,
        "data.train": Affects.INPUT,
        "measure.keep": Affects.VERDICT,
        "output": Affects.NOTHING,
    }


def test_every_setting_has_its_help_in_one_sentence() -> None:
    for each in SETTINGS.values():
        assert each.help.endswith((".", "…")), each.key
        assert ". " not in each.help, each.key
        assert each.group in GROUPS, each.key


def test_ten_flags_come_first() -> None:
    assert [FLAGS[name].group for name in list(FLAGS)[:11]] == ["start"] * 10 + ["task"]


def test_a_range_says_its_ends() -> None:
    assert str(Range(0, 1, low_open=True)) == "more than 0 and less than 1"
    assert 1 not in Range(0, 1)
    assert 1 in Range(0, 1, high_open=False)


def test_what_was_given_and_changes_nothing() -> None:
    assert without_effect(TuneConfig()) == {}
    idle = TuneConfig(
        data=DataConfig(train="rows.jsonl", test="test.jsonl", draw=1, test_fraction=0.3),
        mitigation=MitigationConfig(kl_on="task", replay_fraction=0.3),
        mitigation_search=MitigationSearchConfig(max_candidates=2),
    )
    assert without_effect(idle) == {
        "data.draw": "without data.limit_train",
        "data.test_fraction": "with data.test",
        "mitigation.replay_fraction": "without mitigation.replay",
        "mitigation.kl_on": "without mitigation.kl",
        "mitigation_search.max_candidates": "without mitigation_search.auto",
    }
    searched = replace(idle, mitigation_search=MitigationSearchConfig(auto=True, max_candidates=2))
    assert "mitigation.kl_on" not in without_effect(searched)
    given = MitigationConfig(kl_share=0.3, kl_tokens=32, kl_gradient="whole")
    alone = replace(idle, mitigation=given)
    assert {"mitigation.kl_share", "mitigation.kl_tokens", "mitigation.kl_gradient"} <= without_effect(alone).keys()
    assert not any(key.startswith("mitigation.kl") for key in without_effect(replace(searched, mitigation=given)))
