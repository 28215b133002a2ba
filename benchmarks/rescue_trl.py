"""A checkpoint that TRL alone made lost what the model knew: what does `keeptune rescue` bring back, and what stays?

    KEEPTUNE_DATA=<folder> python benchmarks/rescue_trl.py --work build/model-case      run what is missing, then print
    python benchmarks/rescue_trl.py --table                                             print from the record alone

The model is the generalist of `model_case.py`. TRL's SFTTrainer, in a process of its own in which keeptune is not
loaded, tunes all its weights on 500 dialogue summaries and saves a checkpoint; `keeptune rescue` is given both models,
the task's rows and what the generalist learned. Peer: `pip install -r benchmarks/requirements.txt`. The record goes to
`results/rescue_trl.json`, without the texts of the data, and names its commit.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import claims
import model_case
from earlier_words import read_record
from model_case import METRICS, SOURCES, interval, negated

RESULTS = Path(__file__).parent / "results" / "rescue_trl.json"
TRAINING = {"learning_rate": 1e-4, "num_train_epochs": 2, "rows": 500}
"""The rate and epochs that keeptune takes for full tuning on so many rows."""
CACHED = 20.0
"""Seconds in which no candidate can be asked."""


def train_by_trl(base: Path, rows: Path, output: Path) -> None:
    """All weights, on completion tokens, in batches of like length: TRL's fastest setting on a CPU."""
    import datasets
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    raw = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    data = datasets.Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": row["prompt"]}],
                "completion": [{"role": "assistant", "content": row["completion"]}],
            }
            for row in raw
        ]
    )
    config = SFTConfig(
        output_dir=str(output.with_name("trl-work")),
        per_device_train_batch_size=8,
        num_train_epochs=TRAINING["num_train_epochs"],
        learning_rate=TRAINING["learning_rate"],
        train_sampling_strategy="group_by_length",
        completion_only_loss=True,
        max_length=2048,
        use_cpu=True,
        bf16=True,
        gradient_checkpointing=False,
        report_to="none",
        save_strategy="no",
        logging_steps=1,
        seed=0,
    )
    model = AutoModelForCausalLM.from_pretrained(base, dtype="float32")
    began = time.perf_counter()
    tokenizer = AutoTokenizer.from_pretrained(base)
    trainer = SFTTrainer(model=model, args=config, train_dataset=data, processing_class=tokenizer)
    trainer.train()
    trainer.save_model(str(output))
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    found = {
        "seconds": time.perf_counter() - began,
        "losses": losses,
        "rows": len(raw),
        "trl": importlib.metadata.version("trl"),
        "keeptune_loaded": "keeptune" in sys.modules,
    }
    output.with_suffix(".json").write_text(json.dumps(found), encoding="utf-8")


def rescue(data: Path, work: Path) -> None:
    """What is missing of both steps, and the record."""
    rows, tuned, output = work / "summaries.jsonl", work / "trl", work / "rescue-trl"
    lines = (data / "dialogsum/train.jsonl").read_text(encoding="utf-8").splitlines()
    rows.write_text("\n".join(lines[: int(TRAINING["rows"])]) + "\n", encoding="utf-8")
    if not tuned.with_suffix(".json").exists():
        subprocess.run([sys.executable, __file__, "--train-by-trl", work / model_case.BASE, rows, tuned], check=True)
    keep = [word for task in SOURCES for word in ("--keep", f"{task}={work / task}.jsonl:{METRICS[task]}")]
    old = [word for task in claims.REPLAYED for word in ("--replay", str(work / f"old-{task}.jsonl"))]
    words = ["rescue", "--base", str(work / model_case.BASE), "--tuned", str(tuned), "--train", str(rows)]
    words += ["--test", str(data / "dialogsum/dev.jsonl"), "--limit-test", "280", *keep, *old]
    words += ["--abilities", "none", "--dev-fraction", "0.25", "--fail-on", "none"]
    model_case.keep_record("rescue_trl", words, output, data, work, RESULTS.parent, "forgetting.json")
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    kept["by_trl"] = json.loads(tuned.with_suffix(".json").read_text(encoding="utf-8"))
    RESULTS.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def table(result: dict[str, Any]) -> str:
    """Markdown: every candidate on development items, and the choice on items that no choice has seen."""
    mitigation_search, gain, trl = result["mitigation_search"], result["task"], result["by_trl"]
    lines = [f"| mitigation, on development items | {gain['metric']} | {' | '.join(SOURCES)} | minutes |"]
    lines.append("|---" * (len(SOURCES) + 3) + "|")
    for candidate in mitigation_search["candidates"]:
        drops = {drop["name"]: drop for drop in candidate["drops"]}
        cells = [f"{drops[task]['after']:.1f} (of {drops[task]['base']:.1f})" for task in SOURCES]
        minutes = (candidate["trained_seconds"] + candidate["asked_seconds"]) / 60
        lines.append(f"| {candidate['candidate']} | {candidate['score']:.1f} | {' | '.join(cells)} | {minutes:.1f} |")
    if any(candidate["asked_seconds"] < CACHED for candidate in mitigation_search["candidates"]):
        lines += ["", "0.0 minutes: evaluated before the search was interrupted once; that time is not counted."]
    minutes = f"{mitigation_search['seconds'] / 60:.0f} minutes, as counted here"
    lines += [
        "",
        f"Chosen: {mitigation_search['chosen']}, {mitigation_search['reason']}. {minutes}; "
        f"TRL {trl['trl']} had trained for",
    ]
    lines[-1] += f" {trl['seconds'] / 60:.0f}."
    lines += ["", "| the choice, on unseen items | items | base | rescued | change (95 % interval) | verdict |"]
    lines.append("|---" * 6 + "|")
    change = interval(gain["difference"])
    lines.append(f"| summaries | {gain['items']} | {gain['before']:.1f} | {gain['after']:.1f} | {change} | |")
    for a in result["abilities"]:
        down = interval(negated(a["drop"]))
        line = f"| {a['name']} | {a['items']} | {a['base']:.1f} | {a['tuned']:.1f} | {down} | {a['verdict']} |"
        lines.append(line)
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("build/model-case"), help="where the models lie")
    parser.add_argument("--table", action="store_true", help="print the table and run nothing")
    parser.add_argument(
        "--train-by-trl", type=Path, nargs=3, metavar=("BASE", "ROWS", "OUTPUT"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.train_by_trl:
        train_by_trl(*options.train_by_trl)
        return
    if not options.table:
        places = model_case.places(options.work)
        claims.make_old_rows(*places)
        model_case.run("generalist", *places)
        rescue(*places)
    print(table(read_record(RESULTS)))


if __name__ == "__main__":
    main()
