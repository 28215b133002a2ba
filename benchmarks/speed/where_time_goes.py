"""Where the time of a training step and of asking goes, and how near it comes to what the machine allows.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/where_time_goes.py [--steps 4] [--items 100] [--prompts 64] [--draft]
    python benchmarks/speed/where_time_goes.py --table          print from the record alone

T1's and T2's training, a process each: a first step to warm up, `--steps` timed, as many more under torch's profiler,
whose self times are grouped. The limit is the time that the step's matrix products take at the rate of a bare bfloat16
product of this machine, 2,048 by 2,048. Operations are counted in a plain pass over the same rows: those of linear
layers, forward and backward; the attention's own are left out. The same of T4's and T5's asking: a step of decoding
must read the weights, keys and values, so its limit is the time of that at the rate of a bare sum. The record is
results/speed/where_time_goes.json.
"""

from __future__ import annotations

import argparse

from beside_trl import ROWS_A_STEP
from measure import Aim, Found, options_of, script, surely, work
from rows import encoded, encoded_choices, model_folder

NAME = "where_time_goes"
LR = {"lora": 1e-3, "full": 1e-4}
ASKING = {
    "choices": Aim("T4", "AG News, 4 choices: share of the limit", unit=" %", form=".0f"),
    "answers": Aim("T5", "greedy answers: share of the limit", unit=" %", form=".0f"),
}
AIMS = {
    "lora": Aim("T1", "LoRA: share of the bf16 limit", at_least=55, unit=" %", form=".0f"),
    "full": Aim("T2", "full fine-tuning: share of the bf16 limit", unit=" %", form=".0f"),
}


def measure(options: argparse.Namespace) -> Found:
    rows = encoded("dialogsum/train.jsonl", (1 + 2 * options.steps) * ROWS_A_STEP)
    found: Found = {}
    for method, lr in LR.items():
        order = {"model": model_folder(), "method": method, "lr": lr, "device": "cpu", "rows_a_step": ROWS_A_STEP}
        more = {"rows": rows, "dtype": "auto", "compile": True, "steps": options.steps}
        found[method] = surely(work("ours/step_profile.py", {**order, **more}))
        print(f"  {method}: {share(found[method]):.0f} % of the limit", flush=True)
    items = encoded_choices("ag_news/dev.jsonl", options.items, True)
    prompts = [row["ids"][: row["start"]] for row in encoded("dialogsum/dev.jsonl", options.prompts)]
    for asked, more in {"choices": {"items": items}, "answers": {"prompts": prompts, "new_tokens": 128}}.items():
        found[asked] = surely(work("ours/asking_profile.py", {"model": model_folder(), **more}))
        print(f"  {asked}: {asking_share(found[asked]):.0f} % of the limit", flush=True)
    return found


def share(found: Found) -> float:
    """Of the limit, percent."""
    counted = found["operations"]
    operations = sum(counted) if isinstance(counted, list) else counted
    return 100 * operations / found["rate"] / sum(found["seconds"])


def asking_share(found: Found) -> float:
    """Of the limit, percent: what must be computed, then what must be read."""
    return 100 * (found["operations"] / found["rate"] + found["bytes"] / found["bytes_rate"]) / sum(found["seconds"])


def lines(record: Found | None) -> list[str]:
    if record is None:
        return [aim.line() for aim in (*AIMS.values(), *ASKING.values())]
    told = []
    for method, aim in AIMS.items():
        found = record[method]
        rate = sum(found["operations"]) / sum(found["seconds"])
        note = f"a bare product, {found['dtype']}: {found['rate'] / 1e9:.0f} GFLOP/s"
        told.append(aim.line(f"{rate / 1e9:.0f} GFLOP/s", note, [share(found)]))
    for asked, aim in ASKING.items():
        found = record[asked]
        note = f"a bare product and a bare sum: {found['rate'] / 1e9:.0f} GFLOP/s, {found['bytes_rate'] / 1e9:.0f} GB/s"
        told.append(aim.line(f"{sum(found['seconds']):.1f} s", note, [asking_share(found)]))
    return told


def table(record: Found | None) -> str:
    """Markdown: the share of each group of operations; and the rate while matrix products run, against the limit."""
    if record is None:
        return "Where the time goes: not measured yet."
    groups = list(record["lora"]["groups"])
    heads = ("work", *groups, "rate within matrix products")
    rows = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for kind in (*LR, *ASKING):
        times = record[kind]["groups"]
        shares = {group: times[group] / sum(times.values()) for group in groups}
        # Of decoding, what limits it is reading.
        within = "" if kind == "answers" else f"{share(record[kind]) / shares['matrix products']:.0f}% of the bare one"
        rows.append(f"| {kind} | {' | '.join(f'{shares[group]:.0%}' for group in groups)} | {within} |")
    return "\n".join(rows)


if __name__ == "__main__":
    script(
        NAME,
        options_of(__doc__, steps=4, items=100, prompts=64),
        measure,
        lambda record: [*lines(record), "", table(record)],
    )
