"""The model case: a model that knows four tasks is tuned on a fifth. What does it forget, fully tuned and by LoRA?

    KEEPTUNE_DATA=<folder> python benchmarks/model_case.py --work build/model-case      run what is missing, then print
    python benchmarks/model_case.py --table                                             print from the records alone

1. generalist: the built-in model, full fine-tuning on 400 rows of entity recognition (300 with entities), 200 of
   topics, 200 of question answering and 150 of inference, two epochs.
2. full, lora: the generalist, tuned on 500 dialogue summaries, measured on the four tasks' rows that it has not seen:
   dev rows and train rows that were left over. Margin 5 points.

Each step is one `keeptune tune` command; a step whose run is in the work folder is not run again, and one that was
stopped goes on. Records are kept in `results/model_case/`, without the texts of the data, and name their commit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "model_case"
SOURCES = {
    "ner": ("ner_wnut17/train.jsonl", "ner_wnut17/dev.jsonl", 400, 1400),
    "topic": ("ag_news/train.jsonl", "ag_news/dev.jsonl", 200, 600),
    "qa": ("xquad_en/train.jsonl", "xquad_en/dev.jsonl", 200, 600),
    "inference": ("nli/sick_train.jsonl", "nli/sick_dev.jsonl", 150, 600),
}
"""Task → train file, dev file, rows that the generalist learns, verdict items at most."""
METRICS = {"ner": "entity_f1", "topic": "choice_accuracy", "qa": "token_f1", "inference": "choice_accuracy"}
BASE = "base"
"""The generalist's weights outside of its run, so that only what is named here is declared to be kept."""
STEPS = ("generalist", "full", "lora")
GENERALIST = ["--method", "full", "--lr", "1e-4", "--epochs", "2", "--measure", "none", "--plain"]
SUMMARIES = ["--limit-train", "500", "--limit-test", "200", "--measure", "full", "--abilities", "none"]
SUMMARIES += ["--fail-on", "none", "--plain"]


def make_rows(data: Path, work: Path) -> None:
    """The generalist's train rows, and each task's verdict items, into `work`."""
    mix: list[str] = []
    for task, (train, dev, learned, verdict) in SOURCES.items():
        rows = [line for line in (data / train).read_text(encoding="utf-8").splitlines() if line.strip()]
        if task == "ner":
            rows = entities_first(rows, learned)
        unseen = (data / dev).read_text(encoding="utf-8").splitlines() + rows[learned:]
        mix += rows[:learned]
        (work / f"{task}.jsonl").write_text("\n".join(unseen[:verdict]) + "\n", encoding="utf-8")
    (work / "mix.jsonl").write_text("\n".join(mix) + "\n", encoding="utf-8")


def entities_first(rows: list[str], learned: int) -> list[str]:
    """`rows` with three quarters of the learned ones holding entities; as they come, a third does, and a model of this
    size learns to answer "none" to everything."""
    without = {row for row in rows if json.loads(row)["completion"] == "none"}
    chosen = [row for row in rows if row not in without][: learned * 3 // 4]
    chosen += [row for row in rows if row in without][: learned - len(chosen)]
    return chosen + [row for row in rows if row not in set(chosen)]


def command(step: str, data: Path, work: Path) -> list[str]:
    """The command line of one step."""
    if step == "generalist":
        rows = ["--train", str(work / "mix.jsonl"), "--test", str(data / "ner_wnut17/dev.jsonl"), "--limit-test", "100"]
        return ["tune", "--model", "smollm2", *rows, *GENERALIST, "--metric", "entity_f1"]
    rows = ["--train", str(data / "dialogsum/train.jsonl"), "--test", str(data / "dialogsum/dev.jsonl")]
    keep = [word for task in SOURCES for word in ("--keep", f"{task}={work / task}.jsonl:{METRICS[task]}")]
    return ["tune", "--model", str(work / BASE), "--method", step, *rows, *SUMMARIES, *keep]


def places(work: Path) -> tuple[Path, Path]:
    """The folder of the data sets and that of the models, which is made."""
    data = os.environ.get("KEEPTUNE_DATA")
    if not data:
        sys.exit("set KEEPTUNE_DATA to the folder of the data sets")
    work.mkdir(parents=True, exist_ok=True)
    return Path(data).resolve(), work.resolve()


def run(step: str, data: Path, work: Path) -> None:
    """Run one step, or go on with it, and keep its record."""
    keep_record(step, command(step, data, work), work / step, data, work, RESULTS)
    if step == "generalist" and not (work / BASE).exists():
        (work / BASE).symlink_to(work / "generalist" / "model")


def keep_record(
    name: str, words: list[str], output: Path, data: Path, work: Path, results: Path, holds: str = "result.json"
) -> None:
    """Run one command of keeptune in the folder `output`, or go on with it, and keep its record, the file that `holds`
    it, in `results`.
    """
    if not (output / holds).exists():
        resume = ["--resume"] if (output / "config.json").exists() else []
        words = [*words, "--output", str(output), *resume]
        print(f"== {name}: keeptune {' '.join(words)}", flush=True)
        subprocess.run([sys.executable, "-m", "keeptune", *words], check=True)
    result = json.loads((output / holds).read_text(encoding="utf-8"))
    result.pop("samples", None)
    places = {str(work): "$WORK", str(data): "$KEEPTUNE_DATA", str(HERE.parent): "$REPOSITORY"}
    results.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_without_paths(result, places), indent=1, ensure_ascii=False)
    (results / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def _without_paths(value: Any, places: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _without_paths(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_paths(item, places) for item in value]
    if isinstance(value, str):
        for place, name in places.items():
            value = value.replace(place, name)
    return value


def table() -> str:
    """Markdown: the gain, and each ability's fate, of both ways of tuning."""
    lines = ["| tuned by | ability | metric | items | before | after | change (95 % interval) | verdict |"]
    lines.append("|---" * 8 + "|")
    for step in STEPS[1:]:
        file = RESULTS / f"{step}.json"
        if not file.exists():
            lines.append(f"| {step} | not run yet | | | | | | |")
            continue
        report = json.loads(file.read_text(encoding="utf-8"))["forgetting"]
        gain = report["task"]
        lines.append(
            f"| {step} | summaries (tuned) | {gain['metric']} | {gain['items']} | {gain['before']:.1f} | "
            f"{gain['after']:.1f} | gain {interval(gain['difference'])} | |"
        )
        for a in report["abilities"]:
            lines.append(
                f"| {step} | {a['name']} | {a['metric']} | {a['items']} | {a['base']:.1f} | {a['tuned']:.1f} | "
                f"{interval(negated(a['drop']))} | {a['verdict']} |"
            )
    return "\n".join(lines)


def interval(found: dict[str, Any]) -> str:
    """An interval as text."""
    estimate, low, high = (f"{round(found[name], 1) + 0.0:+.1f}" for name in ("estimate", "low", "high"))
    return f"{estimate} ({low} to {high})".replace("-", "−")


def negated(drop: dict[str, Any]) -> dict[str, Any]:
    """The change that a drop is: below 0 is worse."""
    return {"estimate": -drop["estimate"], "low": -drop["high"], "high": -drop["low"]}


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/model-case"), help="where the models lie")
    parser.add_argument("--only", choices=STEPS, nargs="*", help="these steps alone")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    options = parser.parse_args()
    if not options.table:
        data, work = places(options.work)
        make_rows(data, work)
        for step in options.only or STEPS:
            run(step, data, work)
    print(table())


if __name__ == "__main__":
    main()
