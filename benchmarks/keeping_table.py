"""The tables of `keeping.py`, from the records alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeping_cases import CASES, PRICE
from keeping_goal import (
    ALPHA,
    TEXT,
    all_kept,
    gain,
    gain_ratio,
    measuring_minutes,
    minutes,
    not_reached,
    peak_bytes,
    sentence,
    shown_ratio,
)
from keeping_records import read_records
from keeptune.records import Interval
from model_case import interval, negated

RESULTS = Path(__file__).parent / "results" / "keeping"
ABLATION = RESULTS.parent / "keeping_ablation"
METHODS, RECIPES, SEEDS = ("full", "lora"), ("plain", "default"), (0, 1, 2)
"""Of the runs that are to be recorded; beside them is a search of each case."""
HEAD = ("run", "base", "gain", "change of each ability (95 % interval)", "drift", "minutes", "× plain", "to measure")
HEAD += ("GiB", "× plain", "gain ÷ plain's", "goal")
Record = Mapping[str, Any]
Records = Mapping[str, Record]


def table(results: Path = RESULTS) -> str:
    """Markdown: a line a run, then the goal in one sentence, the search, and the price where nothing is lost."""
    read = read_records(results)
    if not read:
        return "Not run yet."
    found = {name: read[name] for name in sorted(read, key=lambda name: _place(read[name]))}
    lines = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    lines += [f"| {' | '.join(_cells(record, found))} |" for record in found.values()]
    judged = {record["name"]: not_reached(record, plain) for record, plain in _judged(found)}
    parts = ["\n".join(lines)]
    if any(record["starts"] > 1 for record in found.values()):
        parts.append("* Resumed: of load, text and choice of α, only the last start is counted.")
    if judged:
        parts.append(sentence(judged))
    parts += [said for said in (searches(found, read_records(ABLATION)), price(found)) if said]
    if results == RESULTS:
        parts += [said for said in [not_run(found)] if said]
    return "\n\n".join(parts)


def _judged(found: Records) -> list[tuple[Record, Record]]:
    """Runs of the default with the plain training of each, where both are there."""
    defaults = (record for record in found.values() if record["recipe"] == "default" and record["case"] != PRICE.name)
    return [(record, plain) for record in defaults if (plain := plain_of(record, found))]


def state() -> str:
    """How much of the table is missing, and how many of its runs by default reached the goal: part of a sentence."""
    found = read_records(RESULTS)
    planned = [name for names in _planned().values() for name in names]
    left, judged = sum(name not in found for name in planned), _judged(found)
    reached = sum(not not_reached(record, plain) for record, plain in judged)
    to_come = f"{left} of {len(planned)} runs are still to come; " if left else ""
    return f"{to_come}of those by default, {reached} of {len(judged)} reached the goal"


def share_of_gain() -> str:
    """Which share of plain training's gain the default had: of one run with its interval, of more the range."""
    ratios = [gain_ratio(record, plain) for record, plain in _judged(read_records(RESULTS))]
    if len(ratios) == 1:
        return f"in the one run so far, it gained {shown_ratio(ratios[0])} of what plain training gained"
    known = [ratio.estimate for ratio in ratios if isinstance(ratio, Interval)]
    if not known:
        return "no run is there yet"
    return f"in {len(known)} runs, it gained {min(known):.2f} to {max(known):.2f} of what plain training gained"


def not_run(found: Records) -> str:
    """How many runs of each case have no record yet; "" if all have one."""
    planned = _planned()
    left = {case: sum(name not in found for name in names) for case, names in planned.items()}
    if not any(left.values()):
        return ""
    listed = ", ".join(f"{case} ({count})" for case, count in left.items() if count)
    return f"Not run yet: {sum(left.values())} of {sum(map(len, planned.values()))} runs, of {listed}."


def _planned() -> Mapping[str, list[str]]:
    """Case → names of its runs."""
    return {
        case.name: [
            f"{case.name}-{method}-{recipe}-seed{seed}" for method in METHODS for recipe in RECIPES for seed in SEEDS
        ]
        + [f"{case.name}-full-search-seed0"] * (case is not PRICE)
        for case in (*CASES, PRICE)
    }


