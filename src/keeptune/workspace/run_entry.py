"""A RunEntry: the facts in the records of one run folder, any of which may be damaged."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from stat import S_ISREG
from typing import Any, Literal

from keeptune.errors import StoreError
from keeptune.records import Interval, MaybeInterval, Undefined, Verdict, from_plain, negated, to_plain
from keeptune.records.shown import Shown, number
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.json_file import read_json_file, read_json_lines
from keeptune.workspace.layout import ABILITIES, CONFIG, FORGETTING, LOCK, RESULT, ROWS
from keeptune.workspace.open_run import is_locked
from keeptune.workspace.path_part import path_part
from keeptune.workspace.task_name import task_name
from keeptune.workspace.workspace import Workspace

State = Literal["finished", "running", "unfinished", "damaged"]
STATES: tuple[State, ...] = ("finished", "running", "unfinished", "damaged")
_KINDS = {"TuneConfig": "tune", "MeasureRun": "measure", "TuneResult": "tune", "EvalResult": "eval"}
_SHAPE = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError)
"""Errors that JSON of an unexpected shape can cause."""


@dataclass(frozen=True, slots=True)
class AbilityEntry:
    """One ability in one run."""

    name: str
    metric: str
    declared: bool
    verdict: Verdict
    base: float | None
    tuned: float | None
    drop: MaybeInterval
    """Positive is worse."""


@dataclass(frozen=True, slots=True, repr=False)
class RunEntry(Shown):
    """One run."""

    name: str
    """Its folder, relative to the listed folder."""
    path: str
    kind: str
    """``tune``, ``measure``, ``eval`` or ``study``; "" if unknown."""
    state: State
    problem: str = ""
    """Why it is damaged, in words."""
    task: str = ""
    model: str = ""
    method: str = ""
    metric: str = ""
    higher_is_better: bool = True
    base: float | None = None
    tuned: float | None = None
    gain: MaybeInterval | None = None
    """tuned − base on the task, base − tuned of a loss; None where the run holds no such comparison."""
    test_hash: str = ""
    """Hash of the items of the task; "" if not recorded."""
    abilities: tuple[AbilityEntry, ...] = ()
    alpha: float | None = None
    """The share of the trained change that is kept, where the run chose it."""
    created: str = ""
    """ISO 8601, UTC: when it was finished, or last written to."""
    size_bytes: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The `config.json`."""

    @property
    def lost(self) -> tuple[str, ...]:
        """Declared abilities that were lost, or whose answers collapsed."""
        worse = ("lost", "collapsed")
        return tuple(ability.name for ability in self.abilities if ability.declared and ability.verdict in worse)

    def _line(self) -> str:
        gain = f", {self.metric} gain {number(self.gain)}" if self.gain is not None else ""
        return f"{self.name}, {self.kind or 'run'}, {self.state}{gain}{f', lost: {self.lost}' if self.lost else ''}"


def is_run(folder: Path) -> bool:
    """Whether this folder is a run of keeptune; a model's folder, which has a `config.json` too, is none."""
    try:
        return _is_run(folder)
    except OSError:
        # An unreadable folder is listed as damaged.
        return True


def _is_run(folder: Path) -> bool:
    if any((folder / name).exists() for name in (LOCK, RESULT, FORGETTING, ROWS)):
        return True
    if not (folder / CONFIG).exists() or any(folder.glob("*.safetensors")) or any(folder.glob("tokenizer*")):
        return False
    try:
        plain = read_json_file(folder / CONFIG)
    except (OSError, ValueError):
        return True
    return isinstance(plain, dict) and (plain.get("type") in _KINDS or isinstance(plain.get("model"), dict))


def read_entry(folder: Path, name: str) -> RunEntry:
    """The entry of a run folder. Unreadable files make it a damaged entry, never an error."""
    run = Workspace(folder)
    entry = RunEntry(name=name, path=str(folder), kind="", state="damaged")
    try:
        state = _state(run)
        entry = replace(entry, state=state, created=_written(folder), size_bytes=_size(folder))
    except OSError as error:
        return replace(entry, problem=f"{folder} cannot be read: {error}")
    problem = ""
    for read in (_of_settings, _of_result):
        try:
            told = replace(entry, **read(run))
            # Each fact in its type: a table draws and sorts them.
            entry = replace(from_plain(RunEntry, to_plain(told)), settings=told.settings)
        except StoreError as error:
            problem = problem or error.message
        except _SHAPE as error:
            problem = problem or f"a record of another shape: {type(error).__name__}: {error}"
    if problem and state != "running":
        state = "damaged"
    kind = "study" if run.is_study else entry.kind
    return replace(entry, state=state, problem=problem, kind=kind)


