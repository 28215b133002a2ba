"""Settings that must be refused, each with what the message must say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class BadConfig:
    name: str
    kind: str
    must_say: tuple[str, ...]
    yaml: str = ""
    flags: Mapping[str, Any] = field(default_factory=dict)


BAD_CONFIGS = [
    BadConfig(
        "unknown key",
        "unknown",
        ("run.yaml:2: learning_rat", "did you mean learning_rate?"),
        "seed: 1\nlearning_rat: 1e-4\n",
    ),
    BadConfig(
        "unknown key in a section",
        "unknown",
        ("run.yaml:2: training.epoch", "did you mean epochs?"),
        "training:\n  epoch: 3\n",
    ),
    BadConfig("a type, which is a kind", "unknown", ("method.type",), "method:\n  type: full\n"),
    BadConfig(
        "unknown section", "unknown", ("run.yaml:2: trainig.lr", "did you mean training?"), "trainig:\n  lr: 1e-4\n"
    ),
    BadConfig("unknown flag name", "unknown", ("--batchsize", "did you mean batch_size?"), flags={"batchsize": "4"}),
    BadConfig(
        "a key in another section", "misplaced", ("run.yaml:2: data.lr", "section training"), "data:\n  lr: 1e-4\n"
    ),
    BadConfig(
        "a key of two sections",
        "ambiguous",
        ("run.yaml:1", "training.token_budget or evaluation.token_budget"),
        "token_budget: 8\n",
    ),
    BadConfig("a section that is a value", "shape", ("run.yaml:1: training", "section"), "training: 3\n"),
    BadConfig("a value that is a section", "shape", ("run.yaml:2", "write `lr: VALUE`"), "lr:\n  max: 3\n"),
    BadConfig(
        "nested too deep", "shape", ("run.yaml:3: training.lr.max", "one value"), "training:\n  lr:\n    max: 1\n"
    ),
    BadConfig("bad YAML", "yaml", ("run.yaml:3", "begins on line 2", "not YAML"), "seed: 1\nlr: [1, 2\n"),
    BadConfig("a tab", "yaml", ("run.yaml:2: not YAML",), "training:\n\tlr: 1\n"),
    BadConfig("a list at the top", "yaml", ("run.yaml:1: not a mapping",), "- lr: 1\n"),
    BadConfig("one key twice", "twice", ("run.yaml:3: seed is given twice", "line 1"), "seed: 1\nlr: 1e-4\nseed: 2\n"),
    BadConfig(
        "one key twice in a list",
        "twice",
        ("run.yaml:4: margin of measure.keep is given twice", "line 3"),
        "measure:\n  keep:\n    - {name: facts, margin: 2,\n       margin: 20}\n",
    ),
    BadConfig(
        "a number for a text", "value", ("run.yaml:1: revision", "1.1, not a text", "quotes"), "revision: 1.10\n"
    ),
    BadConfig("a time of day for a number", "type", ("run.yaml:1: epochs is '1:30', not a number",), "epochs: 1:30\n"),
    BadConfig("a date for a number", "type", ("seed is '2024-01-31', not a whole number",), "seed: 2024-01-31\n"),
    BadConfig("a word for a yes", "type", ("probe is 'y', not true or false",), "probe: y\n"),
    BadConfig("a list for a type", "value", ("run.yaml:2: method.type",), "method:\n  type: [lora]\n"),
    BadConfig(
        "two names of one setting",
        "twice",
        ("run.yaml:2: learning_rate", "run.yaml:1: lr"),
        "lr: 1e-4\nlearning_rate: 1e-3\n",
    ),
    BadConfig(
        "batch size and its parts",
        "twice",
        ("gradient_accumulation_steps", "batch_size"),
        "batch_size: 8\ngradient_accumulation_steps: 2\n",
    ),
    BadConfig("a word for a number", "type", ("--lr is 'fast', not a number", "more than 0"), flags={"lr": "fast"}),
    BadConfig("half a step", "type", ("--batch-size is '1.5', not a whole number",), flags={"batch_size": "1.5"}),
    BadConfig("not a number", "type", ("run.yaml:1: lr is nan",), "lr: .nan\n"),
    BadConfig("a list for a number", "type", ("run.yaml:1: epochs is [1, 2]",), "epochs: [1, 2]\n"),
    BadConfig("true for a number", "type", ("run.yaml:1: rank is True",), "rank: true\n"),
    BadConfig("a number for a switch", "type", ("run.yaml:1: resume is 7", "true or false"), "resume: 7\noutput: x\n"),
    BadConfig("an empty text", "type", ("--train is empty",), flags={"train": " "}),
    BadConfig("lr of zero", "range", ("--lr is 0", "more than 0 and less than 1"), flags={"lr": "0"}),
    BadConfig("lr too high", "range", ("run.yaml:1: learning_rate is 5",), "learning_rate: 5\n"),
    BadConfig("no epochs", "range", ("--epochs is -1", "more than 0"), flags={"epochs": "-1"}),
    BadConfig("rank of zero", "range", ("--lora-r is 0", "at least 1"), flags={"lora_r": "0"}),
    BadConfig(
        "everything as validation", "range", ("validation_fraction is 1.0", "less than 1"), "validation_fraction: 1.0\n"
    ),
    BadConfig("no rows", "range", ("--limit-train is 0", "at least 1"), flags={"limit_train": "0"}),
    BadConfig("no time", "range", ("--max-minutes is 0",), flags={"max_minutes": "0"}),
    BadConfig(
        "no rows a device", "range", ("--per-device-train-batch-size is 0",), flags={"per_device_train_batch_size": "0"}
    ),
    BadConfig(
        "unknown method", "choice", ("--method cannot be 'lorra'", "did you mean lora?"), flags={"method": "lorra"}
    ),
    BadConfig(
        "unknown metric",
        "choice",
        ("run.yaml:1: metric cannot be 'rouge-1'", "did you mean rouge1?"),
        "metric: rouge-1\n",
    ),
    BadConfig(
        "an ability with the name of a path",
        "bad-name",
        ("--keep", "separator", "a name is one line"),
        flags={"keep": ("../../victim/samples=items.jsonl",)},
    ),
    BadConfig("an ability named ..", "bad-name", ("run.yaml:2", "is no name"), "measure:\n  keep: [{name: ..}]\n"),
    BadConfig("a NUL in an output", "bad-name", ("run.yaml:1", "NUL"), 'output: "a\\0b"\n'),
    BadConfig(
        "something to keep that is not measured",
        "together",
        ("measure is none, so the abilities in keep would not be measured",),
        "measure: none\n",
        flags={"keep": ("ner",)},
    ),
    BadConfig(
        "unknown policy",
        "choice",
        ("--too-long cannot be 'trunc'", "did you mean truncate?"),
        flags={"too_long": "trunc"},
    ),
    BadConfig("unknown device", "choice", ("--device cannot be 'gpu'", "cuda"), flags={"device": "gpu"}),
    BadConfig("rank with full", "together", ("run.yaml:1: rank belongs to an adapter",), "rank: 8\nmethod: full\n"),
    BadConfig("rank with no peft", "together", ("run.yaml:1: lora_r belongs",), "lora_r: 8\nuse_peft: false\n"),
    BadConfig(
        "resume without a folder", "together", ("--resume needs the run's folder", "--output"), flags={"resume": True}
    ),
    BadConfig("train as test", "together", ("--test is a.jsonl",), flags={"train": "a.jsonl", "test": "a.jsonl"}),
    BadConfig(
        "nothing to choose by",
        "together",
        ("--select-by", "validation_fraction"),
        "validation_fraction: 0\n",
        {"select_by": "metric"},
    ),
    BadConfig("a tracker", "foreign", ("run.yaml:1: report_to is 'wandb'", "leave it out"), "report_to: wandb\n"),
    BadConfig(
        "another schedule", "foreign", ("lr_scheduler_type is 'linear'", "cosine"), "lr_scheduler_type: linear\n"
    ),
    BadConfig(
        "a checkpoint's path",
        "foreign",
        ("resume_from_checkpoint", "set resume to true"),
        "resume_from_checkpoint: runs/a/checkpoint-9\n",
    ),
    BadConfig("steps", "foreign", ("run.yaml:1: max_steps", "use epochs"), "max_steps: 100\n"),
    BadConfig(
        "steps of a warm-up",
        "foreign",
        ("run.yaml:1: warmup_steps is 100", "use warmup_fraction"),
        "warmup_steps: 100\n",
    ),
]
