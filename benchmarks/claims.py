"""Which remedies keep what, at what price: one table, on the built-in model and real data.

    KEEPTUNE_DATA=<folder> python benchmarks/claims.py --work build/model-case [--only NAME …] [--minutes X]
    python benchmarks/claims.py --table                                         print from the records alone

The model is the generalist of `model_case.py`, which knows entity recognition, topics, question answering and
inference; the task is 500 dialogue summaries. Each remedy is one `keeptune tune` command with the same verdict items:
three quarters of the model case's, as the ladder chooses by the rest. It may replay the rows that the generalist
learned, and `multitask` all train rows of the folder. CorDA measures what is to be kept on replayed rows, and so has
`lora-replay-5` beside it. The ladder uses the trainings of the others again. `curve-N` are the points of the curve
over N examples. What has a record is not run again, so that the table may grow over many calls; the minutes are
those of the training, and of a ladder all of its trainings and scorings. Records are kept in `results/claims/`,
without the texts of the data, and name their commit.

Where the work folder was lost the generalist is trained again, and is not the same to the last bit: each row names its
base by the first letters of its hash. Changes are always against the row's own base. On each base there is full
tuning, `full` on the first and `full-HASH` on the others, and what is compared with full tuning is compared with that
of its own base where there is one.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

import model_case
from keeptune.config import ModelConfig
from keeptune.models.find import find_model, hash_model
from model_case import SOURCES, interval, keep_record, make_rows

RESULTS = Path(__file__).parent / "results" / "claims"
REPLAYED = ("ner", "topic", "qa", "inference")
Record = dict[str, Any]
CURVE = (50, 100, 250, 1000)
"""Examples beside none, which is the base, and 500, which is `full`."""
SEEDED = ("full", "lora", "replay-5", "ladder")
"""Run with three seeds."""


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
    return found | {f"{name}-seed{n}": [*found[name], "--seed", str(n)] for name in SEEDED for n in (1, 2)}


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
        "base",
        "summaries",
        "gain",
        *(f"{task}" for task in SOURCES),
        "drift",
        "minutes",
        "verdict",
        "commit",
    ]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    found = records()
    lines += [f"| {' | '.join(_cells(name, record))} |" for name, record in found.items()]
    missing = [name for name in remedies(Path()) if name not in found]
    if missing:
        lines += ["", f"Not run yet: {', '.join(missing)}."]
    return "\n".join(lines)


def records() -> dict[str, Record]:
    """Name → what was found, in the order of the remedies."""
    order = list(remedies(Path()))
    files = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in RESULTS.glob("*.json")}
    found = {name: {"name": name, **record} for name, record in files.items()}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.index(_remedy(name)), name))}


def base_of(record: Record) -> str:
    """The first letters of the hash of the model that was tuned."""
    return str(record["manifest"]["model_hash"])[:8]


def said() -> str:
    """Markdown: which of the field's claims hold on this model, by the records that are there."""
    found = records()
    lines = []
    for claim, needs, judge in CLAIMS:
        there = [record for name, record in found.items() if _seeded(name)[0] in needs]
        sentences = [judge(record, *_full_beside(record, found)) for record in there]
        lines.append(f"- {claim}: {'; '.join(sentences)}." if sentences else f"- {claim}: not run yet.")
    return "\n".join([*lines, *_over_seeds(found)])


def _over_seeds(found: Mapping[str, Record]) -> list[str]:
    """Of each remedy with several seeds, the lowest and the highest change of every ability."""
    lines = []
    for remedy in SEEDED:
        runs = [record["forgetting"] for name, record in found.items() if _seeded(name)[0] == remedy]
        if len(runs) < 2:
            continue
        changes = [("gain", [run["task"]["difference"]["estimate"] for run in runs])]
        for task in SOURCES:
            abilities = [ability for run in runs for ability in run["abilities"] if ability["name"] == task]
            lost = sum(ability["verdict"] == "lost" for ability in abilities)
            of = f"{task}, lost in {lost}," if lost else task
            changes.append((of, [-ability["drop"]["estimate"] for ability in abilities]))
        told = "; ".join(f"{of} {min(values):+.1f} to {max(values):+.1f}" for of, values in changes)
        lines.append(f"- {len(runs)} runs of {remedy}, each of another seed or base: {told}.")
    return lines


def _remedy(name: str) -> str:
    return "full" if re.fullmatch(r"full-[0-9a-f]{8}", name) else name


def _seeded(name: str) -> tuple[str, str]:
    """(remedy, seed); the first seed is not named."""
    remedy, _, seed = _remedy(name).partition("-seed")
    return remedy, seed


def _full_beside(record: Record, found: Mapping[str, Record]) -> tuple[Record, str]:
    """Full tuning of the same base, and seed if there is one; else the first, and what is to be said of that."""
    fulls = {name: full for name, full in found.items() if _seeded(name)[0] == "full"}
    same = [name for name, full in fulls.items() if base_of(full) == base_of(record)]
    same.sort(key=lambda name: _seeded(name)[1] != _seeded(record["name"])[1])
    if not same:
        return next(iter(fulls.values())), " of another base"
    return fulls[same[0]], "" if _seeded(same[0])[1] == _seeded(record["name"])[1] else " of another seed"


def _run_of(record: Record) -> str:
    seed = _seeded(record["name"])[1]
    return base_of(record) + (f", seed {seed}" if seed else "")


