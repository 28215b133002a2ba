"""The functions behind benchmarks/verdict_grid.py are the package's own, and its committed results are what it says."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import stdtrit

from keeptune.forgetting.drift import drift_row
from keeptune.forgetting.drop import measure_drop
from keeptune.forgetting.paired_scores import PairedScores
from keeptune.forgetting.retention import retention
from keeptune.records import ItemScore
from keeptune.scoring.mean import mean_score
from keeptune.scoring.table import METRICS

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
cells, grid, samples = map(importlib.import_module, ("verdict_cells", "verdict_grid", "verdict_samples"))


def one_item_a_cluster(sample, row):
    """The row as scores of `rouge1`: counts of a cluster become as many items of its mean."""
    before, after, clusters = [], [], []
    for name, (base, tuned) in enumerate(zip(sample.before[row], sample.after[row], strict=True)):
        items = int(base[1])
        before += [mean_score(float(base[0] / items))] * items
        after += [mean_score(float(tuned[0] / items))] * items
        clusters += [str(name)] * items
    return PairedScores(METRICS["rouge1"], tuple(before), tuple(after), tuple(clusters), 0)


def flips_of(sample, sizes, row):
    """The row as scores of `exact_match`, with the flips of each cluster."""
    before, after, clusters = [], [], []
    for name, size in enumerate(sizes):
        right, still = (round(float(c[row, name, 0]) / 100) for c in (sample.before, sample.after))
        before += [mean_score(100.0 * (i < right)) for i in range(size)]
        after += [mean_score(100.0 * (i < still)) for i in range(size)]
        clusters += [str(name)] * size
    return PairedScores(METRICS["exact_match"], tuple(before), tuple(after), tuple(clusters), 0)


@pytest.mark.parametrize("layout", ["100 singles", "60 x 4", "100 lognormal", "31 of 2, one holds 50%"])
@pytest.mark.parametrize("drop", [0.0, 5.0, 15.0])
def test_graded_verdicts_are_the_packages_own(layout, drop):
    sizes = samples.shape(layout)
    sample = samples.token_f1(np.random.default_rng(1), sizes, 6, drop, "both ways")
    found = cells.judged(sample, -1.0, 5.0)
    for row in range(6):
        own = measure_drop(one_item_a_cluster(sample, row), 5.0)
        kept = found.able[row] and found.z[row] < -found.t[row]
        lost = found.able[row] and found.may_lose[row] and found.z[row] > found.t[row]
        assert own.verdict(5.0) == ("kept" if kept else "lost" if lost else "inconclusive")
        assert (own.interval.low <= 5.0 <= own.interval.high) == (abs(found.z[row]) <= found.t[row])


@pytest.mark.parametrize("layout", ["60 x 4", "100 of 1 to 5", "100 lognormal"])
@pytest.mark.parametrize("drop", [0.0, 5.0, 15.0])
def test_clustered_binary_verdicts_are_the_packages_own(layout, drop):
    sizes = samples.shape(layout)
    sample = samples.binary(np.random.default_rng(2), sizes, 6, drop, "10% 0.2")
    for row in range(6):
        scores = flips_of(sample, sizes, row)
        flips = scores.swapped().flips()
        counted = sample._replace(flips=tuple(np.full(6, float(n)) for n in (flips.rose, flips.fell)))
        found = cells.judged(counted, -1.0, 5.0)
        own = measure_drop(scores, 5.0)
        kept = found.able[row] and found.z[row] < -found.t[row]
        lost = found.able[row] and found.may_lose[row] and found.z[row] > found.t[row]
        assert own.verdict(5.0) == ("kept" if kept else "lost" if lost else "inconclusive")


def test_corpus_f1_is_the_packages_own():
    sizes = samples.shape("60 x 4")
    sample = samples.entity_f1(np.random.default_rng(3), sizes, 4, 5.0, "missed")
    found = cells.judged(sample, -1.0, 5.0)
    for row in range(4):
        sides = []
        for counts in (sample.before[row], sample.after[row]):
            # One item holds what its cluster counts, the others nothing: the same sums.
            sides.append(
                [
                    ItemScore(
                        50.0, dict(zip(("tp", "fp", "fn"), map(float, c[:3] if i == 0 else np.zeros(3)), strict=True))
                    )
                    for c in counts
                    for i in range(4)
                ]
            )
        clusters = tuple(str(i // 4) for i in range(240))
        scores = PairedScores(METRICS["entity_f1"], tuple(sides[0]), tuple(sides[1]), clusters, 0)
        own = measure_drop(scores, 5.0).interval
        assert (own.low <= 5.0 <= own.high) == (abs(found.z[row]) <= found.t[row])


def test_retention_and_drift_are_the_packages_own():
    sizes = samples.shape("100 singles")
    sample = samples.token_f1(np.random.default_rng(4), sizes, 5, 10.0, "both ways")
    for ratio in (0.6, 0.75, 0.9):
        z, t = cells.retention_z(sample, 22.5, ratio)
        for row in range(5):
            own = retention(one_item_a_cluster(sample, row), 22.5)
            assert (own.low <= ratio <= own.high) == (abs(z[row]) <= t[row])
    random = np.random.default_rng(5)
    tokens = random.integers(20, 129, (3, 64)).astype(float)
    kl = random.exponential(0.2, (3, 64)) * tokens
    mean, values = cells.pseudo_values(np.stack([kl, tokens], axis=-1), samples.mean_of)
    for true in (0.1, 0.2, 0.3):
        z, effective = cells.jackknife_z(values, mean, true, tokens, None, cells.BEYOND)
        for row in range(3):
            own = drift_row("x", list(zip(kl[row].tolist(), tokens[row].astype(int).tolist(), strict=True))).kl
            assert (own.low <= true <= own.high) == (abs(z[row]) <= stdtrit(effective[row] - 1, 0.975))


@pytest.mark.parametrize("metric", ["accuracy", "ROUGE-like", "token F1", "entity F1"])
def test_samples_fall_by_what_they_claim(metric):
    kind = cells.KINDS[metric][0]
    sizes = samples.shape("100 of 1 to 5")
    for drop in (0.0, 8.0):
        sample = samples.METRICS[metric](np.random.default_rng(6), sizes, 200, drop, kind)
        falls = sample.statistic(sample.before.sum(axis=1)) - sample.statistic(sample.after.sum(axis=1))
        assert abs(falls.mean() - drop) < 5 * falls.std() / 200**0.5


def test_committed_results_make_the_committed_table_and_few_figures_are_too_sure():
    found = json.loads(grid.RESULTS.read_text(encoding="utf-8"))
    assert grid.table(found) == grid.RESULTS.with_suffix(".md").read_text(encoding="utf-8")
    assert list(found["cells"]) == [name for name, _ in grid.cells()]
    assert isinstance(found["commit"], str)
    for cell in found["cells"].values():
        assert cell.get("coverage", 1.0) >= 0.935
        assert cell.get("false kept", 0.0) <= 0.035
        assert cell.get("false lost", 0.0) <= 0.035
        assert cell.get("power lost", 1.0) >= 0.79
        assert cell.get("gate passes", 1.0) >= 0.79
