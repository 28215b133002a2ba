"""T1 and T2: the task's score after training, keeptune's beside TRL's, on the same unseen items.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/same_task.py [--rows 240] [--items 100] [--draft]
    python benchmarks/speed/same_task.py --table          print from the record alone

Both train on the same DialogSum rows, batches and learning rates (`beside_trl.py`), TRL in its fastest setting that
learns the same by the record of T1 or T2. Each model is saved as its tool saves it, and keeptune answers some of
DialogSum's dev items with both, and with the base. The difference is the mean over the items, ours less TRL's, its
interval Student's t of the paired differences. The record is results/speed/same_task.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import fmean

import t1_lora
import t2_full
from beside_trl import OURS, ROWS_A_STEP, Case, given_to_both
from measure import Aim, Found, options_of, read, script, surely, work
from rows import MODEL, data_file

NAME = "same_task"
METRIC = "rouge1"
BASE, PEER = "base", "TRL"
CASES: dict[str, tuple[Case, str, str]] = {
    t1_lora.NAME: (t1_lora.CASE, "T1", "LoRA"),
    t2_full.NAME: (t2_full.CASE, "T2", "full fine-tuning"),
}


def measure(options: argparse.Namespace) -> Found:
    found: Found = {}
    with tempfile.TemporaryDirectory() as scratch:
        base = _scores(MODEL, options.items, Path(scratch) / BASE)
        for name, (case, _, _) in CASES.items():
            record = read(name)
            label = record and record["same"]
            if not label:
                sys.exit(f"{name} has not been measured, or no setting of the peer learns the same")
            trained = _trained(case, label, options, Path(scratch) / name)
            found[name] = {"label": label, BASE: base, **trained}
    return found


def _trained(case: Case, label: str, options: argparse.Namespace, scratch: Path) -> Found:
    """The scores of both, item by item."""
    steps = options.rows // ROWS_A_STEP
    given = given_to_both(case, steps)
    orders = {
        OURS: ("ours/train.py", {"rows": given.rows, "dtype": case.dtype, "compile": case.compile}),
        PEER: ("peers/sft.py", given.to_peer(case, label, steps)),
    }
    found = {}
    for who, (worker, more) in orders.items():
        saved = scratch / who
        surely(work(worker, {**given.order, **more, "save": str(saved)}))
        found[who] = _scores(str(saved), options.items, scratch / f"{who}-answers")
        print(f"  {case.method}, {who}: {fmean(found[who]):.1f}", flush=True)
    return found


def _scores(model: str, items: int, output: Path) -> list[float]:
    """Of each item, in the order of their ids, out of 100."""
    from keeptune.api.evaluate import evaluate
    from keeptune.config import DataConfig, EvaluationConfig, ModelConfig

    data = DataConfig(test=str(data_file("dialogsum/dev.jsonl")), limit_test=items)
    result = evaluate(ModelConfig(name=model, device="cpu"), data, EvaluationConfig(metrics=(METRIC,)), str(output))
    lines = Path(result.records_path).read_text(encoding="utf-8").splitlines()
    records = sorted((json.loads(line) for line in lines), key=lambda record: str(record["item_id"]))
    return [record["scores"][METRIC]["value"] for record in records]


def lines(record: Found | None) -> list[str]:
    return [_line(record and record[name], target, method) for name, (_, target, method) in CASES.items()]


def _line(found: Found | None, target: str, method: str) -> str:
    work = f"{method}: {METRIC} after training"
    if found is None:
        return Aim(target, work).line()
    from scipy.stats import ttest_rel

    ours, peer, base = (fmean(found[who]) for who in (OURS, PEER, BASE))
    low, high = ttest_rel(found[OURS], found[PEER]).confidence_interval()
    work += f", {len(found[OURS])} items"
    difference = f"{ours - peer:+.1f} ({low:+.1f} to {high:+.1f})"
    peers = f"TRL, {found['label']}: {peer:.1f}; the base: {base:.1f}"
    verdict = "yes" if low <= 0 <= high else "no"
    return f"| {target} | {work} | {ours:.1f} | {peers} | {difference} | 0 in the interval | {verdict} |"


if __name__ == "__main__":
    script(NAME, options_of(__doc__, rows=240, items=100), measure, lines)
