"""The committed results of benchmarks/sequential_verdicts.py, and that its rules are the package's."""

import importlib
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scored import records

from keeptune.forgetting.compare import pair
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.forgetting.sequential import EARLY, block_ends, sequential_drop
from keeptune.scoring.table import METRICS
from keeptune.statistics.confidence_sequence import Planned
from keeptune.statistics.planning import ALPHA

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
bench, samples = map(importlib.import_module, ("sequential_verdicts", "verdict_samples"))


@pytest.mark.parametrize("metric", ["accuracy", "ROUGE in scale"])
def test_the_early_verdicts_are_the_packages_own(metric):
    sizes, words = samples.shape("100 singles"), {-1: "kept", 0: "inconclusive", 1: "lost"}
    kind, name = ("2% 0.2", "exact_match") if metric == "accuracy" else ("moves", "rouge1")
    sample = bench.SAMPLERS[metric](np.random.default_rng(0), sizes, 12, 25.0, kind)
    ends = block_ends(100)
    found = bench.early(sample, ends, -1.0, 5.0)
    assert len(set(found.ravel().tolist())) > 1
    for row in range(12):
        for place, end in enumerate(ends[:-1]):
            pairs = pair(*(records(side[row, :end, 0].tolist(), name) for side in (sample.before, sample.after)))
            drop = sequential_drop(pairs, paired_scores(pairs, METRICS[name]), 5.0, EARLY * ALPHA, Planned(100, 100, 1))
            assert drop.verdict(5.0) == words[found[row, place]]


def test_committed_results_are_within_the_limit_and_make_the_committed_table():
    result = json.loads(bench.RESULTS.read_text(encoding="utf-8"))
    assert bench.misses(result) == []
    assert bench.table(result) == bench.RESULTS.with_suffix(".md").read_text(encoding="utf-8")
    assert len(result["cells"]) == sum(map(len, bench.KINDS.values())) * len(bench.LAYOUTS)
