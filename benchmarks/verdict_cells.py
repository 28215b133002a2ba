"""The cells of the grid: verdicts and intervals of simulated scores, judged as the package does.

The rules are the package's, over many samples at once; tests/forgetting/test_verdict_grid.py checks that they agree
with `measure_drop`. Binary scores of independent items are enumerated exactly by operating_characteristics.py.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtri, stdtrit, xlogy

from keeptune.forgetting.drift import BEYOND
from keeptune.statistics.jackknife import MIN_CLUSTERS, MIN_DIFFERING, MIN_EFFECTIVE
from keeptune.statistics.looks import alpha_of, pocock_bound
from keeptune.statistics.planning import ALPHA, detectable_drop_binary, items_for_kept_binary, power_of_each
from keeptune.statistics.score_test import score_z
from keeptune.statistics.tango import tango_mid_p_above, tango_z
from verdict_samples import LOWER_IS_BETTER, METRICS, FloatArray, Sample, mean_of, shape

SEED = 20_261_128
AT_MARGIN, ELSEWHERE = 4_000, 1_000
CHUNK = 500
MARGIN = {"points": 5.0, "nats": 0.05}


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
