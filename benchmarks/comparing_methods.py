"""Do intervals over seeds hold what they promise, and is "surely" right? Simulated differences between two methods.

    python benchmarks/comparing_methods.py            run the grid and write results/comparing_methods.json (seconds)
    python benchmarks/comparing_methods.py --table    print it

Each simulated comparison has S seeds and n items: difference = truth + seed + item + rest, all normal. `seed` is the
standard deviation between seeds, `item` between items (the same under every seed), `rest` what is left; in points.
Coverage is that of the 95 % interval; *S − 1* is what Student's t with S − 1 degrees would cover and find, *one
checkpoint* what the items' interval of a single seed covers of the method. Power is the share in which a difference of
5 points is found above 0. *Six alike* is the share of comparisons of six methods that are the same in which any pair is
called surely different.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations, product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import stdtrit

from keeptune.experiments.compare_methods import sure_level
from keeptune.records import Undefined
from keeptune.statistics.jackknife import LeftOut
from keeptune.statistics.seeded import MIN_SEEDS, Seeded, seeded

FILE = Path(__file__).parent / "results" / "comparing_methods.json"
SEEDS, ITEMS, BY_SEED, BY_ITEM = (1, 2, 3, 5), (100, 300), (0.5, 1.0, 2.0, 4.0), (5.0, 20.0)
REST, TRUTH, REPEATS, METHODS, GROUPS = 20.0, 5.0, 1000, 6, 150
DRAWN_BY = 20261128


def of(scores: np.ndarray) -> Seeded:
    """From [seeds, items]."""
    items = scores.shape[1]
    return seeded(
        {n: LeftOut(float(row.mean()), (row.sum() - row) / (items - 1)) for n, row in enumerate(scores)}, "items"
    )


def drawn(rng: np.random.Generator, truth: float, case: tuple[int, int, float, float], item: np.ndarray) -> Seeded:
    """One method's change, or a difference between two."""
    seeds, items, by_seed, _ = case
    rest = rng.normal(0.0, REST, (seeds, items))
    return of(truth + rng.normal(0.0, by_seed, (seeds, 1)) + item + rest)


def measured(rng: np.random.Generator, case: tuple[int, int, float, float]) -> dict[str, Any]:
    """One row of the table."""
    seeds, items, by_seed, by_item = case
    found = []
    for _ in range(REPEATS):
        item = rng.normal(0.0, by_item, (1, items))
        found.append(drawn(rng, TRUTH, case, item))
    intervals = [each.interval() for each in found]
    row: dict[str, Any] = {"seeds": seeds, "items": items, "seed": by_seed, "item": by_item}
    row["coverage"] = float(np.mean([each.low <= TRUTH <= each.high for each in intervals]))
    row["power"] = float(np.mean([each.surely_above_zero() for each in found]))
    if seeds > 1:
        reaches = [float(stdtrit(seeds - 1, 0.975)) * each.standard_error for each in found]
        apart = zip(found, reaches, strict=True)
        row["s_minus_1_coverage"] = float(
            np.mean([abs(each.mean - TRUTH) <= reach for each, reach in zip(found, reaches, strict=True)])
        )
        row["s_minus_1_power"] = float(np.mean([each.mean > reach for each, reach in apart]))
    if seeds >= MIN_SEEDS:
        row["six_alike"] = float(np.mean([_any_apart(rng, case) for _ in range(GROUPS)]))
    return row


def _any_apart(rng: np.random.Generator, case: tuple[int, int, float, float]) -> bool:
    item = rng.normal(0.0, case[3], (1, case[1]))
    alike = [drawn(rng, 0.0, case, item) for _ in range(METHODS)]
    level = sure_level(METHODS)
    for one, other in combinations(alike, 2):
        for difference in (one.minus(other), other.minus(one)):
            if not isinstance(difference, Undefined) and difference.surely_above_zero(level):
                return True
    return False


def table(found: dict[str, Any]) -> str:
    """Markdown."""
    head = ("seeds", "items", "sd seeds", "sd items", "coverage", "S − 1", "power", "S − 1", "six alike")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in found["rows"]:
        shares = ("coverage", "s_minus_1_coverage", "power", "s_minus_1_power", "six_alike")
        cells = [f"{100.0 * row[name]:.1f}" if name in row else "–" for name in shares]
        cells = [cells[0], cells[1], cells[2] if row["seeds"] >= MIN_SEEDS else "never said", cells[3], cells[4]]
        lines.append(
            f"| {row['seeds']} | {row['items']} | {row['seed']:g} | {row['item']:g} | " + " | ".join(cells) + " |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the grid, or print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="print the table from the record and stop")
    if not parser.parse_args().table:
        rng = np.random.default_rng(DRAWN_BY)
        rows = [measured(rng, case) for case in product(SEEDS, ITEMS, BY_SEED, BY_ITEM)]
        settings = {"drawn_by": DRAWN_BY, "rest": REST, "truth": TRUTH, "repeats": REPEATS, "groups_of_six": GROUPS}
        FILE.write_text(json.dumps({"settings": settings, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    print(table(json.loads(FILE.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
