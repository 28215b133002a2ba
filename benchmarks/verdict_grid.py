"""How often verdicts and intervals are wrong, over metrics, clusters, discordance, numbers of items and abilities.

    python benchmarks/verdict_grid.py            run what is missing (minutes on one core), write results and table
    python benchmarks/verdict_grid.py --table    write the table of the results that are there

Cells are kept one by one, so that a run that was stopped goes on; they are asked anew when the code under test changes.
Verdicts at a true drop of exactly the margin are all false. The functions are the package's, over many samples at once;
tests/forgetting/test_verdict_grid.py checks that they agree with `measure_drop`. Binary scores of independent items are
enumerated exactly by operating_characteristics.py.
"""

from __future__ import annotations

import hashlib
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtri, stdtrit, xlogy

import keeptune
from keeptune.forgetting.drift import BEYOND
from keeptune.statistics.jackknife import MIN_CLUSTERS, MIN_DIFFERING, MIN_EFFECTIVE
from keeptune.statistics.looks import alpha_of, pocock_bound
from keeptune.statistics.planning import ALPHA, detectable_drop_binary, items_for_kept_binary, power_of_each
from keeptune.statistics.score_test import score_z
from keeptune.statistics.tango import tango_mid_p_above, tango_z

RESULTS = Path(__file__).parent / "results" / "verdict_grid.json"
SOURCES = (
    "statistics/score_test.py",
    "statistics/jackknife.py",
    "statistics/clustered_tango.py",
    "statistics/tango.py",
    "statistics/planning.py",
    "statistics/looks.py",
)
SEED = 20_261_128
AT_MARGIN, ELSEWHERE = 4_000, 1_000
CHUNK = 500
MARGIN = {"points": 5.0, "nats": 0.05}
NOMINAL = {"coverage": (0.935, 0.965), "false kept": (0.0, 0.035), "false lost": (0.0, 0.035)}

FloatArray = NDArray[np.float64]


# Clusters: the same in all repetitions of a cell ------------------------------------------------------------------


def shape(name: str) -> NDArray[np.int_]:
    """Sizes of the clusters: ``300 singles``, ``106 x 4``, ``100 of 1 to 5`` …"""
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


# What the models score: counts of each cluster before and after, [repetitions, clusters, counts] ----------------


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


# The package's own rules, over many samples at once ---------------------------------------------------------------


class Judged(NamedTuple):
    z: FloatArray
    t: FloatArray
    able: NDArray[np.bool_]
    """Whether a verdict may be given at all."""
    may_lose: NDArray[np.bool_]


