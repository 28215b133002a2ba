"""Finished logs of lm-evaluation-harness, as ``lm_eval --log_samples --output_path …`` leaves them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeptune.config.name import RULE, wrong_name
from keeptune.data.formats.jsonl import read_jsonl
from keeptune.data.lm_eval_task import HarnessTask, harness_task
from keeptune.errors import DataError, Problem
from keeptune.workspace.json_file import read_json_file

_NAME = re.compile(r"samples_(?P<task>.+)_(?P<stamp>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(\.\d+)?)")
"""Stem of a samples file: its task, and the time that it shares with its results file."""
_FIX = "repeat the log with `lm_eval --log_samples --output_path …`, each run in its own folder"


def read_lm_eval_log(path: Path) -> Mapping[str, HarnessTask]:
    """Task → its Ability and records, from one samples file, or from a folder with those of one run.

    ``results_*.json`` of the same time, where it is there, tells the task's version, its shots, which metrics are
    better when lower, and the corpus scores that every mean is checked against. Base and tuned are then compared
    as any other records: `forgetting.compare.compare` by a metric that both abilities list.

    Raises:
        DataError: no samples, several runs of one task, bad JSON, missing fields, repeated or mismatched documents;
            each with its file and line.
    """
    files = _files(path)
    return {task: _task(task, file) for task, file in files.items()}


def _files(path: Path) -> dict[str, Path]:
    if path.is_file():
        return {_task_name(path): path}
    found: dict[str, Path] = {}
    for file in sorted(path.rglob("samples_*.jsonl")) if path.is_dir() else ():
        task = _task_name(file)
        if task in found:
            raise DataError(
                f"{path} holds two logs of {task}: {found[task].relative_to(path)} and {file.relative_to(path)}",
                "give the folder of one run, or the file",
            )
        found[task] = file
    if not found:
        raise DataError(f"there is no samples_*.jsonl of lm-evaluation-harness in {path}", _FIX)
    return found


def _task_name(file: Path) -> str:
    named = _NAME.fullmatch(file.stem)
    task = named["task"] if named else file.stem.removeprefix("samples_")
    if wrong := wrong_name(task):
        raise DataError(f"{file} is the log of a task {task!r}, which {wrong}", RULE)
    return task


def _task(task: str, file: Path) -> HarnessTask:
    if not file.is_file():
        raise DataError(f"{file} is not a file", _FIX)
    raw = read_jsonl(file)
    if raw.problems:
        raise DataError(f"the log of {task} cannot be read", _FIX, raw.problems)
    try:
        return harness_task(task, raw.rows, _results(file))
    except (TypeError, AttributeError, LookupError) as error:
        problem = Problem(str(file), None, "bad-field", f"a field of another type: {error}", _FIX)
        raise DataError(f"the log of {task} cannot be used", _FIX, [problem]) from error


def _results(samples: Path) -> Mapping[str, Any]:
    """What the run's results file says; nothing where there is none."""
    named = _NAME.fullmatch(samples.stem)
    file = samples.with_name(f"results_{named['stamp']}.json") if named else None
    if file is None or not file.exists():
        return {}
    try:
        told = read_json_file(file)
    except (OSError, ValueError) as error:
        problem = Problem(str(file), getattr(error, "lineno", None), "bad-json", f"bad JSON: {error}", _FIX)
        raise DataError("the results next to the samples cannot be read", _FIX, [problem]) from error
    return told if isinstance(told, dict) else {}