def items_hash(run: Path, ability: str) -> str:
    """Names the items that an ability was asked by; "" where the run does not hold them."""
    records = run / ABILITIES / path_part(ability) / "base.jsonl"
    try:
        return hash_value([[line["item_id"], line["prompt"], line["references"]] for line in read_json_lines(records)])
    except (OSError, *_SHAPE):
        return ""


def leaves(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by their dotted names; of a list of sections, each by its number."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        inner: Any = value
        if isinstance(value, Sequence) and any(isinstance(item, Mapping) for item in value):
            inner = {str(number): item for number, item in enumerate(value, 1)}
        if isinstance(inner, Mapping):
            found |= leaves(inner, f"{prefix}{name}.")
        elif name != "type":
            found[prefix + name] = value
    return found


def _state(run: Workspace) -> State:
    if is_locked(run.path):
        return "running"
    if run.is_study:
        finished = {file.name for file in run.path.glob("*.json")} - {CONFIG, ROWS}
        return "finished" if finished else "unfinished"
    return "finished" if run.is_finished else "unfinished"


def _of_settings(run: Workspace) -> dict[str, Any]:
    """Facts from the settings; empty if there are none yet."""
    if not run.has_settings:
        return {}
    plain = run.settings()
    measured = plain.get("type") == "MeasureRun"
    data = plain.get("data") or {}
    return {
        "settings": plain,
        "kind": _KINDS.get(plain.get("type", ""), "eval"),
        "model": plain["tuned" if measured else "model"]["name"],
        "task": task_name(data.get("train"), data.get("test")),
        "method": (plain.get("method") or {}).get("kind", ""),
    }


def _of_result(run: Workspace) -> dict[str, Any]:
    """Facts from the result, or from the forgetting report of a `measure`."""
    if run.has_result:
        plain = run.result()
        if plain["type"] == "EvalResult":
            return _of_eval(run, plain)
        compared = next((c for c in plain["comparisons"] if c["before_name"] == "base"), None)
        facts = _of_comparison(compared) | {"test_hash": _test_hash(run, plain), "kind": "tune"}
        # Of what a mitigation search chose, where there was one.
        facts["method"] = plain["training"]["method"]
        facts["alpha"] = (plain.get("alpha") or {}).get("alpha")
        report = plain.get("forgetting")
    elif run.is_finished:
        plain = report = run.forgetting()
        facts = _of_comparison(plain["task"]) | {"kind": "measure", "model": plain["tuned_name"]}
    else:
        return {}
    abilities = [_ability(ability) for ability in report["abilities"]] if report else []
    return facts | {"abilities": tuple(abilities), "created": plain["manifest"]["created"]}


def _of_eval(run: Workspace, plain: Mapping[str, Any]) -> dict[str, Any]:
    metric = plain["primary_metric"]
    return {
        "kind": "eval",
        "metric": metric,
        "tuned": plain["scores"].get(metric),
        "test_hash": _test_hash(run, plain),
        "created": plain["manifest"]["created"],
    }


def _of_comparison(plain: Mapping[str, Any] | None) -> dict[str, Any]:
    if plain is None:
        return {}
    gain = _interval(plain["difference"])
    return {
        "metric": plain["metric"],
        "higher_is_better": plain["higher_is_better"],
        "base": plain["before"],
        "tuned": plain["after"],
        "gain": gain if plain["higher_is_better"] else negated(gain),
    }


def _ability(plain: Mapping[str, Any]) -> AbilityEntry:
    return AbilityEntry(
        name=plain["name"],
        metric=plain["metric"],
        declared=plain["declared"],
        verdict=plain["verdict"],
        base=plain["base"],
        tuned=plain["tuned"],
        drop=_interval(plain["drop"]),
    )


def _interval(plain: Mapping[str, Any]) -> MaybeInterval:
    return from_plain(Interval, plain) if plain["type"] == "Interval" else from_plain(Undefined, plain)


def _test_hash(run: Workspace, result: Mapping[str, Any]) -> str:
    """Of the items that were asked; of the test file where the run holds no more."""
    try:
        return str(run.origin()["test"])
    except (StoreError, KeyError):
        limit = run.settings().get("data", {}).get("limit_test")
        return f"{result['manifest']['test_hash']}:{limit}"


def _written(folder: Path) -> str:
    found = [stat.st_mtime for stat in map(_stat, folder.iterdir()) if stat]
    newest = max(found, default=folder.stat().st_mtime)
    return datetime.fromtimestamp(newest, timezone.utc).isoformat(timespec="seconds")


def _size(folder: Path) -> int:
    return sum(stat.st_size for stat in map(_stat, folder.rglob("*")) if stat and S_ISREG(stat.st_mode))


def _stat(entry: Path) -> os.stat_result | None:
    """Of the entry itself, no link followed; None where it is gone, as a run that goes on replaces its files."""
    try:
        return entry.lstat()
    except OSError:
        return None
