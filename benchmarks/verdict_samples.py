"""Simulated scores of two models on clustered items: what `verdict_cells.py` judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

FloatArray = NDArray[np.float64]


def shape(name: str) -> NDArray[np.int_]:
    """Sizes of the clusters, the same in every repetition: ``300 singles``, ``106 x 4``, ``100 of 1 to 5`` …"""
    count, _, kind = name.partition(" ")
    clusters = int(count)
    if kind == "singles":
        return np.ones(clusters, dtype=int)
    if kind.startswith("x "):
        return np.full(clusters, int(kind[2:]))
    if kind == "of 1 to 5":
        return np.arange(clusters) % 5 + 1
    if kind == "singles and a pair":
        return np.array([2, *[1] * clusters])
    if kind == "lognormal":
        return np.maximum(1, np.round(np.exp(1.0 + ndtri((np.arange(clusters) + 0.5) / clusters)))).astype(int)
    share = float(kind.removeprefix("of 2, one holds ").removesuffix("%")) / 100.0
    return np.array([round(share / (1.0 - share) * 2 * (clusters - 1)), *[2] * (clusters - 1)])


class Sample(NamedTuple):
    before: FloatArray
    after: FloatArray
    statistic: Callable[[FloatArray], FloatArray]
    sizes: FloatArray
    """[repetitions, clusters]"""
    flips: tuple[FloatArray, FloatArray] | None = None
    """Of binary scores, items that got worse and better, [repetitions]."""


def shared(random: np.random.Generator, mean: float, rho: float, sizes: NDArray[np.int_], rows: int) -> FloatArray:
    """[rows, items]: beta probabilities that the items of a cluster share, with intraclass correlation rho."""
    if mean <= 0.0 or rho <= 0.0:
        return np.full((rows, int(sizes.sum())), mean)
    a = (1.0 - rho) / rho
    return np.repeat(random.beta(mean * a, (1.0 - mean) * a, (rows, len(sizes))), sizes, axis=1)


def mean_of(summed: FloatArray) -> FloatArray:
    return summed[..., 0] / summed[..., 1]


def f1_of(summed: FloatArray) -> FloatArray:
    return 200.0 * summed[..., 0] / (2.0 * summed[..., 0] + summed[..., 1] + summed[..., 2])


def by_cluster(sizes: NDArray[np.int_], *counts: FloatArray) -> FloatArray:
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.stack([np.add.reduceat(c.astype(float), starts, axis=1) for c in counts], axis=-1)


def means(sizes: NDArray[np.int_], base: FloatArray, tuned: FloatArray) -> Sample:
    one = np.ones(base.shape)
    weights = np.broadcast_to(sizes.astype(float), (len(base), len(sizes)))
    return Sample(by_cluster(sizes, base, one), by_cluster(sizes, tuned, one), mean_of, weights)


def binary(random: np.random.Generator, sizes: NDArray[np.int_], rows: int, drop: float, kind: str) -> Sample:
    """``10% 0.2``: so many discordant beside the drop, half each way, with that correlation within clusters."""
    discordant, rho = (float(part.rstrip("%")) for part in kind.split())
    items = int(sizes.sum())
    right = random.random((rows, items)) < 0.7
    worse = np.minimum(shared(random, (discordant / 200.0 + drop / 100.0) / 0.7, rho, sizes, rows), 1.0)
    better = shared(random, discordant / 200.0 / 0.3, rho, sizes, rows)
    u = random.random((rows, items))
    tuned = np.where(right, u >= worse, u < better)
    flips = (right & ~tuned).sum(axis=1), (tuned & ~right).sum(axis=1)
    return means(sizes, 100.0 * right, 100.0 * tuned)._replace(flips=(flips[0].astype(float), flips[1].astype(float)))


def rouge(random: np.random.Generator, sizes: NDArray[np.int_], rows: int, drop: float, _: str) -> Sample:
    """Scores about 40; 60 % of the answers move by 15, half of the variance shared by a cluster."""
    items = int(sizes.sum())
    base = np.clip(random.normal(45.0, 12.0, (rows, items)), 0.0, 100.0)
    common = np.repeat(random.normal(0.0, 10.6, (rows, len(sizes))), sizes, axis=1)
    moved = random.random((rows, items)) < 0.6
    return means(sizes, base, base + moved * (common + random.normal(-drop / 0.6, 10.6, (rows, items))))


def token_f1(random: np.random.Generator, sizes: NDArray[np.int_], rows: int, drop: float, kind: str) -> Sample:
    """45 % right, 20 % wrong, the others between; ``both ways``: 10 % are answered anew; the drop is of answers that
    become worthless, correlated by 0.5 within a cluster."""
    items = int(sizes.sum())

    def fresh() -> FloatArray:
        u = random.random((rows, items))
        return np.where(u < 0.2, 0.0, np.where(u < 0.65, 100.0, random.uniform(0.0, 100.0, (rows, items))))

    base = fresh()
    anew = random.random((rows, items)) < (shared(random, 0.1, 0.5, sizes, rows) if kind == "both ways" else 0.0)
    tuned = np.where(anew, fresh(), base)
    gone = random.random((rows, items)) < shared(random, drop / 62.5, 0.5, sizes, rows)
    return means(sizes, base, np.where(gone, 0.0, tuned))


def entity_f1(random: np.random.Generator, sizes: NDArray[np.int_], rows: int, drop: float, kind: str) -> Sample:
    """tp, fp, fn of sentences with 1 + Poisson(1) entities. ``missed``: a share of what was found is lost, correlated
    by 0.3 within a document; ``ramble``: as many sentences find nothing and name 12 wrongly."""
    items = (rows, int(sizes.sum()))
    wanted = 1 + random.poisson(1.0, items)
    tp = random.binomial(wanted, 0.7)
    fp = random.poisson(0.5, items)
    target = 2.8 / 3.9 - drop / 100.0
    if kind == "ramble":
        share = (2.8 - target * 3.9) / (2.8 + target * (12.0 - 1.9))
        broken = random.random(items) < share
        tuned_tp, tuned_fp = np.where(broken, 0, tp), np.where(broken, 12, fp)
    else:
        lost = (1.4 + 0.05 * 0.6 - target * 2.5 / (2.0 - target)) / 1.4
        tuned_tp = tp - random.binomial(tp, np.clip(shared(random, lost, 0.3, sizes, rows), 0.0, 1.0))
        tuned_tp += random.binomial(wanted - tp, 0.05)
        tuned_fp = np.where(random.random(items) < 0.7, fp, random.poisson(0.5, items))
    before = by_cluster(sizes, tp, fp, wanted - tp, np.ones(items))
    after = by_cluster(sizes, tuned_tp, tuned_fp, wanted - tuned_tp, np.ones(items))
    return Sample(before, after, f1_of, np.maximum(before.sum(axis=-1), after.sum(axis=-1)))


def loss(random: np.random.Generator, sizes: NDArray[np.int_], rows: int, drop: float, _: str) -> Sample:
    """Nats a token over texts of 20 to 128 tokens; a fifth of the clusters gets worse, by an exponential."""
    items = (rows, int(sizes.sum()))
    tokens = random.integers(20, 129, items).astype(float)
    base = random.normal(2.5, 0.5, items)
    hit = np.repeat(random.random((rows, len(sizes))) < 0.2, sizes, axis=1)
    change = hit * random.exponential(drop / 0.2, items) + random.normal(0.0, 0.1, items)
    before = by_cluster(sizes, base * tokens, tokens)
    after = by_cluster(sizes, (base + change) * tokens, tokens)
    return Sample(before, after, mean_of, np.maximum(before.sum(axis=-1), after.sum(axis=-1)) + sizes)


METRICS: dict[str, Any] = {
    "accuracy": binary,
    "ROUGE-like": rouge,
    "token F1": token_f1,
    "entity F1": entity_f1,
    "loss": loss,
}
LOWER_IS_BETTER = ("loss",)