def _place(record: Record) -> tuple[int, str, int, int]:
    """By case, method and seed, plain training first."""
    cases = [case.name for case in CASES]
    place = cases.index(record["case"]) if record["case"] in cases else len(cases) + (record["case"] == PRICE.name)
    return place, record["method"], record["seed"], ("plain", "default", "search").index(record["recipe"])


def plain_of(record: Record, found: Records) -> Record | None:
    """The plain training of the same case, base, method and seed."""
    same = ("case", "model_hash", "method", "seed")
    plains = (other for other in found.values() if other["recipe"] == "plain")
    return next((other for other in plains if all(other[name] == record[name] for name in same)), None)


def _cells(record: Record, found: Records) -> list[str]:
    plain = plain_of(record, found)
    compared = plain is not None and plain is not record
    goal = ""
    if compared and record["recipe"] in ("default", "candidate"):
        goal = "; ".join(not_reached(record, plain)) or "reached"
    own = record["drift"].get("text of the base")
    return [
        record["name"] + _chosen(record),
        record["model_hash"][:8],
        interval(record["task"]["difference"]),
        "; ".join(_change(ability) for ability in record["abilities"]),
        f"{own['estimate']:.3f}" if own else "–",
        _minutes(record),
        f"{minutes(record) / minutes(plain):.2f}" if compared else "",
        f"{measuring_minutes(record):.1f}",
        f"{peak_bytes(record) / 2**30:.1f}",
        f"{peak_bytes(record) / peak_bytes(plain):.2f}" if compared else "",
        shown_ratio(gain_ratio(record, plain)) if compared else "",
        goal,
    ]


def _chosen(record: Record) -> str:
    if record["search"]:
        return f" ({record['search']['chosen']})"
    return f" (α {record['alpha_choice']['alpha']:g})" if record["alpha_choice"] else ""


def _minutes(record: Record) -> str:
    """All, and what is not the training itself."""
    own = ""
    if record["alpha_choice"]:
        text, alpha = (record["seconds"].get(part, 0.0) / 60.0 for part in (TEXT, ALPHA))
        own = f" (text {text:.1f}, α {alpha:.1f})"
    return f"{minutes(record):.1f}{'*' if record['starts'] > 1 else ''}{own}"


def _change(ability: Record) -> str:
    drop = ability["drop"]
    changed = interval(negated(drop)) if "estimate" in drop else f"unknown ({drop['reason']})"
    return f"{ability['name']} {changed} {ability['verdict']}"


def searches(found: Records, settings: Records) -> str:
    """A line a search: its minutes against plain's, and its choice against the best record that keeps everything.

    Gains are compared as shares of plain's, since the ablation has other test items.
    """
    lines = []
    for record in found.values():
        plain = plain_of(record, found)
        if record["recipe"] != "search" or plain is None:
            continue
        rows = [(row, plain_of(row, of)) for of in (found, settings) for row in of.values() if _beside(row, record)]
        kept = [(gain(row) / gain(its), row["name"]) for row, its in rows if its and all_kept(row)]
        best = f"the best of {len(rows)} records is {max(kept)[1]}, {max(kept)[0]:.0%}" if kept else "none keeps all"
        lines.append(
            f"- {record['name']} takes {minutes(record) / minutes(plain):.1f} × the plain training's time and chooses "
            f"{record['search']['chosen']}: {'all kept' if all_kept(record) else 'not all kept'}, "
            f"{gain(record) / gain(plain):.0%} of plain's gain; {best}."
        )
    return "\n".join(lines)


def _beside(row: Record, search: Record) -> bool:
    return row is not search and all(row[name] == search[name] for name in ("case", "model_hash", "method"))


def price(found: Records) -> str:
    """A line a run of the default where the plain training keeps everything."""
    lines = []
    for record in found.values():
        plain = plain_of(record, found)
        if record["case"] != PRICE.name or record["recipe"] != "default" or plain is None:
            continue
        kept = "keeps everything" if all_kept(plain) else "does not keep everything"
        lines.append(
            f"- {record['name']}: the plain training {kept}; the default has {shown_ratio(gain_ratio(record, plain))} "
            f"of its gain and takes {minutes(record) / minutes(plain):.2f} × its time."
        )
    return "\n".join(lines)
