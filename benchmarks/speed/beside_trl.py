"""Training beside TRL's SFTTrainer, step by step on the same rows: what T1, T2 and T7 share.

Ours trains first in float32, uncompiled: its losses are what the others are held to. The peer's settings are tried
once each over the first steps, all on keeptune's own batches (rows of like length together) in the same order, with the
same learning rates. Then ours, the peer's fastest setting, and its fastest that learns the same, run pair by pair, in
turn. A setting learns the same where its step losses differ from the reference's by less than 3 % on average, in the
pairs, too; bfloat16 weights without float32 masters do not pass for full tuning, however few steps were compared: their
small updates are rounded away.

The first step is not counted in the speed. Tokens are those of the rows, padding not counted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from measure import Aim, Found, fastest, in_turn, medians, options_of, ratios, surely, work
from rows import MODEL, encoded, model_folder

ROWS_A_STEP = 8
NOISE = 0.03
TRIED_STEPS = 5
"""Steps by which a setting of the peer is chosen, the first, which is not counted, among them."""
OURS = "keeptune"
RATE = "tokens_per_second"
Setting = Mapping[str, Any]

_FLOAT32 = {"weights": "float32", "autocast": False}
_AUTOCAST = {"weights": "float32", "autocast": True}
_BFLOAT16 = {"weights": "bfloat16", "autocast": False}
CPU_GRID: Mapping[str, Setting] = {
    "float32, 8 rows": {**_FLOAT32, "rows": 8},
    "float32, 1 row x 8": {**_FLOAT32, "rows": 1},
    "bf16 autocast, 8 rows": {**_AUTOCAST, "rows": 8},
    "bf16 autocast, 4 rows x 2": {**_AUTOCAST, "rows": 4},
    "bf16 autocast, 1 row x 8": {**_AUTOCAST, "rows": 1},
    "bf16 autocast, 8 rows, padding-free": {**_AUTOCAST, "rows": 8, "padding_free": True},
    "bf16 autocast, 8 rows, compiled": {**_AUTOCAST, "rows": 8, "compile": True},
    "bf16 autocast, 1 row x 8, compiled": {**_AUTOCAST, "rows": 1, "compile": True},
    "bf16 weights, 8 rows": {**_BFLOAT16, "rows": 8},
    "bf16 weights, 1 row x 8": {**_BFLOAT16, "rows": 1},
    "bf16 weights, 8 rows, padding-free": {**_BFLOAT16, "rows": 8, "padding_free": True},
    "bf16 weights and autocast, 8 rows": {**_BFLOAT16, "autocast": True, "rows": 8},
    "bf16 weights and autocast, 4 rows x 2": {**_BFLOAT16, "autocast": True, "rows": 4},
    "bf16 weights and autocast, 1 row x 8": {**_BFLOAT16, "autocast": True, "rows": 1},
    "bf16 weights and autocast, 1 row x 8, compiled": {**_BFLOAT16, "autocast": True, "rows": 1, "compile": True},
}
"""TRL's settings. Grouping by length is in the order of the rows already. Padding-free runs on a CPU, too: without
flash attention the boundaries of rows become a mask over all pairs of the flattened batch."""


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison."""

    method: str
    lr: float
    """keeptune's default for the method and a model of this size."""
    model: str = MODEL
    device: str = "cpu"
    dtype: str = "auto"
    grid: Mapping[str, Setting] = field(default_factory=lambda: CPU_GRID)
    compile: bool | None = True
    ours: Mapping[str, Any] = field(default_factory=dict)
    """What ours is told further."""


@dataclass(frozen=True, slots=True)
class Given:
    """What ours and the peer are given to train on."""

    order: Found
    rows: list[Found]
    planned: list[Found]
    """The rows in the order in which they are trained on, a step after the other."""
    tokens: list[int]
    """Of each step."""

    def to_peer(self, case: Case, label: str, steps: int) -> Found:
        """The further order of a setting of the peer: the first `steps`."""
        from keeptune.training.schedule import cosine_with_warmup

        whole = len(self.tokens)
        factors = [cosine_with_warmup((step + 0.5) / whole, 0.05) for step in range(whole)]
        rows = self.planned[: steps * ROWS_A_STEP]
        return {"label": label, "rows": rows, "factors": factors, "setting": dict(case.grid[label])}


def given_to_both(case: Case, steps: int) -> Given:
    """DialogSum's first rows, in keeptune's own batches."""
    from keeptune.data.batching import plan_epoch

    rows = encoded("dialogsum/train.jsonl", steps * ROWS_A_STEP, case.model)
    plan = plan_epoch([len(row["ids"]) for row in rows], ROWS_A_STEP, 0, 0)
    order = {
        "model": model_folder(case.model),
        "method": case.method,
        "lr": case.lr,
        "device": case.device,
        "rows_a_step": ROWS_A_STEP,
    }
    tokens = [sum(len(rows[row]["ids"]) for row in batch) for batch in plan]
    return Given(order, rows, [rows[row] for batch in plan for row in batch], tokens)


