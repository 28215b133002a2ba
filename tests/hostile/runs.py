"""Settings, runs and logs of a stranger; texts that a model or a user wrote; numbers that are none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from keeptune.errors import (
    ConfigError,
    CorruptCheckpoint,
    DataError,
    MetricError,
    ModelError,
    NonFiniteLogits,
    StoreError,
)
from tests.api.test_measure_logs import RUN as LOG
from tests.hostile.inputs import (
    CANARY,
    CPU,
    ESCAPES,
    PICKLED,
    ROWS,
    Change,
    HostileInput,
    Write,
    edit,
    link,
    pipe,
    text,
)
from tests.hostile.models import changed_model


def _settings(write: Change) -> Write:
    return lambda folder: (write(folder), ["tune", "--config", "run.yaml"])[1]  # type: ignore[func-returns-value]


LAUGHS = "a: &a [1, 2, 3, 4, 5, 6, 7, 8]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}, *{a}]\n"
    for a, b in zip("abcdefghij", "bcdefghijk", strict=True)
)
SETTINGS = (
    (
        "a YAML tag that calls a function",
        "code",
        text("run.yaml", "model: !!python/object/apply:os.system [ls]\n"),
        "tag",
    ),
    ("a YAML tag that makes an object", "code", text("run.yaml", "lr: !!python/name:os.system\n"), "tag"),
    ("aliases of aliases", "bomb", text("run.yaml", LAUGHS), "aliases written out"),
    ("an alias of itself", "endless", text("run.yaml", "a: &a [*a]\n"), "aliases written out"),
    ("lists nested without end", "bomb", text("run.yaml", "a: " + "[" * 600), "nested too deep"),
    ("a million values", "bomb", text("run.yaml", "a: [" + "1," * 500_000 + "]"), "the limit is"),
    ("a file that never ends", "endless", link("run.yaml", "/dev/zero"), "not a file"),
    ("a pipe", "endless", pipe("run.yaml"), "not a file"),
    ("escapes in a key", "escape", text("run.yaml", f"{json.dumps(ESCAPES)}: 1\n"), "␛]8;;"),
)


def _run(change: Change, *words: str) -> Write:
    """The finished run, changed."""

    def write(folder: Path) -> Sequence[str]:
        shutil.copytree(folder / "done", folder / "run")
        change(folder / "run")
        (folder / "rows.jsonl").write_text(ROWS)
        return words

    return write


def _unfinished(change: Change) -> Change:
    return lambda run: ((run / "result.json").unlink(), change(run))


def _config(section: str, **values: Any) -> Change:
    def change(run: Path) -> None:
        settings = json.loads((run / "config.json").read_text())
        settings[section].update(values)
        (run / "config.json").write_text(json.dumps(settings))

    return change


def _own_metric(run: Path) -> None:
    (run / "evil.py").write_text(f"open({CANARY!r}, 'w')\ndef f(o, r, e):\n    return 50.0\n")
    _config("evaluation", metrics=[f"{run / 'evil.py'}:f"])(run)


def _checkpoint(run: Path) -> None:
    """As other tools write them, of a training that has not ended."""
    (run / "training.json").unlink()
    (run / "checkpoint-99").mkdir()
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "pytorch_model.bin", "hash"):
        (run / "checkpoint-99" / name).write_bytes(PICKLED)


def _among_others(run: Path) -> None:
    """In a folder of runs, with links out of it."""
    for name, target in (("more", "../../done"), ("file", "../../victim")):
        link(name, target)(run)
    (run.parent / "many").mkdir()
    shutil.move(run, run.parent / "many" / "run")


RESUME = ("tune", "--output", "run", "--resume")
REPRODUCE = ("reproduce", "run", "--output", "out")
EVAL = ("eval", "--model", "run", "--test", "rows.jsonl", *CPU, "--output", "out")
KEEPING = _run(_own_metric, "tune", *CPU, "--model", "tiny", "--train", "rows.jsonl", "--keep", "x=run:run")
NAMED_CODE = (
    ("a metric of its own", _own_metric),
    ("pickles allowed", _config("model", allow_pickle=True)),
    ("remote code allowed", _config("model", allow_remote_code=True)),
)
STARTS = (
    *((f"a run that is resumed with {what}", _run(_unfinished(change), *RESUME)) for what, change in NAMED_CODE),
    *((f"a run that is reproduced with {what}", _run(change, *REPRODUCE)) for what, change in NAMED_CODE),
)
RUNS = (
    *((what, "code", write, ConfigError, "code that would run") for what, write in STARTS),
    (
        "a run with a metric of its own, whose model is tuned again",
        "code",
        _run(_own_metric, "check", *CPU, "--model", "run", "--train", "rows.jsonl"),
        None,
        "no problems found",
        "its task would not be measured",
    ),
    ("a run with a metric of its own, whose task is to be kept", "code", KEEPING, StoreError, "code that would run"),
    (
        "a run that is resumed with remote code allowed by another name",
        "code",
        _run(_unfinished(edit("config.json", trust_remote_code=True)), *RESUME),
        ConfigError,
        "",
    ),
    (
        "a run with pickled optimizer states",
        "code",
        _run(_unfinished(_checkpoint), *RESUME),
        CorruptCheckpoint,
        "whole",
    ),
    (
        "a resumed run with a link to a file",
        "link",
        _run(_unfinished(link("abilities", "../victim")), *RESUME),
        StoreError,
        "link to a place outside",
    ),
    (
        "a resumed run with a link to a folder",
        "link",
        _run(_unfinished(link("best", "../done")), *RESUME),
        StoreError,
        "link to a place outside",
    ),
    (
        "a resumed run whose lock is a link",
        "link",
        _run(_unfinished(link(".lock", "../victim")), *RESUME),
        StoreError,
        "link to a place outside",
    ),
    (
        "a resumed run with a pipe",
        "endless",
        _run(_unfinished(pipe("training.json")), *RESUME),
        StoreError,
        "not a file",
    ),
    (
        "weights of a run that are a pipe",
        "endless",
        _run(pipe("adapter/adapter_model.safetensors"), *EVAL),
        ModelError,
        "not a file",
    ),
    (
        "weights of a run that link elsewhere",
        "link",
        _run(link("adapter/adapter_model.safetensors", "../../done/adapter/adapter_model.safetensors"), *EVAL),
        ModelError,
        "outside of its folder",
    ),
    (
        "settings of a run that never end",
        "endless",
        _run(link("config.json", "/dev/zero"), "runs", "list", "."),
        None,
        "not a file",
        "the run is shown as damaged",
    ),
    (
        "a result nested a million deep",
        "bomb",
        _run(text("result.json", "[" * 10**6), "runs", "list", "."),
        None,
        "nested",
        "the run is shown as damaged",
    ),
    (
        "a lock that links to a file of the user",
        "link",
        _run(link(".lock", "../victim"), "runs", "list", "."),
        None,
        "run",
        "the file stays as it is",
    ),
    (
        "a run that is deleted and links elsewhere",
        "link",
        _run(_among_others, "runs", "delete", "run", "--in", "many", "--yes"),
        None,
        "deleted",
        "the links go, what they name stays",
    ),
    (
        "escapes in the settings of a run",
        "escape",
        _run(_config("model", name=ESCAPES), "runs", "list", "."),
        None,
        "⟨U+202E⟩",
        "shown as characters",
    ),
    (
        "escapes in JSON that is printed",
        "escape",
        _run(_config("model", name=ESCAPES), "runs", "list", ".", "--json"),
        None,
        "\\u202e",
        "written as \\\\u…",
    ),
)


def _log(change: Change) -> Write:
    def write(folder: Path) -> Sequence[str]:
        shutil.copytree(LOG, folder / "log")
        change(folder / "log")
        return ["measure", "--base", str(LOG), "--tuned", "log", "--output", "out"]

    return write


def _every(pattern: str, change: Callable[[str], Change]) -> Change:
    def changed(folder: Path) -> None:
        for file in folder.glob(pattern):
            change(file.name)(folder)

    return changed


def _named(task: str) -> Change:
    def change(folder: Path) -> None:
        for file in folder.glob("samples_*.jsonl"):
            file.rename(folder / f"samples_{task}_{file.stem.rpartition('_')[2]}.jsonl")

    return change


LOGS = (
    (
        "samples that never end",
        "endless",
        _log(_every("samples_*", lambda name: link(name, "/dev/zero"))),
        DataError,
        "not a file",
    ),
    ("samples that are a pipe", "endless", _log(_every("samples_*", pipe)), DataError, "not a file"),
    ("results that are a pipe", "endless", _log(_every("results_*", pipe)), DataError, "not a file"),
    (
        "results nested a million deep",
        "bomb",
        _log(_every("results_*", lambda name: text(name, "[" * 10**6))),
        DataError,
        "nested",
    ),
    ("a task named as a path", "path", _log(_named("..")), DataError, "task"),
    ("escapes in the name of a task", "escape", _log(_named("\x1b[2J\u202e")), DataError, "task"),
)


def _predict(output: str, change: Change, rows: str = ROWS) -> Write:
    def write(folder: Path) -> Sequence[str]:
        (folder / "rows.jsonl").write_text(rows)
        change(folder)
        return ["predict", "--model", "tiny", "rows.jsonl", *CPU, "--max-new-tokens", "2", "--output", output]

    return write


FORMULA = "=cmd|' /C calc'!A0"
TEXTS = (
    (
        "a formula in a table of answers",
        "formula",
        _predict("out.csv", lambda folder: None, json.dumps({"prompt": FORMULA}) + "\n"),
        None,
        "'=cmd|",
        "the cell begins with an apostrophe, which makes it text",
    ),
    (
        "a link where unfinished answers are kept",
        "link",
        _predict("out.jsonl", link("out.jsonl.part", CANARY)),
        StoreError,
        "cannot be written",
    ),
    (
        "a link where the lock of a file is kept",
        "link",
        _predict("out.jsonl", link(".out.jsonl.lock", CANARY)),
        StoreError,
        "cannot be written",
    ),
    ("escapes in a flag", "escape", lambda folder: ["tune", f"--{ESCAPES}"], None, "No such option"),
    ("escapes in a value", "escape", lambda folder: ["tune", "--lr", ESCAPES], ConfigError, "not a number"),
    ("escapes in the name of a verb", "escape", lambda folder: [ESCAPES], None, "there is no verb"),
)


def _weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Change:
    def changed(path: Path) -> None:
        weights = load_file(path / "model.safetensors")
        change(weights)
        save_file(weights, path / "model.safetensors", metadata={"format": "pt"})

    return changed


def _overflow(weights: dict[str, torch.Tensor]) -> None:
    weights["model.norm.weight"] *= 3e38
    weights["model.embed_tokens.weight"] *= 100


def _each(value: Callable[[torch.Tensor], torch.Tensor]) -> Change:
    return _weights(lambda weights: weights.update({name: value(tensor) for name, tensor in weights.items()}))


def _tune(rows: str, *words: str) -> Write:
    flags = ("--model", "tiny", "--train", "rows.jsonl", *CPU, "--output", "out", "--measure", "none", "--plain")
    return lambda folder: (text("rows.jsonl", rows)(folder), ["tune", *flags, *words])[1]  # type: ignore[func-returns-value]


EMPTY = "".join(json.dumps({"prompt": f"number {i}", "completion": ""}) + "\n" for i in range(12))
NUMBERS = (
    ("weights that are NaN", "number", changed_model(_each(lambda t: t * torch.nan)), ModelError, "NaN"),
    ("weights that are infinite", "number", changed_model(_each(lambda t: t + torch.inf)), ModelError, "infinite"),
    (
        "weights that overflow in bfloat16",
        "number",
        changed_model(_weights(_overflow), words=("--dtype", "bfloat16")),
        NonFiniteLogits,
        "NaN or infinite",
    ),
    ("rows of which nothing is learned", "number", _tune(EMPTY), DataError, "empty"),
    ("a length that cuts the answer to nothing", "number", _tune(ROWS, "--max-length", "0"), ConfigError, "max-length"),
    ("a metric that no row supports", "number", _tune(ROWS, "--metric", "choice_accuracy"), ConfigError, "choices"),
    (
        "a score that is no number",
        "number",
        _run(
            text("m.py", "def f(o, r, e):\n    return float('nan')\n"),
            "tune",
            "--model",
            "tiny",
            "--train",
            "rows.jsonl",
            *CPU,
            "--output",
            "out",
            "--metric",
            "run/m.py:f",
        ),
        MetricError,
        "nan",
    ),
)

INPUTS = (
    *(
        HostileInput("Settings", what, kind, _settings(write), ConfigError, says)
        for what, kind, write, says in SETTINGS
    ),
    *(HostileInput("Run folders", *each) for each in RUNS),
    *(HostileInput("Logs of lm-evaluation-harness", *each) for each in LOGS),
    *(HostileInput("Texts and files of answers", *each) for each in TEXTS),
    *(HostileInput("Numbers", *each) for each in NUMBERS),
)
