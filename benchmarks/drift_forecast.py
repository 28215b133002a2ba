"""Whether drift tells which candidates lose an ability: `python benchmarks/drift_forecast.py`, from the records alone.

A search could leave out a candidate whose drift, KL(base ‖ tuned) on text of the base or on prompts, is above a
threshold. For each record of `results/claims` and `results/model_case`, the threshold comes from the others: the
one with the fewest errors. An error is a run that keeps and would be left out, or one that loses and would be tried.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

from scipy.stats import spearmanr

RESULTS = Path(__file__).parent / "results"
OUT = RESULTS / "drift_forecast.json"
HALF = 0.5
"""A run keeps if no declared ability falls by more than this share of its margin, as in the search."""


def runs() -> list[dict[str, object]]:
    """Every record with drift and declared abilities: its name, its drift by text, its worst drop by its margin."""
    found = []
    for file in sorted((*RESULTS.glob("claims/*.json"), *RESULTS.glob("model_case/*.json"))):
        report = json.loads(file.read_text()).get("forgetting") or {}
        rows = [row for row in report.get("drift") or () if isinstance(row["kl"], dict)]
        drops = [
            ability["drop"]["estimate"] / ability["margin"]
            for ability in report.get("abilities", ())
            if ability["declared"] and isinstance(ability["drop"], dict)
        ]
        if rows and drops:
            drift = {row["on"]: row["kl"]["estimate"] for row in rows}
            found.append({"run": f"{file.parent.name}/{file.stem}", "drift": drift, "worst": max(drops)})
    return found


def threshold(drifts: Sequence[float], keeps: Sequence[bool]) -> float:
    """Above it a run is left out: the one with the fewest errors, the largest of these."""
    places = [*drifts, float("inf")]
    return min(places, key=lambda at: (sum((d > at) == kept for d, kept in zip(drifts, keeps, strict=True)), -at))


def forecast(drifts: Sequence[float], worst: Sequence[float]) -> dict[str, float | int]:
    """Each run by the threshold of all others."""
    keeps = [each <= HALF for each in worst]
    wrong = missed = 0
    for n, (drift, kept) in enumerate(zip(drifts, keeps, strict=True)):
        at = threshold([*drifts[:n], *drifts[n + 1 :]], [*keeps[:n], *keeps[n + 1 :]])
        wrong += kept and drift > at
        missed += not kept and drift <= at
    of_keeping, of_losing = ([d for d, k in zip(drifts, keeps, strict=True) if k is kept] for kept in (True, False))
    pairs = list(product(of_keeping, of_losing))
    return {
        "runs": len(keeps),
        "keep": sum(keeps),
        "keep_but_left_out": wrong,
        "lose_but_tried": missed,
        "order": sum(keeping < losing for keeping, losing in pairs) / len(pairs),
        "spearman": float(spearmanr(drifts, worst).statistic),
    }


def main() -> None:
    """Write the error rates and print them."""
    found = runs()
    texts = sorted({on for run in found for on in run["drift"]})
    result = {}
    for on in texts:
        those = [run for run in found if on in run["drift"]]
        result[on] = forecast([run["drift"][on] for run in those], [run["worst"] for run in those])
        figures = result[on]
        sys.stdout.write(
            f"{on}: of {figures['keep']} runs that keep, {figures['keep_but_left_out']} would be left out; of "
            f"{figures['runs'] - figures['keep']} that lose, {figures['lose_but_tried']} would be tried; a run that "
            f"keeps drifted less than one that loses in {100 * figures['order']:.0f} % of the pairs; Spearman's ρ "
            f"{figures['spearman']:.2f}\n"
        )
    OUT.write_text(json.dumps({"by_text": result, "runs": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
