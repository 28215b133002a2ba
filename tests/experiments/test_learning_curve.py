"""What a curve foretells stays within its metric's scale."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from keeptune.experiments.learning_curve import _within_scale
from keeptune.records import Interval
from keeptune.scoring.table import get_metric
from tests.experiments.planted_methods import task

FORETOLD = Interval(30.0, 5.0, 60.0, 0.95, "t")


def limits(found: Interval) -> tuple[float, float, float]:
    return found.low, found.estimate, found.high


def test_no_score_goes_above_100() -> None:
    of = task({"lora": 30.0})
    assert limits(_within_scale(FORETOLD, of, "lora")) == (5.0, 20.0, 20.0)


def test_where_less_is_better_none_falls_below_0(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "def errors(output, references, example):\n    return 100.0\n\nerrors.higher_is_better = False\n",
        encoding="utf-8",
    )
    of = replace(task({"lora": 30.0}), metric=get_metric(f"{file}:errors"))
    assert limits(_within_scale(FORETOLD, of, "lora")) == (5.0, 30.0, 60.0), "80 are left to lose"
    of = replace(of, tuned={"lora": 10.0})
    assert limits(_within_scale(FORETOLD, of, "lora")) == (5.0, 10.0, 10.0)


def test_a_loss_has_no_such_limit() -> None:
    of = replace(task({"lora": 30.0}), metric=get_metric("token_loss"))
    assert _within_scale(FORETOLD, of, "lora") == FORETOLD