def measure(case: Case, options: argparse.Namespace) -> Found:
    """The reference, the peer's settings, and the pairs."""
    steps = options.steps
    if steps < 2:
        sys.exit("at least two steps: the first is not counted")
    given = given_to_both(case, steps)
    tokens, order = given.tokens, given.order
    reference: list[float] = []
    with tempfile.TemporaryDirectory() as compiled:

        def run(worker: str, more: Found) -> Found:
            found = work(worker, {**order, **more}, {"TORCHINDUCTOR_CACHE_DIR": compiled})
            if "failed" not in found:
                found[RATE] = sum(tokens[1 : len(found["ends"])]) / found["ends"][-1]
                found |= _beside(found["losses"], (reference or found["losses"])[: len(found["ends"])])
            print(f"  {more.get('label', OURS)}: {found.get('failed') or f'{found[RATE]:.0f} tokens/s'}", flush=True)
            return found

        def ours(dtype: str = case.dtype, compiling: bool | None = case.compile) -> Found:
            told = {"rows": given.rows, "dtype": dtype, "compile": compiling, **case.ours}
            return surely(run("ours/train.py", told))

        def peer(label: str, some: int = steps) -> Found:
            return run("peers/sft.py", given.to_peer(case, label, some))

        first = ours("float32", False)
        reference = first["losses"]
        tried = {label: peer(label, min(TRIED_STEPS, steps)) for label in case.grid}
        best = fastest(tried, RATE)
        alike = {label: found for label, found in tried.items() if _learns(case, label, found)}
        same = fastest(alike, RATE) if alike else None
        labels = dict.fromkeys(label for label in (best, same) if label)
        timed = in_turn(options.pairs, {OURS: ours} | {label: (lambda label=label: peer(label)) for label in labels})
    if same and not all(_learns(case, same, pair[same]) for pair in timed):
        same = None
    return {
        "method": case.method,
        "steps": steps,
        "rows_a_step": ROWS_A_STEP,
        "tokens_by_step": tokens,
        "reference": first,
        "tried": tried,
        "best": best,
        "same": same,
        "pairs": timed,
    }


def _beside(losses: Sequence[float], reference: Sequence[float]) -> Found:
    """Differences from the reference's losses, as shares: of the mean over the last half, and step by step."""
    if len(losses) != len(reference):
        return {"late_loss_difference": None, "curve_difference": None}
    half = len(losses) // 2
    apart = fmean(abs(one - other) for one, other in zip(losses, reference, strict=True))
    return {
        "late_loss_difference": fmean(losses[half:]) / fmean(reference[half:]) - 1,
        "curve_difference": apart / fmean(reference),
    }


def _learns(case: Case, label: str, found: Found) -> bool:
    """Whether a setting of the peer trains the same model."""
    if "failed" in found or found["curve_difference"] is None:
        return False
    rounded_away = case.method == "full" and case.grid[label]["weights"] != "float32"
    return not rounded_away and found["curve_difference"] < NOISE


def lines(record: Found | None, aim: Aim) -> list[str]:
    """Of the table: against the peer's fastest setting, and against its fastest that learns the same."""
    if record is None:
        return [aim.line()]
    pairs = record["pairs"]
    ours = f"{medians(pairs, OURS, RATE):.0f} tokens/s"
    if record["best"] == record["same"]:
        return [_against(record, aim, ours, record["best"], ", beside the best setting, which learns the same")]
    found = [_against(record, aim, ours, record["best"], ", beside the best setting")]
    if record["same"] is None:
        return [*found, aim.line(ours, "TRL: no setting learns the same", note=", beside the best that does")]
    return [*found, _against(record, aim, ours, record["same"], ", beside the best that learns the same")]


def _against(record: Found, aim: Aim, ours: str, label: str, note: str) -> str:
    pairs = record["pairs"]
    late = pairs[0][label]["late_loss_difference"]
    peer = f"TRL, {label}: {medians(pairs, label, RATE):.0f} tokens/s"
    peer += "" if late is None else f", late loss {late:+.1%}"
    return aim.line(ours, peer, ratios(pairs, RATE, OURS, label), note)


def told(record: Found) -> str:
    """A sentence on what stands beside the speed: compiling, and how far the losses are from those in float32."""
    ours = [pair[OURS] for pair in record["pairs"]]
    first, *again = [run["compile_seconds"] for run in ours]
    late = ours[0]["late_loss_difference"]
    later = f", {max(again):.0f} s from then on" if again else ""
    compiling = f"compiling took keeptune {first:.0f} s the first time{later}, before the first step"
    if not all(run["compiled"] for run in ours):
        compiling = "keeptune's blocks were not compiled in every run"
    return (
        f"{record['method']}: {compiling}; its mean loss over the last half of the steps differs from that in float32 "
        f"by {late:+.1%}."
    )


def options_of_training(text: str | None) -> argparse.ArgumentParser:
    """The flags of such a script."""
    return options_of(text, pairs=3, steps=12)
