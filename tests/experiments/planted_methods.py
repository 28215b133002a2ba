"""Methods whose gain and forgetting are planted, as a comparison would read them from its trials."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from keeptune.experiments.trial_scores import TASK, Measured
from keeptune.scoring.table import get_metric
from keeptune.statistics.jackknife import LeftOut
from keeptune.statistics.seeded import seeded

SEEDS = 3
ITEMS = 100


def measured(
    name: str,
    truths: Mapping[str, float],
    *,
    declared: bool = True,
    metric: str = "exact_match",
    seeds: int = SEEDS,
    items: int = ITEMS,
    by_seed: float = 0.3,
    noise: float = 2.0,
    draw: int = 0,
) -> Measured:
    """`truths`: method → gain or drop. Items are as hard for one method as for another, but for noise."""
    rng = np.random.default_rng([draw, *map(ord, name)])
    hardness = rng.normal(0.0, 20.0, items)
    change = {}
    for method, truth in truths.items():
        scores = truth + hardness + rng.normal(0.0, by_seed, (seeds, 1)) + rng.normal(0.0, noise, (seeds, items))
        scores += truth - np.mean(scores) if draw == 0 else -hardness.mean()
        change[method] = seeded(
            {s: LeftOut(float(row.mean()), (row.sum() - row) / (items - 1)) for s, row in enumerate(scores)}, name
        )
    own = {method: tuple(found.interval() for _ in range(seeds)) for method, found in change.items()}
    tuned = {method: 50.0 + truth for method, truth in truths.items()}
    return Measured(name, get_metric(metric), declared, 5.0, 50.0, tuned, change, own)


def task(truths: Mapping[str, float], **settings: object) -> Measured:
    """The task itself."""
    return measured(TASK, truths, **settings)  # type: ignore[arg-type]
