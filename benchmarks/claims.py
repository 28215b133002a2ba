"""Which mitigations keep what, at what price: one table, on the built-in model and real data.

    KEEPTUNE_DATA=<folder> python benchmarks/claims.py --work build/model-case [--only NAME …] [--minutes X]
    python benchmarks/claims.py --table                                         print from the records alone

The model is the generalist of `model_case.py`, which knows entity recognition, topics, question answering and
inference; the task is 500 dialogue summaries. Each mitigation is one `keeptune tune` command with the same verdict
items: three quarters of the model case's, as the mitigation search chooses by the rest. It may replay the rows that
the generalist learned, and `multitask` all train rows of the folder. CorDA measures what is to be kept on replayed
rows, and so has `lora-replay-5` beside it. The mitigation search uses the trainings of the others again. `curve-N` are
the points of the curve over N examples. What has a record is not run again, so that the table may grow over many
calls; the minutes are those of the training, and of a mitigation search all of its trainings and scorings. Records are
kept in `results/claims/`, without the texts of the data, and name their commit.

Where the work folder was lost the generalist is trained again, and is not the same to the last bit: each row names its
base by the first letters of its hash. Changes are always against the row's own base. On each base there is full
tuning, `full` on the first and `full-HASH` on the others, and what is compared with full tuning is compared with that
of its own base where there is one.

Whether a claim holds is told by the rule of `claim_words.py` alone. A claim about a method rests on three trainings of
it or more; one training speaks of its checkpoint.
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
from claim_words import BY_VERDICT, MIN_RUNS, Word, between_methods, opposite, together, word
from earlier_words import read_record
from keeptune.config import ModelConfig
from keeptune.models.find import find_model, hash_model
from model_case import SOURCES, interval, keep_record, make_rows, negated

RESULTS = Path(__file__).parent / "results" / "claims"
REPLAYED = ("ner", "topic", "qa", "inference")
Record = dict[str, Any]
CURVE = (50, 100, 250, 1000)
"""Examples beside none, which is the base, and 500, which is `full`."""
SAME_ROUGE, SAME_DROP = 1.0, 5.0
"""Points by which two scores of the task, or two drops of an ability, may differ and still count as the same."""
SEEDED = ("full", "lora", "replay-5", "mitigation-search")
"""Run with three seeds."""


def mitigations(work: Path) -> dict[str, list[str]]:
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
        "interpolation-0.75": [*full, "--interpolation", "0.75"],
        "interpolation-0.5": [*full, "--interpolation", "0.5"],
        "freeze": [*full, "--freeze", "0.5"],
        "ewc": [*full, "--ewc", "10"],
        "lora-replay-5": ["--method", "lora", *old],
        "corda": ["--method", "corda", *old],
        "multitask": [*full, "--replay", str(work / "all.jsonl"), "--replay-fraction", "0.97", "--epochs", "1"],
        "mitigation-search": [*full, *old, "--auto"],
        "mitigation-search-40-minutes": [*full, *old, "--auto", "--search-minutes", "40"],
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
    """The command line of one mitigation."""
    task = model_case.command("full", data, work)
    # The model case names the method and the number of rows itself; the mitigation's own come last, and once.
    for flag in ("--method", "--limit-train"):
        if flag == "--method" or flag in words:
            place = task.index(flag)
            del task[place : place + 2]
    return [*task, *words, "--dev-fraction", "0.25"]


def table() -> str:
    """Markdown: a line a mitigation; each ability's change with its interval."""
    head = [
        "mitigation",
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
    missing = [name for name in mitigations(Path()) if name not in found]
    if missing:
        lines += ["", f"Not run yet: {', '.join(missing)}."]
    return "\n".join(lines)


def records() -> dict[str, Record]:
    """Name → what was found, in the order of the mitigations."""
    order = list(mitigations(Path()))
    files = {file.stem: read_record(file) for file in RESULTS.glob("*.json")}
    found = {name: {"name": name, **record} for name, record in files.items()}
    return {name: found[name] for name in sorted(found, key=lambda name: (order.index(_mitigation(name)), name))}


def base_of(record: Record) -> str:
    """The first letters of the hash of the model that was tuned."""
    return str(record["manifest"]["model_hash"])[:8]


def judged() -> dict[str, list[str]]:
    """Claim → what each record that is there says of it; each begins with holds, does not hold or undecided."""
    found = records()
    told = {}
    for claim, needs, judge in CLAIMS:
        there = [record for name, record in found.items() if _seeded(name)[0] in needs]
        told[claim] = [judge(record, *_full_beside(record, found)) for record in there]
        if claim == FIRST_ABOUT_ONE_ABILITY:
            told["LoRA forgets less than full fine-tuning"] = [_forgets_less("lora", found)]
    return told


def said() -> str:
    """Markdown: which of the field's claims hold on this model, by the records that are there."""
    lines = [
        "*Holds* and *does not hold* are statements at 95 %. Where no number of trainings is given, they apply to the "
        "checkpoint of one training. Everything else is undecided.",
        "",
    ]
    told = judged()
    lines += [said_of(claim, told) for claim in told]
    return "\n".join([*lines, *_over_seeds(records())])


def said_of(claim: str, told: Mapping[str, Sequence[str]]) -> str:
    """One claim of `judged` as an entry of a list."""
    sentences = told[claim]
    return f"- {claim}: {'; '.join(sentences)}." if sentences else f"- {claim}: not run yet."


def counted(told: Mapping[str, Sequence[str]]) -> str:
    """Markdown: how often each claim of `judged` holds."""
    words = ("holds", "does not hold", "undecided")
    lines = [f"| claim | {' | '.join(words)} |", "|---" * 4 + "|"]
    for claim, sentences in told.items():
        counts = (sum(sentence.startswith(word) for sentence in sentences) for word in words)
        lines.append(f"| {claim} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def _over_seeds(found: Mapping[str, Record]) -> list[str]:
    """Of each mitigation with several seeds, the lowest and the highest change of every ability."""
    lines = []
    for mitigation in SEEDED:
        runs = [record["forgetting"] for name, record in found.items() if _seeded(name)[0] == mitigation]
        if len(runs) < 2:
            continue
        changes = [("gain", [run["task"]["difference"]["estimate"] for run in runs])]
        for task in SOURCES:
            abilities = [ability for run in runs for ability in run["abilities"] if ability["name"] == task]
            lost = sum(ability["verdict"] == "lost" for ability in abilities)
            of = f"{task}, lost in {lost}," if lost else task
            changes.append((of, [-ability["drop"]["estimate"] for ability in abilities]))
        told = "; ".join(f"{of} {_signed(min(values))} to {_signed(max(values))}" for of, values in changes)
        lines.append(f"- {len(runs)} runs of {mitigation}, each of another seed or base: {told}.")
    return lines


def _signed(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}".replace("-", "−")


def _mitigation(name: str) -> str:
    return "full" if re.fullmatch(r"full-[0-9a-f]{8}", name) else name


def _seeded(name: str) -> tuple[str, str]:
    """(mitigation, seed); the first seed is not named."""
    mitigation, _, seed = _mitigation(name).partition("-seed")
    return mitigation, seed


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
    told = word(gain["low"], gain["high"], SAME_ROUGE)
    return f"{told} on {_run_of(record)}: {interval(gain)} points of ROUGE-1"


def _forgets(record: Record, _full: Record, _beside: str) -> str:
    lost = [f"{a['name']} {_change(a['drop'])}" for a in record["forgetting"]["abilities"] if a["verdict"] == "lost"]
    told = opposite(_all_kept(record))
    return f"{told} on {_run_of(record)}: {', '.join(lost) or 'none is shown to be lost'}"


def _all_kept(record: Record) -> Word:
    return together([BY_VERDICT.get(a["verdict"], "undecided") for a in record["forgetting"]["abilities"]])


def _forgets_less(mitigation: str, found: Mapping[str, Record]) -> str:
    """Entity recognition, which full tuning loses: full tuning's drop − the mitigation's, over the trainings of
    each."""
    drops = {
        name: [
            ability["drop"]
            for record in found.values()
            if _seeded(record["name"])[0] == name
            for ability in record["forgetting"]["abilities"]
            if ability["name"] == "ner"
        ]
        for name in ("full", mitigation)
    }
    full, other = ([drop["estimate"] for drop in drops[name]] for name in ("full", mitigation))
    runs = f"{len(other)} trainings of {mitigation} and {len(full)} of full tuning"
    error = max(((drop["high"] - drop["low"]) / 2.0 / 1.96 for of in drops.values() for drop in of), default=0.0)
    between = between_methods(full, other, error)
    if between is None:
        return f"undecided with {runs}: a statement about methods needs {MIN_RUNS} of each"
    less, low, high = between
    shown = interval({"estimate": less, "low": low, "high": high})
    return f"{word(low, high, SAME_DROP)} by {runs}: full tuning's drop of ner − {mitigation}'s is {shown} points"


def _keeps(record: Record, full: Record, beside: str) -> str:
    """All that can be measured kept, and nine tenths of full tuning's gain: gain − 0.9 · plain gain, item by item, not
    below 0 by its 95 % interval."""
    verdicts = {a["name"]: a["verdict"] for a in record["forgetting"]["abilities"]}
    not_kept = [f"{ability} {verdict}" for ability, verdict in verdicts.items() if verdict != "kept"]
    gain, plain = (np.subtract(r["items"]["tuned"], r["items"]["base"]) for r in (record, full))
    over = gain - 0.9 * plain
    low, high = stats.t.interval(0.95, len(over) - 1, over.mean(), stats.sem(over))
    told = together([_all_kept(record), word(low, high, 0.0)])
    beyond = interval({"estimate": float(over.mean()), "low": low, "high": high})
    share = gain.mean() / plain.mean()
    return (
        f"{told} for {record['name']} ({', '.join(not_kept) or 'all kept'}; {share:.0%} of the gain of full "
        f"tuning{beside}, {beyond} over nine tenths)"
    )


def _by_examples(record: Record, full: Record, beside: str) -> str:
    """The gain beside that of 500 examples, item by item."""
    count = int(record["name"].removeprefix("curve-"))
    gain, plain = (np.subtract(r["items"]["tuned"], r["items"]["base"]) for r in (record, full))
    more = (gain - plain) * (1 if count > 500 else -1)
    low, high = stats.t.interval(0.95, len(more) - 1, more.mean(), stats.sem(more))
    told = word(low, high, SAME_ROUGE)
    between = interval({"estimate": float(more.mean()), "low": low, "high": high})
    few, many = sorted((count, 500))
    return f"{told} for {many:,} against {few:,} ({between} points{beside})"


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


FIRST_ABOUT_ONE_ABILITY = "Full fine-tuning on one task loses another"
CLAIMS: Sequence[tuple[str, Sequence[str], Callable[[Record, Record, str], str]]] = (
    ("500 examples pay", ("full",), _pays),
    ("More examples bring more", tuple(f"curve-{rows}" for rows in CURVE), _by_examples),
    (FIRST_ABOUT_ONE_ABILITY, ("full",), _forgets),
    ("A few percent of replay keep what was known", ("replay-1", "replay-5", "replay-10", "replay-25"), _keeps),
    ("LoRA with replay keeps it too", ("lora-replay-5", "corda"), _keeps),
    (
        "It can be kept without old data",
        ("self-replay", "kl", "interpolation-0.75", "interpolation-0.5", "freeze", "ewc"),
        _keeps,
    ),
    ("Multitask fine-tuning keeps it", ("multitask",), _keeps),
    ("The mitigation search finds what keeps it", ("mitigation-search", "mitigation-search-40-minutes"), _keeps),
)
"""What is claimed, the mitigations that show it, and how."""


def _cells(name: str, result: Record) -> list[str]:
    report = result["forgetting"]
    gain = report["task"]
    abilities = {ability["name"]: ability for ability in report["abilities"]}
    drifts = report["drift"] if isinstance(report["drift"], list) else []
    own = [row["kl"] for row in drifts if row["on"] == "text of the base"]
    chosen = f" ({report['mitigation_search']['chosen']})" if report.get("mitigation_search") else ""
    return [
        f"{_mitigation(name)}{chosen}",
        base_of(result),
        f"{gain['after']:.1f}",
        interval(gain["difference"]),
        *(f"{abilities[task]['tuned']:.1f}: {_change(abilities[task]['drop'])}" for task in SOURCES),
        f"{own[0]['estimate']:.3f}" if own else "–",
        f"{(report['mitigation_search'] or result['training'])['seconds'] / 60:.0f}",
        ", ".join(f"{task} {abilities[task]['verdict']}" for task in SOURCES if abilities[task]["verdict"] != "kept")
        or "all kept",
        result["manifest"]["commit"][:9],
    ]


def _change(drop: dict[str, Any]) -> str:
    return interval(negated(drop))


def _is_known(name: str, base: str) -> bool:
    """Full tuning is asked of each base, all else of one."""
    found = records()
    if name != "full":
        return name in found
    return any(_mitigation(other) == "full" and base_of(record) == base for other, record in found.items())


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/model-case"), help="where the models lie")
    parser.add_argument("--only", nargs="*", help="these mitigations alone")
    parser.add_argument("--minutes", type=float, help="start none after so many minutes")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    options = parser.parse_args()
    if not options.table:
        places = model_case.places(options.work)
        make_old_rows(*places)
        model_case.run("generalist", *places)
        base = hash_model(find_model(ModelConfig(name=str(places[1] / model_case.BASE))))[:8]
        began = time.monotonic()
        for name, words in mitigations(places[1]).items():
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
