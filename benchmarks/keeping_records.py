"""The records of `keeping.py` and `keeping_ablation.py`: a small JSON file a run, without the texts of the data."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]
TEXT = "text"
"""What the cache loses before a run begins, so that each run pays for the base's text."""
OF_ABILITY = ("name", "metric", "items", "base", "tuned", "margin", "drop", "verdict", "declared")
OF_TRAINING = ("method", "examples", "epochs", "steps", "best_step", "lr", "seconds", "peak_bytes")
OF_MANIFEST = ("commit", "created", "model_hash", "seed", "device", "dtype", "versions", "machine", "peak_memory_bytes")


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs commands of keeptune in `work`, each in a folder of its own, and keeps their records in `results`."""

    work: Path
    results: Path
    shares_text: bool = False
    """Whether a run may use what the base wrote for an earlier one: where its minutes are not compared."""

    def has_record(self, name: str) -> bool:
        """Whether a run needs no more."""
        return (self.results / f"{name}.json").exists()

    def keep(self, name: str, words: list[str], facts: Mapping[str, Any]) -> None:
        """Run a command, or resume it, and keep its record, which begins with `facts`."""
        output = self.work / name
        self.finish(words, output)
        result = json.loads((output / "result.json").read_text(encoding="utf-8"))
        record = {"name": name, **facts, **small(result), "items": item_scores(output, result["primary_metric"])}
        record["starts"] = len(self._starts(output).read_text(encoding="utf-8").splitlines())
        write_record(self.results / f"{name}.json", record)

    def finish(self, words: list[str], output: Path) -> None:
        """Run a command in `output`, or resume it, unless it has ended there."""
        if (output / "result.json").exists():
            return
        resume = ["--resume"] if (output / "config.json").exists() else []
        cache, starts = self.work / "cache", self._starts(output)
        if not (resume or self.shares_text):
            shutil.rmtree(cache / TEXT, ignore_errors=True)
        starts.parent.mkdir(parents=True, exist_ok=True)
        with starts.open("a" if resume else "w", encoding="utf-8") as handle:
            handle.write("resumed\n" if resume else "started\n")
        words = [*words, "--output", str(output), *resume]
        print(f"== keeptune {' '.join(words)}", flush=True)
        environment = {**os.environ, "KEEPTUNE_CACHE": str(cache)}
        subprocess.run([sys.executable, "-m", "keeptune", *words], check=True, env=environment)

    def _starts(self, output: Path) -> Path:
        """A line a start: the minutes of a run that was resumed are those of its last start, the training's apart."""
        return self.work / "starts" / output.name


def small(result: Record) -> Record:
    """What a record holds of a result."""
    forgetting, manifest = result["forgetting"], result["manifest"]
    drift = forgetting["drift"] if isinstance(forgetting["drift"], list) else []
    return {
        **{name: manifest[name] for name in OF_MANIFEST},
        "method": result["config"]["method"]["kind"],
        "mitigation": result["config"]["mitigation"],
        "task": forgetting["task"],
        "abilities": [{name: ability[name] for name in OF_ABILITY} for ability in forgetting["abilities"]],
        "drift": {row["on"]: row["kl"] for row in drift},
        "training": {name: result["training"][name] for name in OF_TRAINING},
        "seconds": manifest["seconds"],
        "measuring_seconds": forgetting["manifest"]["seconds"],
        "alpha_choice": result["alpha"],
        "search": _search(forgetting["mitigation_search"]),
    }


def _search(report: Record | None) -> Record | None:
    if report is None:
        return None
    tried = [
        {
            **{name: candidate[name] for name in ("candidate", "gain", "trained_seconds", "asked_seconds")},
            "drops": {drop["name"]: drop["drop"] for drop in candidate["drops"]},
        }
        for candidate in report["candidates"]
    ]
    return {**{name: report[name] for name in ("chosen", "enough", "seconds")}, "candidates": tried}


def item_scores(output: Path, metric: str) -> dict[str, list[Any]]:
    """Each test item's score of base and tuned model, and the number of its cluster, in the order of the items' ids."""
    rows: dict[str, list[Record]] = {}
    for who in ("base", "tuned"):
        lines = (output / "samples" / f"{who}.jsonl").read_text(encoding="utf-8").splitlines()
        rows[who] = sorted((json.loads(line) for line in lines), key=lambda row: str(row["item_id"]))
    clusters = list(dict.fromkeys(row["cluster"] for row in rows["base"]))
    scores = {who: [round(row["scores"][metric]["value"], 3) for row in side] for who, side in rows.items()}
    return {**scores, "cluster": [clusters.index(row["cluster"]) for row in rows["base"]]}


def write_record(file: Path, record: Record) -> None:
    """Write a record, a line for each of its fields."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fields = (f" {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in record.items())
    file.write_text("{\n" + ",\n".join(fields) + "\n}\n", encoding="utf-8")


def read_records(results: Path) -> dict[str, Record]:
    """Name → record, of all that there are."""
    found = (json.loads(file.read_text(encoding="utf-8")) for file in sorted(results.glob("*.json")))
    return {record["name"]: record for record in found}
