"""Which remedies keep what, at what price: one table, on the built-in model and real data.

    KEEPTUNE_DATA=<folder> python benchmarks/claims.py --work build/model-case [--only NAME …] [--minutes X]
    python benchmarks/claims.py --table                                         print from the records alone

The model is the generalist of `model_case.py`, which knows entity recognition, topics, question answering and
inference; the task is 500 dialogue summaries. Each remedy is one `keeptune tune` command with the same verdict items:
three quarters of the model case's, as the ladder chooses by the rest. It may replay the rows that the generalist
learned, and `multitask` all train rows of the folder. CorDA measures what is to be kept on replayed rows, and so has
`lora-replay-5` beside it. The ladder uses the trainings of the others again. `curve-N` are the points of the curve
over N examples. What has a record is not run again, so that the table may grow over many sittings; the minutes are
those of the training, and of a ladder all of its trainings and scorings. Records are kept in `results/claims/`,
without the texts of the data, and name their commit.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import model_case
from model_case import SOURCES, interval, keep_record, make_rows

RESULTS = Path(__file__).parent / "results" / "claims"
REPLAYED = ("ner", "topic", "qa", "inference")
CURVE = (50, 100, 250, 1000)
"""Examples beside none, which is the base, and 500, which is `full`."""


def remedies(work: Path) -> dict[str, list[str]]:
    """Name → what its command has beside the task."""
    old = [word for task in REPLAYED for word in ("--replay", str(work / f"old-{task}.jsonl"))]
    full = ["--method", "full"]
    found = {
        "full": full,
        "full-slower": [*full, "--lr-factor", "0.3"],
        "lora": ["--method", "lora"],
        "lora-slower": ["--method", "lora", "--lr-factor", "0.3"],
        **{f"replay-{share}": [*full, *old, "--replay-fraction", str(share / 100)] for share in (1, 5, 10, 25)},
        "self-replay": [*full, "--self-replay", "0.1"],
        "kl": [*full, "--kl", "0.5"],
        "dial-0.75": [*full, "--dial", "0.75"],
        "dial-0.5": [*full, "--dial", "0.5"],
        "freeze": [*full, "--freeze", "0.5"],
        "ewc": [*full, "--ewc", "10"],
        "lora-replay-5": ["--method", "lora", *old],
        "corda": ["--method", "corda", *old],
        "multitask": [*full, "--replay", str(work / "all.jsonl"), "--replay-fraction", "0.97", "--epochs", "1"],
        "ladder": [*full, *old, "--auto"],
        "ladder-40-minutes": [*full, *old, "--auto", "--ladder-minutes", "40"],
        **{f"curve-{rows}": [*full, "--limit-train", str(rows)] for rows in CURVE},
    }
    seeds = {
        f"{name}-seed{n}": [*found[name], "--seed", str(n)] for name in ("full", "lora", "replay-5") for n in (1, 2)
    }
    return found | seeds | {f"ladder-seed{n}": [*found["ladder"], "--seed", str(n)] for n in (1, 2)}


def make_old_rows(data: Path, work: Path) -> None:
    """What the generalist learned, by task, and all train rows of the folder, into `work`."""
    make_rows(data, work)
    learned = (work / "mix.jsonl").read_text(encoding="utf-8").splitlines()
    start = 0
    for task in REPLAYED:
        stop = start + SOURCES[task][2]
        (work / f"old-{task}.jsonl").write_text("\n".join(learned[start:stop]) + "\n", encoding="utf-8")
        start = stop
    everything = []
    for file in sorted(data.glob("*/*train.jsonl")):
        if file.parent.name != "dialogsum":
            everything += [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    numbered = [json.dumps({**json.loads(line), "id": f"all/{n}"}) for n, line in enumerate(everything)]
    (work / "all.jsonl").write_text("\n".join(numbered) + "\n", encoding="utf-8")


def command(words: list[str], data: Path, work: Path) -> list[str]:
    """The command line of one remedy."""
    task = model_case.command("full", data, work)
    # The model case names the method and the number of rows itself; the remedy's own come last, and once.
    for flag in ("--method", "--limit-train"):
        if flag == "--method" or flag in words:
            place = task.index(flag)
            del task[place : place + 2]
    return [*task, *words, "--dev-fraction", "0.25"]


def table() -> str:
    """Markdown: a line a remedy; each ability's change with its interval."""
    head = [
        "remedy",
        "summaries",
        "gain",
        *(f"{task}" for task in SOURCES),
        "drift",
        "minutes",
        "verdict",
        "commit",
    ]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in remedies(Path()):
        file = RESULTS / f"{name}.json"
        if file.exists():
            lines.append(f"| {' | '.join(_cells(name, json.loads(file.read_text(encoding='utf-8'))))} |")
    missing = [name for name in remedies(Path()) if not (RESULTS / f"{name}.json").exists()]
    if missing:
        lines += ["", f"Not run yet: {', '.join(missing)}."]
    return "\n".join(lines)