def _pays(record: Record, _full: Record, _beside: str) -> str:
    gain = record["forgetting"]["task"]["difference"]
    return f"{'holds' if gain['low'] > 0 else 'does not hold'} on {_run_of(record)}: {interval(gain)} points of ROUGE-1"


def _forgets(record: Record, _full: Record, _beside: str) -> str:
    lost = [f"{a['name']} {_change(a['drop'])}" for a in record["forgetting"]["abilities"] if a["verdict"] == "lost"]
    return f"holds on {_run_of(record)}: {', '.join(lost)}" if lost else f"nothing is lost on {_run_of(record)}"


def _forgets_less(record: Record, full: Record, beside: str) -> str:
    """Entity recognition, which full tuning loses: its drop against full tuning's."""
    drop, plain = (next(a["drop"] for a in r["forgetting"]["abilities"] if a["name"] == "ner") for r in (record, full))
    less = drop["high"] < plain["low"]
    word = "holds" if less else "does not hold" if drop["estimate"] >= plain["low"] else "cannot be told"
    return f"{word} by {record['name']} (ner {_change(drop)}, full tuning{beside} {_change(plain)})"


def _keeps(record: Record, full: Record, beside: str) -> str:
    """All that can be measured kept, and nine tenths of full tuning's gain: gain − 0.9 · plain gain, item by item, not
    below 0 by its 95 % interval."""
    verdicts = {a["name"]: a["verdict"] for a in record["forgetting"]["abilities"]}
    not_kept = [f"{ability} {verdict}" for ability, verdict in verdicts.items() if verdict != "kept"]
    gain, plain = (np.subtract(r["items"]["tuned"], r["items"]["base"]) for r in (record, full))
    over = gain - 0.9 * plain
    low, high = stats.t.interval(0.95, len(over) - 1, over.mean(), stats.sem(over))
    fails = "lost" in verdicts.values() or high < 0
    word = "does not hold" if fails else "cannot be told" if not_kept or low < 0 else "holds"
    beyond = interval({"estimate": float(over.mean()), "low": low, "high": high})
    share = gain.mean() / plain.mean()
    return (
        f"{word} for {record['name']} ({', '.join(not_kept) or 'all kept'}; {share:.0%} of the gain of full "
        f"tuning{beside}, {beyond} over nine tenths)"
    )


def _by_examples(record: Record, full: Record, beside: str) -> str:
    """The gain beside that of 500 examples, item by item."""
    count = int(record["name"].removeprefix("curve-"))
    gain, plain = (np.subtract(r["items"]["tuned"], r["items"]["base"]) for r in (record, full))
    more = (gain - plain) * (1 if count > 500 else -1)
    low, high = stats.t.interval(0.95, len(more) - 1, more.mean(), stats.sem(more))
    word = "holds" if low > 0 else "does not hold" if high < 0 else "cannot be told"
    between = interval({"estimate": float(more.mean()), "low": low, "high": high})
    few, many = sorted((count, 500))
    return f"{word} of {few:,} and {many:,} ({between} points{beside})"


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


CLAIMS: Sequence[tuple[str, Sequence[str], Callable[[Record, Record, str], str]]] = (
    ("500 examples pay", ("full",), _pays),
    ("More examples bring more", tuple(f"curve-{rows}" for rows in CURVE), _by_examples),
    ("Full fine-tuning on one task loses another", ("full",), _forgets),
    ("LoRA forgets less than full fine-tuning", ("lora", "lora-slower"), _forgets_less),
    ("A few percent of replay keep what was known", ("replay-1", "replay-5", "replay-10", "replay-25"), _keeps),
    ("LoRA with replay keeps it too", ("lora-replay-5", "corda"), _keeps),
    ("It can be kept without old data", ("self-replay", "kl", "dial-0.75", "dial-0.5", "freeze", "ewc"), _keeps),
    ("Multitask fine-tuning keeps it", ("multitask",), _keeps),
    ("The ladder finds what keeps it", ("ladder", "ladder-40-minutes"), _keeps),
)
"""What is claimed, the remedies that show it, and how."""


def _cells(name: str, result: Record) -> list[str]:
    report = result["forgetting"]
    gain = report["task"]
    abilities = {ability["name"]: ability for ability in report["abilities"]}
    drifts = report["drift"] if isinstance(report["drift"], list) else []
    own = [row["kl"] for row in drifts if row["on"] == "text of the base"]
    chosen = f" ({report['ladder']['chosen']})" if report.get("ladder") else ""
    return [
        f"{_remedy(name)}{chosen}",
        base_of(result),
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


def _is_known(name: str, base: str) -> bool:
    """Full tuning is asked of each base, all else of one."""
    found = records()
    if name != "full":
        return name in found
    return any(_remedy(other) == "full" and base_of(record) == base for other, record in found.items())


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
        base = hash_model(find_model(ModelConfig(name=str(places[1] / model_case.BASE))))[:8]
        began = time.monotonic()
        for name, words in remedies(places[1]).items():
            late = options.minutes is not None and time.monotonic() - began > 60 * options.minutes
            if late or (options.only and name not in options.only) or _is_known(name, base):
                continue
            output = places[1] / "claims" / name
            kept_as = f"full-{base}" if name == "full" and name in records() else name
            keep_record(kept_as, command(words, *places), output, *places, RESULTS)
            keep_items(kept_as, output)
    print(table(), said(), sep="\n\n")


if __name__ == "__main__":
    main()
