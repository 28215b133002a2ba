"""T4: multiple choice by likelihood beside lm-evaluation-harness.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/t4_choices.py [--items 100] [--pairs 3] [--draft]
    python benchmarks/speed/t4_choices.py --table          print from the record alone

AG News (4 choices) and CLINC (15 choices), the same token ids for both: chat prompt, choice, end token. The harness's
`hf` model is asked below its tasks (`_loglikelihood_tokens`), so that none of its own preparation counts; its batch is
its best of 8, 32 and 64, at which its own search for a batch ends. A third line leaves the end token
out, as the harness's own tasks do: choices of one token then cost it one pass an item. In float32 the log-likelihoods
of some items are compared one by one; in bfloat16 the choices that win, with each other and with float32. The record is
results/speed/t4_choices.json.
"""

from __future__ import annotations

import argparse
from typing import Any

from measure import Aim, Found, fastest, in_turn, medians, options_of, ratios, script, surely, work
from rows import encoded_choices, model_folder

NAME = "t4_choices"
OURS = "keeptune"
PEER = "lm-eval"
RATE = "items_per_second"
BATCHES = (64, 8, 32)
EXACT = 40
"""Items whose log-likelihoods are compared in float32."""
WORK = {
    "AG News, 4 choices": ("ag_news/dev.jsonl", True),
    "CLINC, 15 choices": ("clinc150/dev.jsonl", True),
    "AG News, 4 choices, end token not scored": ("ag_news/dev.jsonl", False),
}
AIMS = {name: Aim("T4", name, at_least=5 if end else None) for name, (_, end) in WORK.items()}
SCORES = Aim("T4", "the same log-likelihoods in float32, largest difference", at_most=1e-3, unit=" nats", form=".0e")


def measure(options: argparse.Namespace) -> Found:
    return {"work": {name: _measure(name, options.items, options.pairs) for name in WORK}}


def _measure(name: str, count: int, pairs: int) -> Found:
    file, end = WORK[name]
    items = encoded_choices(file, count, end)
    model = model_folder()

    def run(worker: str, more: dict[str, Any]) -> Found:
        found = work(worker, {"model": model, **more})
        if "failed" not in found:
            found[RATE] = len(more["items"]) / found["seconds"]
        print(f"  {name}, {worker}, {more['dtype']}: {found.get('failed') or f'{found[RATE]:.2f} items/s'}", flush=True)
        return found

    def ours(dtype: str = "auto", some: int = count) -> Found:
        return surely(run("ours/choices.py", {"dtype": dtype, "items": items[:some]}))

    def peer(batch: int, dtype: str = "bfloat16", some: int = count) -> Found:
        return run("peers/harness.py", {"dtype": dtype, "batch": batch, "items": items[:some]})

    tried = {f"batch {batch}": peer(batch) for batch in BATCHES}
    best = fastest(tried, RATE)
    batch = next(batch for batch in BATCHES if best == f"batch {batch}")
    exact, expected = ours("float32"), surely(peer(batch, "float32", EXACT))
    timed = in_turn(pairs, {OURS: ours, PEER: lambda: peer(batch)})
    compared = expected["values"]
    differences = [abs(a - b) for a, b in zip(exact["values"], compared, strict=False)]
    chosen, others = (_decisions(timed[0][who]["values"], items) for who in (OURS, PEER))
    rightly = _decisions(exact["values"], items)
    for found in (*tried.values(), *(found for pair in timed for found in pair.values())):
        found.pop("values", None)
    return {
        "items": len(items),
        "tried": tried,
        "best": best,
        "pairs": timed,
        "largest_difference": max(differences),
        "same_decisions": _alike(chosen, others),
        "as_in_float32": {OURS: _alike(chosen, rightly), PEER: _alike(others, rightly)},
    }


def _decisions(values: list[float], items: list[list[Found]]) -> list[int]:
    """The likeliest choice of each item."""
    left = iter(values)
    by_item = [[next(left) for _ in item] for item in items]
    return [max(range(len(item)), key=item.__getitem__) for item in by_item]


def _alike(one: list[int], other: list[int]) -> float:
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def lines(record: Found | None) -> list[str]:
    if record is None:
        return [*(aim.line() for aim in AIMS.values()), SCORES.line()]
    found = []
    for name, row in record["work"].items():
        ours, peer = (f"{medians(row['pairs'], who, RATE):.2f} items/s" for who in (OURS, PEER))
        alike = row.get("as_in_float32")
        note = f"; {row['same_decisions']:.1%} decided alike in bfloat16"
        note += f" (as in float32: keeptune {alike[OURS]:.1%}, lm-eval {alike[PEER]:.1%})" if alike else ""
        told = f"lm-eval `hf`, {row['best']}: {peer}"
        found.append(AIMS[name].line(ours, told, ratios(row["pairs"], RATE, OURS, PEER), note))
    largest = max(row["largest_difference"] for row in record["work"].values())
    return [*found, SCORES.line("", "lm-eval `hf`", [largest])]


if __name__ == "__main__":
    script(NAME, options_of(__doc__, items=100, pairs=3), measure, lines)
