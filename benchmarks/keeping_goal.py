"""Whether a run keeps what was declared at the plain training's gain, time and memory: the goal, as figures.

A run reaches the goal where all of this holds:

- no ability is lost or collapsed;
- each declared ability is kept or, where too few items decide, its drop is estimated at less than half its margin;
- the ratio of its gain to that of the plain training of the same case, method and seed lies above 0.95 with its whole
  95 % interval;
- it takes at most 1.25 times the plain training's time, with the base's text written and α chosen;
- it takes at most 1.3 times its memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from keeptune.records import Interval, MaybeInterval, Undefined
from keeptune.statistics.fieller import fieller_interval
from keeptune.statistics.jackknife import FloatArray, paired_ratio

Record = Mapping[str, Any]
TEXT, ALPHA = "added_rows", "alpha"
"""Parts of a run: the base writes its text, within the part "load"; α is chosen."""
LEAST_GAIN, MOST_TIME, MOST_MEMORY, HALF = 0.95, 1.25, 1.3, 0.5
COUNTED_APART = ("train", "evaluate", TEXT)
"""Starts of the parts of a run that are not added to the seconds of its training: the training itself, the measuring,
and what is within another part."""
FAILED = ("lost", "collapsed")


def not_reached(record: Record, plain: Record) -> list[str]:
    """What keeps a run from the goal, in words; empty where it reaches it."""
    found = [f"{a['name']} {a['verdict']}" for a in record["abilities"] if not _kept(a)]
    ratio = gain_ratio(record, plain)
    if isinstance(ratio, Undefined) or ratio.low <= LEAST_GAIN:
        found.append(f"gain ÷ plain's {shown_ratio(ratio)}")
    for what, share, most in (
        ("time", minutes(record) / minutes(plain), MOST_TIME),
        ("memory", peak_bytes(record) / peak_bytes(plain), MOST_MEMORY),
    ):
        if share > most:
            found.append(f"{share:.2f} × plain's {what}")
    return found


def _kept(ability: Record) -> bool:
    if ability["verdict"] == "kept" or not (ability["declared"] or ability["verdict"] in FAILED):
        return True
    estimate = ability["drop"].get("estimate")
    return ability["verdict"] not in FAILED and estimate is not None and bool(estimate < HALF * ability["margin"])


def all_kept(record: Record) -> bool:
    """Whether no ability is lost and all declared ones are kept, as in the goal."""
    return all(_kept(ability) for ability in record["abilities"])


def gain_ratio(record: Record, plain: Record) -> MaybeInterval:
    """gain of `record` / gain of `plain`, with Fieller's interval over the test items that both answered, clustered.

    Undefined where the items are not the same, or plain's gain is not clearly above 0.
    """
    if record["items"]["cluster"] != plain["items"]["cluster"]:
        return Undefined("the test items are not the same")
    gains = [_gains(each) for each in (plain, record)]
    sizes = gains[0][:, 1]
    ratio = paired_ratio(gains[0], gains[1], _mean, sizes, 0.0)
    return ratio if isinstance(ratio, Undefined) else fieller_interval(ratio)


def _gains(record: Record) -> FloatArray:
    """[clusters, 2]: Σ of tuned − base, and items, of each cluster."""
    items, sign = record["items"], 1.0 if record["task"]["higher_is_better"] else -1.0
    found = np.zeros((max(items["cluster"]) + 1, 2))
    np.add.at(
        found,
        items["cluster"],
        np.stack([sign * np.subtract(items["tuned"], items["base"]), np.ones(len(items["base"]))], axis=1),
    )
    return found


def _mean(counts: FloatArray) -> float:
    return float(counts[0] / counts[1])


def gain(record: Record) -> float:
    """Tuned − base on the test items; above 0 is better."""
    estimate = float(record["task"]["difference"]["estimate"])
    return estimate if record["task"]["higher_is_better"] else -estimate


def minutes(record: Record) -> float:
    """Of all that made the weights: load, the base's text, the training, the choice of α; of a search, all of it."""
    if record["search"]:
        return float(record["search"]["seconds"]) / 60.0
    others = (seconds for part, seconds in record["seconds"].items() if not part.startswith(COUNTED_APART))
    return (float(record["training"]["seconds"]) + sum(others)) / 60.0


def measuring_minutes(record: Record) -> float:
    """Of the verdicts: base and tuned model on the task and on every ability."""
    own = sum(value for name, value in record["seconds"].items() if name.startswith("evaluate"))
    return (own + sum(record["measuring_seconds"].values())) / 60.0


def peak_bytes(record: Record) -> int:
    """The most memory: on a GPU, that of the training; on a CPU, that of the process."""
    training = int(record["training"]["peak_bytes"])
    return training if record["device"] == "cuda" else max(training, int(record["peak_memory_bytes"] or 0))


def shown_ratio(ratio: MaybeInterval) -> str:
    """A ratio of gains with its interval, as text."""
    if not isinstance(ratio, Interval):
        return f"unknown ({ratio.reason})"
    return f"{ratio.estimate:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def sentence(judged: Mapping[str, Sequence[str]]) -> str:
    """In how many runs the goal is reached, and why not in the others. `judged`: run → what `not_reached` found."""
    reached = sum(not failures for failures in judged.values())
    missed = [f"{name} ({', '.join(failures)})" for name, failures in judged.items() if failures]
    where = f" It is not reached in {'; '.join(missed)}." if missed else ""
    return f"The goal is reached in {reached} of {len(judged)} runs.{where}"
