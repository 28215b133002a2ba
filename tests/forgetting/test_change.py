"""The word for a change at all, corrected for how many abilities were looked at."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scored import ability, flips, records

from keeptune.forgetting.change import SIGNIFICANT, corrected_changes
from keeptune.forgetting.gate import decide
from keeptune.forgetting.verdict import judge
from keeptune.records import AbilityReport
from keeptune.statistics.mcnemar import mcnemar_mid_p

ABILITIES, REPEATS = 14, 200


def undeclared(worse: int, better: int, name: str = "a") -> AbilityReport:
    return judge(ability(name, declared=False), *flips(300, worse, better))


def test_where_nothing_changed_few_runs_name_an_ability() -> None:
    """Fourteen side effects at 5 % each would be named in about a third of them."""
    rng = np.random.default_rng(3)
    counts = rng.multinomial(300, [0.1, 0.1, 0.8], (REPEATS, ABILITIES))
    by_itself, named, any_report = 0, 0, undeclared(15, 15)
    for run in counts:
        reports = []
        for worse, better, _ in run.tolist():
            p = mcnemar_mid_p(better, worse)
            word = "no change shown" if p >= SIGNIFICANT else "fell" if worse > better else "rose"
            reports.append(replace(any_report, change=word, change_p=p))
        by_itself += any(report.change == "fell" for report in reports)
        named += any(report.change == "fell" for report in corrected_changes(reports))
    assert by_itself > 0.15 * REPEATS
    assert named <= 0.05 * REPEATS


def test_a_fall_that_is_plain_is_still_named() -> None:
    found = decide([undeclared(60, 10, "plain"), *(undeclared(15, 15, f"a{n}") for n in range(13))]).abilities
    assert [report.name for report in found if report.change == "fell"] == ["plain"]


def test_the_sentence_does_not_name_what_the_correction_takes_back() -> None:
    """By itself it is shown (p about 0.02), among fourteen it is not."""
    weak = undeclared(25, 11, "weak")
    assert weak.change == "fell"
    decision = decide([weak, *(undeclared(15, 15, f"a{n}") for n in range(13))])
    assert decision.abilities[0].change == "no change shown"
    assert decision.abilities[0].change_p == weak.change_p
    assert "weak fell" not in " ".join(decision.sentences)
    assert "weak may have fallen" in " ".join(decision.sentences), "nor is a fall denied"


def test_scores_that_are_no_proportions_have_a_p_value_too() -> None:
    rng = np.random.default_rng(1)
    base = rng.uniform(40.0, 60.0, 100)
    for drop, word in ((10.0, "fell"), (-10.0, "rose")):
        after = base - drop + rng.normal(0.0, 5.0, 100)
        found = judge(
            ability("a", "token_f1", declared=False),
            records(list(base), metric="token_f1"),
            records(list(after), metric="token_f1"),
        )
        assert found.change == word
        assert found.change_p is not None
        assert found.change_p < 1e-6


def test_the_declared_and_the_others_are_two_families() -> None:
    declared = [judge(ability(f"d{n}", declared=True), *flips(300, 15, 15)) for n in range(5)]
    (found,) = [r for r in corrected_changes([*declared, undeclared(25, 11)]) if not r.declared]
    assert found.change_p_holm == pytest.approx(found.change_p)
    assert found.change == "fell"
