"""A folder of fifty runs of several tasks, with the records that `tune`, `measure` and `eval` write; some are
unfinished, some damaged, and some need one another."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from keeptune.config import Adapter, DataConfig, Full, MeasureRun, ModelConfig, TrainingConfig, TuneConfig
from keeptune.records import AbilityReport, EvalRecord, Interval, TuneResult, Verdict, to_plain
from keeptune.workspace.atomic import write_json, write_jsonl
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.layout import CONFIG, RESULT
from tests.report.forgetting_reports import ability_pairs, forgetting_report
from tests.report.results import EVALUATED, GAIN, MANIFEST
from tests.report.results import RESULT as TUNED

TASKS = ("dialogsum", "tickets", "entities")
MODELS = ("smollm2", "Qwen/Qwen2.5-0.5B-Instruct")
TUNE_RUNS = 40


def write_tune(
    folder: Path, task: str, model: str, *, number: int = 0, full: bool = False, lost: bool = False, limit: int = 300
) -> Path:
    """A finished `tune` with two abilities measured; its gain is 5 + `number` tenths of a point."""
    method = Full() if full else Adapter(rank=8 + number)
    data = DataConfig(train=f"data/{task}/train.jsonl", test=f"data/{task}/test.jsonl", limit_test=limit)
    config = TuneConfig(ModelConfig(name=model), data, method, TrainingConfig(seed=number), output=str(folder))
    write_json(folder / CONFIG, to_plain(config))
    write_json(folder / "rows.json", {"train": hash_value(task), "test": hash_value([task, limit])})
    gain = 5.0 + number / 10
    comparison = replace(
        GAIN, after=GAIN.before + gain, difference=Interval(gain, gain - 2.0, gain + 2.0, 0.95, "jackknife")
    )
    abilities = (ability("facts", "lost" if lost else "kept"), ability("grammar", "lost", declared=False))
    result: TuneResult = replace(
        TUNED,
        path=str(folder),
        comparisons=(comparison, *TUNED.comparisons[1:]),
        config=to_plain(config),
        training=replace(TUNED.training, method=method.kind),
        manifest=replace(MANIFEST, created=f"2026-01-{1 + number % 28:02}T00:00:00Z"),
        forgetting=replace(forgetting_report(), path=str(folder), abilities=abilities),
    )
    write_json(folder / RESULT, to_plain(result))
    write_json(folder / "forgetting.json", to_plain(result.forgetting))
    for name in ("facts", "grammar"):
        write_records(folder, name, tuple(base for base, _ in ability_pairs()["facts"][:limit]))
    weights = folder / ("model" if full else "adapter")
    weights.mkdir()
    (weights / "model.safetensors").write_bytes(b"w" * 1000)
    write_json(weights / ("config.json" if full else "adapter_config.json"), {"base_model_name_or_path": model})
    return folder


def ability(name: str, verdict: Verdict, *, declared: bool = True) -> AbilityReport:
    drop = 12.0 if verdict == "lost" else 0.5
    return replace(
        forgetting_report().abilities[0],
        name=name,
        verdict=verdict,
        declared=declared,
        drop=Interval(drop, drop - 3.0, drop + 3.0, 0.95, "Tango"),
    )


def write_records(folder: Path, name: str, records: tuple[EvalRecord, ...]) -> None:
    write_jsonl(folder / "abilities" / name / "base.jsonl", [to_plain(record) for record in records])


def write_measure(folder: Path, tuned: str) -> Path:
    """A finished `measure` of a tuned model."""
    write_json(folder / CONFIG, to_plain(MeasureRun(ModelConfig(), ModelConfig(name=tuned), output=str(folder))))
    write_json(folder / "forgetting.json", to_plain(replace(forgetting_report(), path=str(folder), tuned_name=tuned)))
    return folder


def write_fifty(folder: Path) -> None:
    """Forty of tune (every task with every model and method), five of measure, one of eval, and four that
    did not end well."""
    for n in range(TUNE_RUNS):
        task, model = TASKS[n % 3], MODELS[n % 2]
        write_tune(folder / f"{task}-{n}", task, model, number=n, full=n % 5 == 0, lost=n % 10 == 3)
    for n in range(5):
        write_measure(folder / f"measure-{n}", str(folder / f"{TASKS[n % 3]}-{n}" / "adapter"))
    evaluated = folder / "eval-1"
    write_json(
        evaluated / CONFIG, to_plain({"model": ModelConfig(), "data": DataConfig(test="data/tickets/test.jsonl")})
    )
    write_json(evaluated / RESULT, to_plain(EVALUATED))
    plain = to_plain(TuneConfig(data=DataConfig(train="data/tickets/train.jsonl")))
    write_json(folder / "stopped" / CONFIG, plain)
    (folder / "stopped" / "checkpoint-10").mkdir()
    write_json(folder / "cut" / CONFIG, plain)
    (folder / "cut" / RESULT).write_text('{"type": "TuneResult", "comp', encoding="utf-8")
    write_json(folder / "odd" / CONFIG, plain)
    (folder / "odd" / RESULT).write_text(json.dumps({"type": "TuneResult", "comparisons": 3}), encoding="utf-8")
    (folder / "binary").mkdir()
    (folder / "binary" / CONFIG).write_bytes(b"\xff\xfe\x00")
