"""How often verdicts in blocks (`--sequential`) are wrong and what they save, beside the verdict on all items.

    python benchmarks/sequential_verdicts.py            run all (minutes on one core), write results and table
    python benchmarks/sequential_verdicts.py --table    write the table of the results that are there

The samples are those of the grid of verdicts, and scores between 0 and 1 like ROUGE; the rules are the package's, over
many samples at once. At a drop of exactly the margin every verdict is false.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit

from keeptune.forgetting.sequential import EARLY, block_ends
from keeptune.statistics.confidence_sequence import Bets, Planned, anytime_p
from keeptune.statistics.jackknife import MIN_DIFFERING
from keeptune.statistics.planning import ALPHA
from verdict_cells import MARGIN, Judged, judged, random_of
from verdict_samples import LOWER_IS_BETTER, METRICS, FloatArray, Sample, mean_of, means, shape

RESULTS = Path(__file__).parent / "results" / "sequential_verdicts.json"
AT_MARGIN, ELSEWHERE, CHUNK = 1_000, 250, 250
DROPS = {"at the margin": 1.0, "unchanged": 0.0, "2.4 margins": 2.4, "5 margins": 5.0}
LAYOUTS = ("200 singles", "400 singles", "106 x 4", "200 lognormal")
KINDS = {
    "accuracy": ("2% 0.2", "10% 0.2", "20% 0.2"),
    "ROUGE in scale": ("moves",),
    "token F1": ("falls only",),
    "entity F1": ("missed", "ramble"),
    "loss": ("skewed",),
}
MOST_FALSE = 0.035


def rouge_in_scale(random: np.random.Generator, sizes: NDArray[np.int_], rows: int, drop: float, _: str) -> Sample:
    """Scores about 45, none outside 0 to 100; 60 % of the answers are written anew, the drop is theirs."""
    items = (rows, int(sizes.sum()))
    base = random.beta(7.0, 8.6, items)
    mean = 7.0 / 15.6 - drop / 60.0
    anew = random.beta(12.0 * mean, 12.0 * (1.0 - mean), items)
    return means(sizes, 100.0 * base, 100.0 * np.where(random.random(items) < 0.6, anew, base))


SAMPLERS = {**METRICS, "ROUGE in scale": rouge_in_scale}


class Verdicts(NamedTuple):
    """[rows] each: −1 kept, 1 lost, 0 neither; and the share of the items that was evaluated."""

    fixed: NDArray[np.int_]
    blocks: NDArray[np.int_]
    share: FloatArray


def in_any_order(random: np.random.Generator, sample: Sample) -> Sample:
    """The clusters of each row shuffled, as `in_blocks` does it."""
    order = np.argsort(random.random(sample.sizes.shape), axis=1)
    before, after = (np.take_along_axis(each, order[..., None], axis=1) for each in (sample.before, sample.after))
    return sample._replace(before=before, after=after, sizes=np.take_along_axis(sample.sizes, order, axis=1))


def verdict_of(found: Judged, t: FloatArray) -> NDArray[np.int_]:
    """As `Drop.verdict`, by the quantile `t`."""
    lost = found.able & found.may_lose & (found.z > t)
    return np.where(found.able & (found.z < -t), -1, np.where(lost, 1, 0))


def effective_number(sample: Sample) -> FloatArray:
    return np.asarray(sample.sizes.sum(axis=1) ** 2 / (sample.sizes**2).sum(axis=1))


def early(sample: Sample, ends: list[int], sign: float, margin: float) -> NDArray[np.int_]:
    """[rows, blocks but the last]: the verdicts of the confidence sequence after each block."""
    alpha, clusters = EARLY * ALPHA, sample.sizes.shape[1]
    if sample.statistic is mean_of and sign < 0.0:
        planned = Planned(int(sample.sizes[0].sum()), clusters, int(sample.sizes.max()))
        drops = (sample.before[..., 0] - sample.after[..., 0]) / 100.0
        bets = Bets(drops, sample.sizes, planned, alpha)
        at = [end - 1 for end in ends[:-1]]
        above, below = (bets.running_p(margin / 100.0, side)[:, at] for side in (1.0, -1.0))
        return np.where(below <= alpha, -1, np.where(above <= alpha, 1, 0))
    verdicts = []
    for end in ends[:-1]:
        part = Sample(sample.before[:, :end], sample.after[:, :end], sample.statistic, sample.sizes[:, :end])
        found = judged(part, sign, margin)
        z = -ndtri(stdtr(np.maximum(effective_number(part) - 1.0, 1.0), -np.abs(found.z)))
        p = np.array([anytime_p(each, end / clusters, alpha) for each in z])
        side = np.where(found.z < 0.0, -1, np.where(found.may_lose, 1, 0))
        verdicts.append(np.where(found.able & (p <= alpha), side, 0))
    return np.stack(verdicts, axis=1)


def verdicts(metric: str, kind: str, sizes: NDArray[np.int_], margins: float, rows: int) -> Verdicts:
    """Of `rows` samples at a drop of so many margins."""
    sign = 1.0 if metric in LOWER_IS_BETTER else -1.0
    margin = MARGIN["nats" if metric in LOWER_IS_BETTER else "points"]
    random = random_of("sequential", metric, kind, sizes.tolist(), margins)
    ends = block_ends(len(sizes))
    parts = []
    for _ in range(rows // CHUNK):
        sample = in_any_order(random, SAMPLERS[metric](random, sizes, CHUNK, margins * margin, kind))
        found = judged(sample, sign, margin)
        strict = stdtrit(np.maximum(effective_number(sample) - 1.0, 1.0), 1.0 - (1.0 - EARLY) * ALPHA)
        by_block = np.column_stack([early(sample, ends, sign, margin), verdict_of(found, strict)])
        first = np.where((by_block != 0).any(axis=1), (by_block != 0).argmax(axis=1), len(ends) - 1)
        items = sample.sizes.cumsum(axis=1)[:, [end - 1 for end in ends]]
        row = np.arange(CHUNK)
        parts.append(Verdicts(verdict_of(found, found.t), by_block[row, first], items[row, first] / items[:, -1]))
    return Verdicts(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def cell(metric: str, kind: str, layout: str) -> dict[str, Any]:
    """False verdicts at the margin, and verdicts and shares of items elsewhere: on all items → in blocks."""
    sizes = shape(layout)
    found: dict[str, Any] = {"metric": metric, "changes": kind, "clusters": layout, "items": int(sizes.sum())}
    for name, margins in DROPS.items():
        seen = verdicts(metric, kind, sizes, margins, AT_MARGIN if margins == 1.0 else ELSEWHERE)
        if margins <= 1.0:
            found[f"kept, {name}"] = [float(np.mean(each == -1)) for each in (seen.fixed, seen.blocks)]
        if margins >= 1.0:
            found[f"lost, {name}"] = [float(np.mean(each == 1)) for each in (seen.fixed, seen.blocks)]
        found[f"items, {name}"] = float(seen.share.mean())
    return found


def run() -> dict[str, Any]:
    began = time.process_time()
    cells = []
    for metric, kinds in KINDS.items():
        for kind in kinds:
            for layout in LAYOUTS:
                cells.append(rounded(cell(metric, kind, layout)))
                print(cells[-1], file=sys.stderr, flush=True)
    seconds = round(time.process_time() - began)
    return {"early": EARLY, "least differing": MIN_DIFFERING, "seconds": seconds, "cells": cells}


def rounded(found: dict[str, Any]) -> dict[str, Any]:
    def short(value: Any) -> Any:
        return round(value, 4) if isinstance(value, float) else value

    return {key: [*map(short, value)] if isinstance(value, list) else short(value) for key, value in found.items()}


def misses(result: dict[str, Any]) -> list[str]:
    """False verdicts in blocks that are more frequent than the limit."""
    return [
        f"{cell['metric']}, {cell['changes']}, {cell['clusters']}: {key} {cell[key][1]:.1%}"
        for cell in result["cells"]
        for key in ("kept, at the margin", "lost, at the margin")
        if cell[key][1] > MOST_FALSE
    ]


def text(result: dict[str, Any]) -> str:
    """What the whole grid says, for the table and for docs/forgetting.md."""
    cells = result["cells"]

    def span(key: str, place: int) -> str:
        values = [100 * cell[key][place] for cell in cells]
        return f"{min(values):.1f} to {max(values):.1f} %"

    lines = [
        f"- {word} at the margin, where it is false: {span(f'{word}, at the margin', 1)} in blocks, "
        f"{span(f'{word}, at the margin', 0)} on all items."
        for word in ("kept", "lost")
    ]
    for word, name in (("kept", "unchanged"), ("lost", "2.4 margins"), ("lost", "5 margins")):
        power = [float(np.mean([cell[f"{word}, {name}"][place] for cell in cells])) for place in (0, 1)]
        items = float(np.mean([cell[f"items, {name}"] for cell in cells]))
        lines.append(
            f"- {word}, {name}: {shown(power[1])} against {shown(power[0])}, with {shown(items)} of the items."
        )
    return "\n".join(lines)


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    keys = list(result["cells"][0])
    missed = misses(result)
    lines = [
        "# Verdicts in blocks beside verdicts on all items",
        "",
        f"By `python benchmarks/sequential_verdicts.py`: {AT_MARGIN:,} repetitions at the margin, {ELSEWHERE:,} "
        f"elsewhere, {result['seconds']} s of one processor. {shown(result['early'])} of the error is for stopping "
        "early. Two figures: on all items → in blocks. Items: the mean share that was evaluated in blocks.",
        "",
        text(result),
        "",
        f"| {' | '.join(keys)} |",
        "|---" * len(keys) + "|",
        *(f"| {' | '.join(shown(cell[key]) for key in keys)} |" for cell in result["cells"]),
        "",
        f"False verdicts at most {100 * MOST_FALSE:.1f} % (2.5 % by design): "
        + ("all are met." if not missed else "missed by " + "; ".join(missed) + "."),
        "",
    ]
    return "\n".join(lines)


def shown(value: Any) -> str:
    if isinstance(value, list):
        return " → ".join(f"{100 * each:.1f} %" for each in value)
    return f"{100 * value:.0f} %" if isinstance(value, float) else str(value)


def main() -> None:
    if "--table" not in sys.argv:
        RESULTS.write_text(json.dumps(run(), indent=1) + "\n", encoding="utf-8")
    result = json.loads(RESULTS.read_text(encoding="utf-8"))
    RESULTS.with_suffix(".md").write_text(table(result), encoding="utf-8")
    print(table(result))


if __name__ == "__main__":
    main()
