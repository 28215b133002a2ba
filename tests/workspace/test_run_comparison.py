"""Runs side by side: only what was asked of both is set beside each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from keeptune.errors import ConfigError
from keeptune.workspace.run_comparison import CHOSEN_ALPHA, compare_entries
from keeptune.workspace.run_entry import RunEntry, read_entry
from tests.workspace.many_runs import write_measure, write_tune


def entries(*folders: Path) -> list[RunEntry]:
    return [read_entry(folder, folder.name) for folder in folders]


def test_runs_on_the_same_items_share_their_rows(tmp_path: Path) -> None:
    first = write_tune(tmp_path / "first", "tickets", "smollm2", number=1)
    second = write_tune(tmp_path / "second", "tickets", "smollm2", number=2, lost=True)
    compared = compare_entries(entries(first, second))
    assert compared.not_comparable == ()
    assert [row.what for row in compared.scores] == ["task", "facts", "grammar"]
    task = compared.scores[0]
    assert (task.what, task.metric, list(task.cells)) == ("task", "rouge1", ["first", "second"])
    facts = next(row for row in compared.scores if row.what == "facts")
    assert {name: cell.verdict for name, cell in facts.cells.items()} == {"first": "kept", "second": "lost"}
    assert compared.settings == {"method.rank": (9, 10), "training.seed": (1, 2)}


def test_other_test_items_are_not_set_beside_each_other(tmp_path: Path) -> None:
    first = write_tune(tmp_path / "first", "tickets", "smollm2")
    fewer = write_tune(tmp_path / "fewer", "tickets", "smollm2", limit=100)
    compared = compare_entries(entries(first, fewer))
    assert [list(row.cells) for row in compared.scores if row.what == "task"] == [["first"], ["fewer"]]
    assert [list(row.cells) for row in compared.scores if row.what == "facts"] == [["first"], ["fewer"]]
    assert compared.not_comparable[0] == (
        "task: scored on other items or by another metric, so not comparable: first by rouge1; fewer by rouge1"
    )
    assert compared.settings == {"data.limit_test": (300, 100)}


def test_the_alpha_that_each_run_chose_is_compared(tmp_path: Path) -> None:
    first, second = (write_tune(tmp_path / name, "tickets", "smollm2") for name in ("first", "second"))
    one, other = entries(first, second)
    compared = compare_entries([replace(one, alpha=0.5), replace(other, alpha=1.0)])
    assert compared.settings == {CHOSEN_ALPHA: (0.5, 1.0)}


def test_a_measure_does_not_record_its_task_items(tmp_path: Path) -> None:
    first = write_tune(tmp_path / "first", "tickets", "smollm2")
    measured = write_measure(tmp_path / "measured", "m")
    compared = compare_entries(entries(first, measured))
    assert [list(row.cells) for row in compared.scores if row.what == "task"] == [["first"], ["measured"]]


def test_one_run_alone_or_twice_is_refused(tmp_path: Path) -> None:
    (run,) = entries(write_tune(tmp_path / "first", "tickets", "smollm2"))
    for runs in ([run], [run, run]):
        with pytest.raises(ConfigError, match="two runs or more"):
            compare_entries(runs)