def said() -> str:
    """Markdown: which of the field's claims hold on this model, by the records that are there."""
    records = {file.stem: json.loads(file.read_text(encoding="utf-8"))["forgetting"] for file in RESULTS.glob("*.json")}
    lines = []
    for claim, needs, judge in CLAIMS:
        there = [name for name in needs if name in records]
        if "full" not in records or not there:
            lines.append(f"- {claim}: not run yet.")
        else:
            lines.append(f"- {claim}: {judge({name: records[name] for name in ('full', *there)}, there)}")
    return "\n".join(lines)


Reports = Mapping[str, dict[str, Any]]


def _lost(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [ability for ability in report["abilities"] if ability["verdict"] == "lost"]


def _pays(reports: Reports, _names: Sequence[str]) -> str:
    gain = reports["full"]["task"]["difference"]
    return f"{'holds' if gain['low'] > 0 else 'does not hold'}: {interval(gain)} points of ROUGE-1."


def _forgets(reports: Reports, _names: Sequence[str]) -> str:
    lost = [f"{ability['name']} {_change(ability['drop'])}" for ability in _lost(reports["full"])]
    return f"holds: {', '.join(lost)}." if lost else "does not hold: nothing is shown to be lost."


def _forgets_less(reports: Reports, names: Sequence[str]) -> str:
    """Entity recognition, which full tuning loses: its drop against full tuning's."""
    drops = {name: next(a["drop"] for a in reports[name]["abilities"] if a["name"] == "ner") for name in reports}
    full = drops["full"]
    words = []
    for name in names:
        drop = drops[name]
        less = drop["high"] < full["low"]
        word = "holds" if less else "does not hold" if drop["estimate"] >= full["low"] else "cannot be told"
        words.append(f"{word} by {name} (ner {_change(drop)}, full {_change(full)})")
    return "; ".join(words) + "."


def _keeps(reports: Reports, names: Sequence[str]) -> str:
    """Nothing lost, and nine tenths of full tuning's gain: mended − 0.9 · plain − 0.1 · base, item by item, not below 0
    by its 95 % interval."""
    plain = reports["full"]["task"]["difference"]["estimate"]
    words = []
    for name in names:
        lost = [ability["name"] for ability in _lost(reports[name])]
        share = reports[name]["task"]["difference"]["estimate"] / plain
        base, full, mended = (np.array(side) for side in (*_items("full"), _items(name)[1]))
        over = mended - 0.9 * full - 0.1 * base
        low, high = stats.t.interval(0.95, len(over) - 1, over.mean(), stats.sem(over)) if over.any() else (0.0, 0.0)
        word = "does not hold" if lost or high < 0 else "holds" if low >= 0 else "cannot be told"
        beyond = interval({"estimate": float(over.mean()), "low": low, "high": high})
        gone = ", ".join(lost) or "nothing"
        words.append(f"{word} for {name} ({gone} lost; {share:.0%} of the gain, {beyond} over nine tenths)")
    return "; ".join(words) + "."


def _items(name: str) -> tuple[list[float], list[float]]:
    """ROUGE-1 of each test item, before and after."""
    items = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["items"]
    return items["base"], items["tuned"]


def keep_items(name: str, output: Path) -> None:
    """Each test item's ROUGE-1 into the record, in the items' order, without their texts."""
    file = RESULTS / f"{name}.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    record["items"] = {}
    for who in ("base", "tuned"):
        lines = (output / "samples" / f"{who}.jsonl").read_text(encoding="utf-8").splitlines()
        rows = sorted((json.loads(line) for line in lines), key=lambda row: str(row["item_id"]))
        record["items"][who] = [round(row["scores"]["rouge1"]["value"], 3) for row in rows]
    file.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


CLAIMS: Sequence[tuple[str, Sequence[str], Callable[[Reports, Sequence[str]], str]]] = (
    ("500 examples pay", ("full",), _pays),
    ("Full fine-tuning on one task loses another", ("full",), _forgets),
    ("LoRA forgets less than full fine-tuning", ("lora", "lora-slower"), _forgets_less),
    ("A few percent of replay keep what was known", ("replay-1", "replay-5", "replay-10", "replay-25"), _keeps),
    ("LoRA with replay keeps it too", ("lora-replay-5", "corda"), _keeps),
    ("It can be kept without old data", ("self-replay", "kl", "dial-0.75", "dial-0.5", "freeze", "ewc"), _keeps),
    ("Multitask fine-tuning keeps it", ("multitask",), _keeps),
    ("The ladder finds what keeps it", ("ladder", "ladder-40-minutes"), _keeps),
)
"""What is claimed, the remedies that show it, and how."""


def _cells(name: str, result: dict[str, Any]) -> list[str]:
    report = result["forgetting"]
    gain = report["task"]
    abilities = {ability["name"]: ability for ability in report["abilities"]}
    drifts = report["drift"] if isinstance(report["drift"], list) else []
    own = [row["kl"] for row in drifts if row["on"] == "text of the base"]
    chosen = f" ({report['ladder']['chosen']})" if report.get("ladder") else ""
    return [
        f"{name}{chosen}",
        f"{gain['after']:.1f}",
        interval(gain["difference"]),
        *(f"{abilities[task]['tuned']:.1f}: {_change(abilities[task]['drop'])}" for task in SOURCES),
        f"{own[0]['estimate']:.3f}" if own else "–",
        f"{(report['ladder'] or result['training'])['seconds'] / 60:.0f}",
        ", ".join(f"{task} {abilities[task]['verdict']}" for task in SOURCES if abilities[task]["verdict"] != "kept")
        or "all kept",
        result["manifest"]["commit"][:9],
    ]


def _change(drop: dict[str, Any]) -> str:
    return interval({"estimate": -drop["estimate"], "low": -drop["high"], "high": -drop["low"]})


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/model-case"), help="where the models lie")
    parser.add_argument("--only", nargs="*", help="these remedies alone")
    parser.add_argument("--minutes", type=float, help="start none after so many minutes")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    options = parser.parse_args()
    if not options.table:
        places = model_case.places(options.work)
        make_old_rows(*places)
        model_case.run("generalist", *places)
        began = time.monotonic()
        for name, words in remedies(places[1]).items():
            late = options.minutes is not None and time.monotonic() - began > 60 * options.minutes
            if late or (options.only and name not in options.only) or (RESULTS / f"{name}.json").exists():
                continue
            output = places[1] / "claims" / name
            keep_record(name, command(words, *places), output, *places, RESULTS)
            keep_items(name, output)
    print(table(), said(), sep="\n\n")


if __name__ == "__main__":
    main()
