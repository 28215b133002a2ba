"""A small run of the functions behind benchmarks/operating_characteristics.py, and its committed results."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from keeptune.forgetting.drop import binary_drop

PATH = Path(__file__).parents[2] / "benchmarks" / "operating_characteristics.py"
SPEC = importlib.util.spec_from_file_location("operating_characteristics", PATH)
oc = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(oc)


def test_the_fast_verdict_is_the_packages_own():
    random = np.random.default_rng(0)
    seen = set()
    for _ in range(400):
        items = int(random.integers(20, 600))
        worse = int(random.integers(0, items // 4 + 1))
        better = int(random.integers(0, min(items - worse, items // 8) + 1))
        verdict = binary_drop(worse, better, items, 5.0).verdict(5.0)
        assert oc.binary_verdict(worse, better, items) == verdict
        seen.add(verdict)
    assert seen == {"kept", "lost", "inconclusive"}


def test_tables_hold_all_the_probability():
    assert sum(p for _, _, p in oc.tables(200, 0.10, 0.05)) == pytest.approx(1.0, abs=1e-5)
    assert sum(p for _, _, p in oc.tables(50, 0.05, 0.0)) == pytest.approx(1.0, abs=1e-5)


def test_binary_verdicts_are_rarely_wrong_and_find_what_they_promise():
    cell = oc.binary_cell(200, 0.10)
    assert cell["false kept"] <= 0.03
    assert cell["false lost"] <= 0.04
    assert all(cell[key] >= 0.79 for key in cell if key.startswith("power"))


def test_several_abilities_at_the_margin():
    assert oc.family_cell(5, 0.5, 300)["any false lost"] <= 0.06


def test_committed_results_are_within_the_limits_and_make_the_committed_table():
    result = json.loads(oc.RESULTS.read_text(encoding="utf-8"))
    assert oc.misses(result) == []
    assert oc.table(result) == oc.RESULTS.with_suffix(".md").read_text(encoding="utf-8")
    assert len(result["binary"]) == len(oc.ITEMS) * len(oc.DISCORDANT)