def pseudo_values(counts: FloatArray, statistic: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
    """(score, pseudo-values about it), [rows] and [rows, clusters]."""
    total = counts.sum(axis=1)
    whole, left_out = statistic(total), statistic(total[:, None] - counts)
    moved = left_out.mean(axis=1, keepdims=True) - left_out
    return whole, whole[:, None] + (counts.shape[1] - 1) * moved


def jackknife_z(
    values: FloatArray,
    estimate: FloatArray,
    null: float,
    sizes: FloatArray,
    differing: FloatArray | None,
    beyond: float = 1.0,
    of_items: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """`Jackknife.z`, and the effective number of clusters. `differing` is None of scores without a bound;
    `of_items`: the score is the mean of the items' own."""
    clusters = values.shape[1]
    effective = sizes.sum(axis=1) ** 2 / (sizes**2).sum(axis=1)
    unequal = clusters / effective
    up = np.abs(values).max(axis=1) * (unequal if differing is None else np.sqrt(unequal)) * beyond
    down = np.minimum(values.min(axis=1), 0.0)
    if differing is not None:
        seen = np.minimum(differing / (MIN_DIFFERING * unequal), 1.0)
        most = 100.0 * (unequal if of_items else sizes.max(axis=1) / sizes.mean(axis=1))
        up, down = seen * up + (1.0 - seen) * most, seen * down - (1.0 - seen) * most
    return score_z(values, estimate, null, up, down), effective


def judged(sample: Sample, sign: float, null: float, alpha: float = ALPHA) -> Judged:
    """The test of "the drop is `null`"; `sign` is −1 where a higher score is better."""
    (base, of_base), (tuned, of_tuned) = (pseudo_values(c, sample.statistic) for c in (sample.before, sample.after))
    values, estimate = sign * (of_tuned - of_base), sign * (tuned - base)
    differing = (sample.before != sample.after).any(axis=-1).sum(axis=1).astype(float)
    bounded = sign < 0.0
    clusters = values.shape[1]
    if sample.flips is None:
        of_items = sample.statistic is mean_of
        z, effective = jackknife_z(
            values, estimate, null, sample.sizes, differing if bounded else None, of_items=of_items
        )
    else:
        effective = sample.sizes.sum(axis=1) ** 2 / (sample.sizes**2).sum(axis=1)
        z = clustered_z(sample, values, differing, effective, null / 100.0)
    t = stdtrit(np.maximum(effective - 1.0, 1.0), 1.0 - alpha)
    able = (clusters >= MIN_CLUSTERS) & (effective >= MIN_EFFECTIVE) & (bounded | (differing >= MIN_DIFFERING))
    return Judged(z, t, able, differing >= MIN_DIFFERING)


def clustered_z(
    sample: Sample, values: FloatArray, differing: FloatArray, effective: FloatArray, null: float
) -> FloatArray:
    """Tango's z as `clustered_tango` takes it."""
    assert sample.flips is not None
    items, clusters = sample.sizes.sum(axis=1), values.shape[1]
    worse, better = sample.flips[0] / items, sample.flips[1] / items
    independent = 1e4 * (worse + better - (worse - better) ** 2) / items
    whole = items / effective
    variance = values.var(axis=1) / (clusters - 1)
    effect = np.where(independent > 0.0, np.maximum(1.0, variance / np.maximum(independent, 1e-12)), whole)
    seen = np.minimum(differing * effective / (MIN_DIFFERING * clusters), 1.0)
    effect = (seen * effect + (1.0 - seen) * np.maximum(effect, whole)) * (clusters / effective) ** 0.25
    return many_tango_z(worse, better, items / effect, null)


def many_tango_z(worse: FloatArray, better: FloatArray, items: FloatArray | float, null: float) -> FloatArray:
    """`tango_z` of shares."""
    half = worse + better - (2.0 - worse + better) * null
    q = (half + np.sqrt(half * half + 8.0 * better * null * (1.0 - null))) / 4.0
    return (worse - better - null) / np.sqrt((2.0 * q + null * (1.0 - null)) / items)


# Cells -----------------------------------------------------------------------------------------------------------

SHAPES = (
    "100 singles",
    "300 singles",
    "600 singles",
    "60 x 4",
    "106 x 4",
    "100 of 1 to 5",
    "400 singles and a pair",
    "100 lognormal",
    "200 lognormal",
    "60 of 2, one holds 15%",
    "100 of 2, one holds 30%",
    "31 of 2, one holds 50%",
)
KINDS = {
    "accuracy": ("2% 0.2", "10% 0.2", "20% 0.2", "4% 0.6"),
    "ROUGE-like": ("moves",),
    "token F1": ("both ways", "falls only"),
    "entity F1": ("missed", "ramble"),
    "loss": ("skewed",),
}


def cells() -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    for metric, kinds in KINDS.items():
        for kind in kinds:
            for layout in SHAPES:
                if metric == "accuracy" and layout.endswith("singles"):
                    continue  # enumerated exactly elsewhere
                yield f"drop | {metric} | {kind} | {layout}", lambda m=metric, k=kind, s=layout: drop_cell(m, k, s)
    for abilities in (1, 4, 8, 14):
        for discordant in (0.05, 0.10, 0.20):
            yield f"plan | {abilities} | {discordant}", lambda k=abilities, d=discordant: plan_cell(k, d)
    for looks in (1, 2, 4, 6):
        yield f"looks | {looks}", lambda k=looks: looks_cell(k)
    yield "looks | 6 uncorrected", lambda: looks_cell(6, corrected=False)
    for metric, kind in (
        ("accuracy", "2% 0.2"),
        ("accuracy", "10% 0.2"),
        ("token F1", "falls only"),
        ("ROUGE-like", "moves"),
    ):
        for layout in ("100 singles", "300 singles", "106 x 4", "100 lognormal"):
            for drop in (2.0, 10.0):
                name = f"retention | {metric} | {kind} | {layout} | {drop:g}"
                yield name, lambda m=metric, k=kind, s=layout, d=drop: retention_cell(m, k, s, d)
    for tail in TAILS:
        for sequences in (64, 200):
            yield f"drift | {tail} | {sequences}", lambda t=tail, n=sequences: drift_cell(t, n)


def random_of(*parts: object) -> np.random.Generator:
    return np.random.default_rng([SEED, *hashlib.sha256("|".join(map(str, parts)).encode()).digest()])


def judged_many(metric: str, kind: str, sizes: NDArray[np.int_], drop: float, rows: int) -> Judged:
    sign = 1.0 if metric in LOWER_IS_BETTER else -1.0
    null = MARGIN["nats" if metric in LOWER_IS_BETTER else "points"]
    random = random_of(metric, kind, sizes.tolist(), drop)
    parts = [judged(METRICS[metric](random, sizes, CHUNK, drop, kind), sign, null) for _ in range(rows // CHUNK)]
    return Judged(*(np.concatenate(of_all) for of_all in zip(*parts, strict=True)))


def drop_cell(metric: str, kind: str, layout: str) -> dict[str, Any]:
    """Verdicts at a drop of the margin, at none and at three margins."""
    sizes = shape(layout)
    margin = MARGIN["nats" if metric in LOWER_IS_BETTER else "points"]
    there, none, far = (
        judged_many(metric, kind, sizes, drop, rows)
        for drop, rows in ((margin, AT_MARGIN), (0.0, ELSEWHERE), (3.0 * margin, ELSEWHERE))
    )

    def kept(found: Judged) -> float:
        return float(np.mean(found.able & (found.z < -found.t)))

    def lost(found: Judged) -> float:
        return float(np.mean(found.able & found.may_lose & (found.z > found.t)))

    return {
        "metric": metric,
        "changes": kind,
        "clusters": layout,
        "items": int(sizes.sum()),
        "effective": round(float(sizes.sum() ** 2 / (sizes**2).sum()), 1),
        "coverage": float(np.mean(np.abs(there.z) <= there.t)),
        "false kept": kept(there),
        "false lost": lost(there),
        "kept if unchanged": kept(none),
        "lost at 3 margins": lost(far),
    }


def enumerated(items: int, worse: float, better: float) -> Iterator[tuple[int, int, float]]:
    """All (b, c) that matter, with their trinomial probability."""
    spans = []
    for share in (worse, better):
        reach = 6.0 * math.sqrt(items * share * (1.0 - share)) + 6.0
        spans.append(np.arange(max(0, int(items * share - reach)), min(items, int(items * share + reach)) + 1))
    b, c = spans[0][:, None], spans[1][None, :]
    same = np.maximum(items - b - c, 0)
    log = gammaln(items + 1.0) - gammaln(b + 1.0) - gammaln(c + 1.0) - gammaln(same + 1.0)
    p = np.exp(log + xlogy(b, worse) + xlogy(c, better) + xlogy(same, 1.0 - worse - better)) * (b + c <= items)
    for i, j in zip(*np.nonzero(p > 1e-7), strict=True):
        yield int(b[i, 0]), int(c[0, j]), float(p[i, j])


def plan_cell(abilities: int, discordant: float) -> dict[str, Any]:
    """What is promised to each of several declared abilities, binary, 400 independent items; exact."""
    m, half, items = MARGIN["points"] / 100.0, discordant / 2.0, 400
    alpha = ALPHA / abilities

    def power_lost(drop: float) -> float:
        bound = -float(ndtri(ALPHA))
        return sum(
            p
            for b, c, p in enumerated(items, half + drop, half)
            if tango_z(b, c, items, m) > bound and tango_mid_p_above(b, c, items, m) <= alpha
        )

    def power_kept(count: int) -> float:
        bound = float(ndtri(ALPHA))
        return sum(p for b, c, p in enumerated(count, half, half) if tango_z(b, c, count, m) < bound)

    planned, alone = (detectable_drop_binary(discordant, items, m, a) for a in (alpha, ALPHA))
    needed = items_for_kept_binary(discordant, m, power=power_of_each(abilities))
    assert planned is not None
    assert alone is not None
    return {
        "abilities": abilities,
        "discordant": discordant,
        "detectable drop": 100.0 * planned,
        "power lost": power_lost(planned),
        "power lost, planned for one": power_lost(alone),
        "items for kept": needed,
        "gate passes": power_kept(needed) ** abilities,
        "gate passes, planned for one": power_kept(items_for_kept_binary(discordant, m)) ** abilities,
    }


def looks_cell(looks: int, corrected: bool = True) -> dict[str, Any]:
    """Looks at 600/K, 2·600/K … 600 binary items with 10 % discordant; the first verdict stands."""
    m = MARGIN["points"] / 100.0
    alpha = alpha_of(looks) if corrected else ALPHA
    bound = pocock_bound(looks) if corrected else -float(ndtri(ALPHA))
    result: dict[str, Any] = {"looks": f"{looks}{'' if corrected else ', uncorrected'}", "bound": bound}
    for name, drop in (("at the margin", m), ("unchanged", 0.0), ("a drop of 12", 0.12)):
        random = random_of("looks", looks, corrected, name)
        # At the margin the drop is part of the 10 % discordant; else it comes on top.
        share = (0.10 - drop) / 2.0 if drop == m else 0.05
        steps = random.multinomial(600 // looks, [share + drop, share, 1.0 - 2.0 * share - drop], (20_000, looks))
        counts = steps.cumsum(axis=1)
        verdict, asked = np.zeros(len(counts), dtype=int), np.full(len(counts), 600)
        for look in range(looks):
            items = 600 // looks * (look + 1)
            b, c = counts[:, look, 0], counts[:, look, 1]
            z = many_tango_z(b / items, c / items, items, m)
            pairs, where = np.unique(np.stack([b, c], axis=1), axis=0, return_inverse=True)
            sure = np.array(
                [
                    tango_z(int(x), int(y), items, m) > bound and tango_mid_p_above(int(x), int(y), items, m) <= alpha
                    for x, y in pairs
                ]
            )[where.ravel()]
            now = np.where(verdict != 0, 0, np.where(z < -bound, -1, np.where(sure, 1, 0)))
            asked[now != 0] = items
            verdict += now
        result[f"kept, {name}"] = float(np.mean(verdict == -1))
        result[f"lost, {name}"] = float(np.mean(verdict == 1))
        result[f"items, {name}"] = float(asked.mean())
    return result


def retention_z(sample: Sample, floor: float, ratio: float) -> tuple[FloatArray, FloatArray]:
    """The test of "the retention is `ratio`", and its quantile of t."""
    (base, of_base), (tuned, of_tuned) = (pseudo_values(c, sample.statistic) for c in (sample.before, sample.after))
    values = ratio * (of_base - floor) - (of_tuned - floor)
    differing = (sample.before != sample.after).any(axis=-1).sum(axis=1).astype(float)
    estimate = ratio * (base - floor) - (tuned - floor)
    z, effective = jackknife_z(values, estimate, 0.0, sample.sizes, differing)
    return z, stdtrit(effective - 1.0, 1.0 - ALPHA)


def retention_cell(metric: str, kind: str, layout: str, drop: float) -> dict[str, Any]:
    """Coverage of the true retention where a drop befell a base 40 points above the floor."""
    sizes = shape(layout)
    random = random_of("retention", metric, kind, layout, drop)
    base_mean = {"accuracy": 70.0, "token F1": 62.5, "ROUGE-like": 45.0}[metric]
    floor = base_mean - 40.0
    true = (base_mean - drop - floor) / (base_mean - floor)
    held, wide = [], []
    for _ in range(AT_MARGIN // CHUNK):
        sample = METRICS[metric](random, sizes, CHUNK, drop, kind)
        found, t = retention_z(sample, floor, true)
        held.append(np.abs(found) <= t)
        wide.append(np.abs(retention_z(sample, floor, 1.0)[0]) <= t)
    return {
        "metric": metric,
        "changes": kind,
        "clusters": layout,
        "true": true,
        "coverage": float(np.mean(np.concatenate(held))),
        "holds 1": float(np.mean(np.concatenate(wide))),
    }


TAILS: dict[str, Callable[[np.random.Generator, tuple[int, int]], tuple[FloatArray, float]]] = {
    "exponential": lambda r, s: (r.exponential(0.2, s), 0.2),
    "lognormal 1": lambda r, s: (np.exp(r.normal(0.0, 1.0, s)), math.exp(0.5)),
    "lognormal 1.5": lambda r, s: (np.exp(r.normal(0.0, 1.5, s)), math.exp(1.125)),
    "lognormal 2": lambda r, s: (np.exp(r.normal(0.0, 2.0, s)), math.exp(2.0)),
    "Pareto 3": lambda r, s: (r.pareto(3.0, s), 0.5),
    "Pareto 2.2": lambda r, s: (r.pareto(2.2, s), 1.0 / 1.2),
    "5 % far off": lambda r, s: (r.exponential(0.1, s) + (r.random(s) < 0.05) * r.exponential(3.0, s), 0.25),
}


def drift_cell(tail: str, sequences: int) -> dict[str, Any]:
    """Coverage of the true mean KL a token."""
    random = random_of("drift", tail, sequences)
    below, above = [], []
    for _ in range(AT_MARGIN // CHUNK):
        tokens = random.integers(20, 129, (CHUNK, sequences)).astype(float)
        each, true = TAILS[tail](random, (CHUNK, sequences))
        mean, values = pseudo_values(np.stack([each * tokens, tokens], axis=-1), mean_of)
        z, effective = jackknife_z(values, mean, true, tokens, None, BEYOND)
        t = stdtrit(effective - 1.0, 1.0 - ALPHA)
        below.append(z < -t)
        above.append(z > t)
    low, high = float(np.mean(np.concatenate(below))), float(np.mean(np.concatenate(above)))
    return {"KL": tail, "sequences": sequences, "coverage": 1.0 - low - high, "too low": low, "too high": high}


# The whole, and its table ----------------------------------------------------------------------------------------


def code() -> str:
    """Of the functions under test."""
    package = Path(keeptune.__file__).parent
    return hashlib.sha256(b"".join((package / name).read_bytes() for name in SOURCES)).hexdigest()[:12]


def run() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    if found.get("code") != code():
        found = {"code": code(), "seed": SEED, "repetitions": AT_MARGIN, "seconds": 0.0, "cells": {}}
    known = [name for name, _ in cells()]
    for name, make in cells():
        if name in found["cells"]:
            continue
        began = time.process_time()
        found["cells"][name] = {k: round(v, 4) if isinstance(v, float) else v for k, v in make().items()}
        found["seconds"] = round(found["seconds"] + time.process_time() - began, 1)
        found["commit"] = subprocess.run(
            ["git", "rev-parse", "--short=9", "HEAD"],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parent,
        ).stdout.strip()
        found["cells"] = {name: found["cells"][name] for name in known if name in found["cells"]}
        RESULTS.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")
        print(name, found["cells"][name], file=sys.stderr, flush=True)
    return found


HEADS = {
    "drop": "Verdicts on a drop",
    "plan": "What is promised of several declared abilities",
    "looks": "Planned looks",
    "retention": "Retention",
    "drift": "Drift",
}


def outside(found: dict[str, Any]) -> list[tuple[str, str, float]]:
    """(cell, figure, value) of all figures outside the nominal limits."""
    return [
        (name, key, cell[key])
        for name, cell in found["cells"].items()
        for key, (low, high) in NOMINAL.items()
        if key in cell and not low <= cell[key] <= high
    ]


def table(found: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "# The grid of verdicts and intervals",
        "",
        f"By `python benchmarks/verdict_grid.py` at commit {found['commit']}: {found['repetitions']:,} repetitions a "
        f"cell at the margin, seed {found['seed']}, {found['seconds']:.0f} s of one processor. Nominal: coverage 93.5 "
        "to 96.5 %, false verdicts at most 3.5 % (2.5 % by design); what lies outside is bold. Effective: clusters of "
        f"equal size that would tell as much; below {MIN_EFFECTIVE} no verdict is given.",
    ]
    for part, head in HEADS.items():
        rows = [cell for name, cell in found["cells"].items() if name.split(" | ")[0] == part]
        if not rows:
            continue
        keys = list(rows[0])
        lines += ["", f"## {head}", "", f"| {' | '.join(keys)} |", "|---" * len(keys) + "|"]
        lines += [f"| {' | '.join(_shown(key, row[key]) for key in keys)} |" for row in rows]
    far = outside(found)
    lines += ["", f"{len(far)} figures lie outside: " + summary(far), ""]
    return "\n".join(lines)


def headline(found: dict[str, Any]) -> str:
    """The worst of each part, for docs/forgetting.md."""

    def span(part: str, key: str, least: int = 0) -> str:
        cells = [cell for name, cell in found["cells"].items() if name.split(" | ")[0] == part]
        values = [100 * cell[key] for cell in cells if cell.get("abilities", least) >= least]
        return f"{min(values):.1f} to {max(values):.1f} %"

    def of_looks(name: str, key: str) -> str:
        return f"{100 * found['cells'][f'looks | {name}'][key]:.1f} %"

    drops = sum(name.startswith("drop") for name in found["cells"])
    asked = found["cells"]["looks | 4"]["items, unchanged"]
    lines = [
        f"- {drops} cases of a drop at the margin: false *kept* {span('drop', 'false kept')}, false *lost* "
        f"{span('drop', 'false lost')} (nominal 2.5, at most 3.5), coverage {span('drop', 'coverage')} (93.5 to 96.5).",
        f"- Promises to 1 to 14 declared abilities: the drop stated is lost in {span('plan', 'power lost')}, and with "
        f"the items stated an unchanged model passes in {span('plan', 'gate passes')} (nominal 80). Planned as for one "
        f"ability, 4 to 14 would pass in {span('plan', 'gate passes, planned for one', 4)}.",
        f"- Four planned looks, 600 items in the end: at the margin *kept* {of_looks('4', 'kept, at the margin')}, "
        f"*lost* {of_looks('4', 'lost, at the margin')}; unchanged, *kept* in {of_looks('4', 'kept, unchanged')} with "
        f"{asked:.0f} items in the mean. Six looks without correction: "
        f"{of_looks('6 uncorrected', 'kept, at the margin')} and {of_looks('6 uncorrected', 'lost, at the margin')}.",
        f"- Coverage of retention {span('retention', 'coverage')}, of drift {span('drift', 'coverage')}.",
        f"- {summary(outside(found))}",
    ]
    return "\n".join(lines)


def summary(far: list[tuple[str, str, float]]) -> str:
    over = [value for _, key, value in far if key == "coverage" and value > NOMINAL["coverage"][1]]
    under = [
        f"{name}, {key} {value:.1%}" for name, key, value in far if key != "coverage" or value < NOMINAL["coverage"][0]
    ]
    most = f"{max(over, default=0.0):.1%}"
    wide = f"{len(over)} intervals cover more than 96.5 % (up to {most}): wider than need be, never too sure"
    return f"{wide}. Too sure: {'; '.join(under) if under else 'none'}."


def _shown(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if key in ("items", "items for kept", "abilities", "sequences") or key.startswith("items, "):
        return f"{value:,.0f}"
    if key in ("effective", "detectable drop"):
        return f"{value:.1f}"
    if key in ("bound", "true"):
        return f"{value:.3f}"
    shown = f"{100 * value:.1f} %"
    low, high = NOMINAL.get(key, (-math.inf, math.inf))
    return shown if low <= value <= high else f"**{shown}**"


def main() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if "--table" in sys.argv else run()
    RESULTS.with_suffix(".md").write_text(table(found), encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    main()
