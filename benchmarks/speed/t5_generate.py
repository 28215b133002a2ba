"""T5: greedy answers for evaluation beside transformers' `generate`.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/t5_generate.py [--items 64] [--new-tokens 128] [--pairs 3] [--draft]
    python benchmarks/speed/t5_generate.py --table          print from the record alone

Prompts of DialogSum, the same token ids for both; tokens a second over whole answers, reading the prompts included, end
tokens not counted. The peer has prompts of like length together, and its best of batch and dtype. In float32 both ways
are compared answer by answer: where two first differ, it counts as a near tie if the plain model's two likeliest tokens
are within 1e-4 there. The record is results/speed/t5_generate.json.
"""

from __future__ import annotations

import argparse
from typing import Any

from measure import Aim, Found, fastest, in_turn, medians, options_of, ratios, script, surely, work
from rows import encoded, model_folder

NAME = "t5_generate"
OURS = "keeptune"
PEER = "transformers"
RATE = "tokens_per_second"
GRID = {
    f"{dtype}, {rows} rows": {"dtype": dtype, "rows": rows} for dtype in ("float32", "bfloat16") for rows in (8, 20, 64)
}
TIE = 1e-4
AIM = Aim("T5", "greedy answers", at_least=3)
ALIKE = Aim("T5", "the same answers in float32, or parted at a near tie", unit=" %", form=".1f")


def measure(options: argparse.Namespace) -> Found:
    rows = encoded("dialogsum/dev.jsonl", options.items)
    prompts = [row["ids"][: row["start"]] for row in rows]
    order = {"model": model_folder(), "prompts": prompts, "new_tokens": options.new_tokens}

    def run(worker: str, more: dict[str, Any]) -> Found:
        found = work(worker, {**order, **more})
        if "failed" not in found:
            found[RATE] = sum(map(len, found["answers"])) / found["seconds"]
        print(f"  {worker} {more}: {found.get('failed') or f'{found[RATE]:.0f} tokens/s'}", flush=True)
        return found

    tried = {label: run("peers/generate.py", setting) for label, setting in GRID.items()}
    best = fastest(tried, RATE)
    exact = surely(run("ours/generate.py", {"dtype": "float32"}))
    expected = surely(tried["float32, 8 rows"])
    agreement = _agreement(order, exact["answers"], expected["answers"])
    timed = in_turn(
        options.pairs,
        {OURS: lambda: run("ours/generate.py", {"dtype": "auto"}), PEER: lambda: run("peers/generate.py", GRID[best])},
    )
    for found in (*tried.values(), *(found for pair in timed for found in pair.values())):
        found["tokens"] = sum(map(len, found.pop("answers", ())))
    return {"tried": tried, "best": best, "pairs": timed, "agreement": agreement}


def _agreement(order: Found, ours: list[list[int]], theirs: list[list[int]]) -> Found:
    """How many answers are the same, and how near the two likeliest tokens are where others part."""
    parted = []
    for prompt, one, other in zip(order["prompts"], ours, theirs, strict=True):
        if one != other:
            pairs = zip(one, other, strict=False)
            at = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
            parted.append([*prompt, *other[:at]])
    gaps = surely(work("ours/gaps.py", {"model": order["model"], "texts": parted}))["gaps"] if parted else []
    return {
        "answers": len(ours),
        "same": len(ours) - len(parted),
        "near_ties": sum(gap <= TIE for gap in gaps),
        "gaps": gaps,
    }


def lines(record: Found | None) -> list[str]:
    if record is None:
        return [AIM.line(), ALIKE.line()]
    pairs, alike = record["pairs"], record["agreement"]
    ours, peer = (f"{medians(pairs, who, RATE):.0f} tokens/s" for who in (OURS, PEER))
    share = 100 * (alike["same"] + alike["near_ties"]) / alike["answers"]
    counted = f"{alike['same']} of {alike['answers']} the same, {alike['near_ties']} near ties"
    return [
        AIM.line(ours, f"`generate`, {record['best']}: {peer}", ratios(pairs, RATE, OURS, PEER)),
        ALIKE.line(counted, "`generate`, float32, 8 rows", [share]),
    ]


if __name__ == "__main__":
    parser = options_of(__doc__, items=64, new_tokens=128, pairs=3)
    script(NAME, parser, measure, lines)
