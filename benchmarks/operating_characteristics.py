"""How often the verdicts are wrong, and how often they find what they promise to find.

    python benchmarks/operating_characteristics.py            run all (some minutes, one thread), write the results
    python benchmarks/operating_characteristics.py --table    print the table of the results that were written

Binary scores of independent items, by exact enumeration of all tables, and several of them under Holm's correction, by
seeded simulation; other scores and clustered items are in verdict_grid.py. The functions under test are the package's
own, at the default margin of 5 points. "At the margin" means that the true drop is exactly 5 points: there every "kept"
and every "lost" is false.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr, xlogy

from keeptune.forgetting.drop import binary_drop
from keeptune.forgetting.gate import FAMILY_ALPHA
from keeptune.statistics.multiplicity import holm_adjust
from keeptune.statistics.planning import ALPHA
from keeptune.statistics.tango import tango_mid_p_above, tango_z

RESULTS = Path(__file__).parent / "results" / "operating_characteristics.json"
MARGIN = 5.0
ITEMS = (200, 300, 400, 500, 600)
DISCORDANT = (0.05, 0.10, 0.20, 0.40)
FAMILIES = 10_000
SEED = 20_250_101

LIMITS = {
    "binary": {"false kept": (0.0, 0.03), "false lost": (0.0, 0.04), "power": (0.79, 1.0)},
    "several abilities": {"any false lost": (0.0, 0.045)},
}
"""What each kind of figure must lie between, by part."""

FloatArray = NDArray[np.float64]


# Binary scores, exactly ------------------------------------------------------------------------------------------


Z = -NormalDist().inv_cdf(ALPHA)


@cache
def binary_verdict(worse: int, better: int, items: int) -> str:
    """`binary_drop(worse, better, items, MARGIN).verdict(MARGIN)`, without solving for the limits: a test compares."""
    z = tango_z(worse, better, items, MARGIN / 100.0)
    if z < -Z:
        return "kept"
    lost = z > Z and tango_mid_p_above(worse, better, items, MARGIN / 100.0) <= ALPHA
    return "lost" if lost else "inconclusive"


def tables(items: int, worse: float, better: float) -> Iterator[tuple[int, int, float]]:
    """All (b, c) that matter, with their trinomial probability."""
    reach = [7.0 * math.sqrt(items * p * (1.0 - p)) + 7.0 for p in (worse, better)]
    b = np.arange(max(0, int(items * worse - reach[0])), min(items, int(items * worse + reach[0])) + 1)[:, None]
    c = np.arange(max(0, int(items * better - reach[1])), min(items, int(items * better + reach[1])) + 1)[None, :]
    same = items - b - c
    log = gammaln(items + 1.0) - gammaln(b + 1.0) - gammaln(c + 1.0) - gammaln(np.maximum(same, 0) + 1.0)
    log = log + xlogy(b, worse) + xlogy(c, better) + xlogy(np.maximum(same, 0), 1.0 - worse - better)
    p = np.where(same >= 0, np.exp(log), 0.0)
    for i, j in zip(*np.nonzero(p > 1e-9), strict=True):
        yield int(b[i, 0]), int(c[0, j]), float(p[i, j])


def share_of(verdict: str, items: int, worse: float, better: float) -> float:
    """Probability of a verdict, where `worse` and `better` are the true shares of items that flip."""
    return sum(p for b, c, p in tables(items, worse, better) if binary_verdict(b, c, items) == verdict)


def binary_cell(items: int, discordant: float) -> dict[str, float]:
    """One number of items and share of discordant pairs.

    False verdicts with that share discordant and a true drop of the margin. Powers with that share discordant, half
    each way, where nothing is lost: of "kept" there, with as many items as are said to be needed; of "lost" with the
    stated detectable drop on top. What a report states depends on what it happened to see: the last figure is the mean
    power over all tables that it may see where nothing is lost.
    """
    m, half = MARGIN / 100.0, discordant / 2.0
    planned = binary_drop(round(items * half), round(items * half), items, MARGIN)
    assert planned.detectable is not None
    assert planned.items_to_decide is not None
    drop = planned.detectable / 100.0
    return {
        "items": items,
        "discordant": discordant,
        "false kept": share_of("kept", items, half + m / 2.0, half - m / 2.0),
        "false lost": share_of("lost", items, half + m / 2.0, half - m / 2.0),
        "detectable drop": planned.detectable,
        "power lost": share_of("lost", items, half + drop, half),
        "power lost, as stated": power_as_stated(items, half),
        "items for kept": planned.items_to_decide,
        "power kept": share_of("kept", planned.items_to_decide, half, half),
    }


def power_as_stated(items: int, half: float) -> float:
    """Mean over the reports of an unchanged model of the power at the detectable drop that each states."""
    by_flips: dict[int, float] = {}
    for b, c, p in tables(items, half, half):
        by_flips[b + c] = by_flips.get(b + c, 0.0) + p
    stated = {flips: binary_drop(flips, 0, items, MARGIN).detectable for flips in by_flips}
    drops = np.linspace(min(filter(None, stated.values())), max(filter(None, stated.values())), 9)
    powers = [share_of("lost", items, half + d / 100.0, half) for d in drops]
    return float(sum(p * np.interp(stated[flips] or 0.0, drops, powers) for flips, p in by_flips.items()))


# Several abilities -----------------------------------------------------------------------------------------------


def family_cell(
    abilities: int, correlation: float, repetitions: int, discordant: tuple[float, ...] = DISCORDANT, items: int = 300
) -> dict[str, Any]:
    """Chance that any of several abilities, all exactly at the margin, is called lost.

    Binary, with the shares of `discordant` in turn. `correlation`: of the latent normal of an item in all abilities,
    so that the same items flip.
    """
    random = np.random.default_rng([SEED, abilities, round(100 * correlation)])
    shares = np.resize(discordant, abilities)
    worse, better = (shares + MARGIN / 100.0) / 2.0, (shares - MARGIN / 100.0) / 2.0
    wrong = 0
    for _ in range(repetitions):
        common = random.standard_normal((items, 1))
        latent = math.sqrt(correlation) * common + math.sqrt(1.0 - correlation) * random.standard_normal(
            (items, abilities)
        )
        u = ndtr(latent)
        b, c = (u < worse).sum(axis=0), (u > 1.0 - better).sum(axis=0)
        p = [p_value(int(x), int(y), items) for x, y in zip(b, c, strict=True)]
        wrong += min(holm_adjust(p)) <= FAMILY_ALPHA
    return {
        "abilities": abilities,
        "items": items,
        "discordant shares": ", ".join(f"{share:.0%}" for share in discordant),
        "correlation": correlation,
        "any false lost": wrong / repetitions,
    }


@cache
def p_value(worse: int, better: int, items: int) -> float:
    return tango_mid_p_above(worse, better, items, MARGIN / 100.0)


# The whole, and its table ----------------------------------------------------------------------------------------


def run_all() -> dict[str, Any]:
    start = time.process_time()
    result: dict[str, Any] = {"margin": MARGIN, "families": FAMILIES, "seed": SEED}
    result["binary"] = [told(binary_cell(n, share)) for n in ITEMS for share in DISCORDANT]
    result["several abilities"] = [
        told(family_cell(abilities, correlation, FAMILIES, shares))
        for shares in (DISCORDANT, DISCORDANT[:1])
        for abilities in (5, 10)
        for correlation in (0.0, 0.5, 0.9)
    ]
    result["seconds"] = round(time.process_time() - start)
    return result


def told(cell: dict[str, Any]) -> dict[str, Any]:
    print(cell, file=sys.stderr, flush=True)
    return cell


def misses(result: dict[str, Any]) -> list[str]:
    """Every figure outside its limits."""
    found = []
    for part, limits in LIMITS.items():
        for cell in result[part]:
            for key, value in cell.items():
                low, high = limits.get("power" if key.startswith("power") else key, (-math.inf, math.inf))
                if not isinstance(value, str) and not low <= value <= high:
                    found.append(f"{part}: {key} = {value:.4f} in {cell}")
    return found


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    lines = [
        "# Operating characteristics of the verdicts",
        "",
        f"By `python benchmarks/operating_characteristics.py`: margin {result['margin']:g} points, seed "
        f"{result['seed']}, {result['seconds']} s of one processor. At the margin every kept and every lost is false.",
    ]
    heads = {
        "binary": "Binary scores, exact enumeration of all tables",
        "several abilities": f"Several abilities, all at the margin, {result['families']:,} repetitions",
    }
    for part, head in heads.items():
        keys = list(result[part][0])
        lines += ["", f"## {head}", "", f"| {' | '.join(keys)} |", "|---" * len(keys) + "|"]
        lines += [f"| {' | '.join(_cell(key, cell[key]) for key in keys)} |" for cell in result[part]]
    limits = "; ".join(
        f"{part}: " + ", ".join(f"{key} {low:.1%} to {high:.1%}" for key, (low, high) in kinds.items())
        for part, kinds in LIMITS.items()
    )
    missed = misses(result)
    lines += ["", f"Limits: {limits}. {'All are met.' if not missed else 'Missed: ' + '; '.join(missed)}", ""]
    return "\n".join(lines)


def _cell(key: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if key in ("items", "items for kept", "abilities"):
        return f"{value:,}"
    if key in ("detectable drop", "correlation"):
        return f"{value:.1f}"
    return f"{100 * value:.0f} %" if key == "discordant" else f"{100 * value:.1f} %"


def main() -> None:
    if "--table" not in sys.argv:
        RESULTS.write_text(json.dumps(run_all(), indent=1) + "\n", encoding="utf-8")
    result = json.loads(RESULTS.read_text(encoding="utf-8"))
    RESULTS.with_suffix(".md").write_text(table(result), encoding="utf-8")
    print(table(result))
    if missed := misses(result):
        sys.exit("\n".join(["outside the limits:", *missed]))


if __name__ == "__main__":
    main()
