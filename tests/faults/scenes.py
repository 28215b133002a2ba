"""The command lines that the faults hit, and the folder that they run in: tiny models, some dozens of rows."""

from __future__ import annotations

import json
from pathlib import Path

from tests.api.runs import COLOURS, OTHER_THINGS, THINGS, write_rows
from tests.faults.process import run
from tests.tiny import save_llama

COMMON = "--device cpu --dtype float32 --max-new-tokens 8"
ROWS = "--train train.jsonl --test test.jsonl --limit-test 6"
SEARCH = "--train numbers.jsonl --limit-test 6 --keep known=known.jsonl:rouge1 --dev-fraction 0.5 --abilities none"
KEEP = "--keep other=kept.jsonl:rouge1 --abilities none"
SCENES: dict[str, str] = {
    "full": f"tune --model base --method full {ROWS} {KEEP} --output run",
    "adapter": f"tune --model base {ROWS} {KEEP} --epochs 2 --output run",
    "plain": f"tune --model base --plain {ROWS} --measure none --output run",
    "replay": f"tune --model base {ROWS} --replay kept.jsonl --measure none --output run",
    "search": f"tune --model base {SEARCH} --auto --candidates interpolation=0.5 --max-candidates 1 --output run",
    "compare": f"compare --model base {ROWS} --measure none --methods lora,full --seeds 0 --output run",
    "curve": f"curve --model base {ROWS} {KEEP} --sizes 20,36 --draws 1 --output run",
    "rescue": f"rescue --tuned first --base base {SEARCH} --candidates kl=1 --output run",
    "measure": "measure --tuned first --base base --keep known=known.jsonl:rouge1 --abilities none --output run",
    "eval": "eval --model base --test known.jsonl --output run",
    "predict": "predict known.jsonl --model base --output run/answers.jsonl",
}
"""Name → command line; what it makes is in ``run``."""
WITH_WORKERS: dict[str, str] = {
    "full by two": SCENES["full"],
    "adapter by two": SCENES["adapter"],
    "divided by two": f"tune --model base --method full {ROWS} {KEEP} --fsdp --output run",
    "measure by two": SCENES["measure"],
    "predict by two": SCENES["predict"],
    "compare on Ray": f"{SCENES['compare']} --ray",
}
"""Runs that other processes compute for."""


def processes_of(scene: str) -> int:
    """As how many processes it is started."""
    return 2 if scene.endswith("by two") else 1


def make_home(folder: Path) -> Path:
    """Rows; as ``base`` a model that knows those of ``known.jsonl``, as ``first`` one that has forgotten them."""
    folder.mkdir(parents=True)
    write_rows(folder)
    known = [{"prompt": f"{c} {t}", "completion": f"the {t} is {c}"} for c in COLOURS for t in THINGS + OTHER_THINGS]
    numbers = [{"prompt": f"{n} {thing}", "completion": f"{thing} times {n}"} for n in range(6) for thing in THINGS]
    harm = [{"prompt": str(n), "completion": "#" * 9} for n in range(24)]
    for name, rows in (("known", known), ("numbers", numbers), ("harm", harm)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    save_llama(folder / "random")
    common = [*COMMON.split(), "--plain", "--measure", "none", "--validation-fraction", "0"]
    for name, start, rows, epochs in (("known", "random", "known", 30), ("harmed", "base", "harm", 3)):
        line = f"tune --model {start} --method full --train {rows}.jsonl --epochs {epochs} --lr 0.01"
        ended = run([*line.split(), "--output", f"made/{name}", *common], folder)
        assert ended.code == 0, ended.err
        (folder / {"known": "base", "harmed": "first"}[name]).symlink_to(folder / "made" / name / "model")
    return folder


def words(scene: str) -> list[str]:
    """Its command line."""
    line = (SCENES | WITH_WORKERS)[scene].split()
    return [*line, *(COMMON.split() if line[0] not in ("predict", "eval") else COMMON.split()[:4])]
