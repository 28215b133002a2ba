"""The folder of a run and the cache: whatever is in their files, they are read, or an error of keeptune says why."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from keeptune.config.schema import DataConfig, ModelConfig, TuneConfig
from keeptune.errors import KeeptuneError
from keeptune.events import Event, TrainingStarted, ValidationDone, silent
from keeptune.records import AlphaChoice, Answer, EvalRecord, ItemScore
from keeptune.report.runs import comparison_report, run_report, runs_report
from keeptune.ui import pages
from keeptune.ui.shown_run import ShownRun
from keeptune.workspace import layout, lineage
from keeptune.workspace.cache_entry import keep_entry, read_entry
from keeptune.workspace.course import CourseLog
from keeptune.workspace.growing_file import GrowingFile
from keeptune.workspace.json_file import parse_json
from keeptune.workspace.open_run import goes_on
from keeptune.workspace.run_comparison import compare_entries
from keeptune.workspace.run_entry import RunEntry
from keeptune.workspace.run_list import ORDERS, RunFilter, list_runs
from keeptune.workspace.runs import dependents, find_run
from keeptune.workspace.search_run import SearchRun
from keeptune.workspace.sums import SUMS, damaged_files, write_sums
from keeptune.workspace.trained_on import keep_trained_on, trained_on
from keeptune.workspace.workspace import Workspace
from tests.fuzz.chats import JSON
from tests.fuzz.metrics import example
from tests.fuzz.reports import shown
from tests.fuzz.target import folder, of_bytes, of_values
from tests.report.forgetting_reports import forgetting_report, outcome
from tests.report.results import RESULT, TRAINING

GROUP = "run-folder readers"
RECORDS = [
    EvalRecord(
        "i0", "i0", "Q?", ("A",), (), Answer("i0", "A", "stop"), {"rouge1": ItemScore(100.0, {"sum": 100.0, "n": 1.0})}
    )
]
MODEL = ModelConfig(name="m")
CONFIG = TuneConfig(model=MODEL, data=DataConfig(train="a.jsonl"), output="run")
_IN_ADAPTER, _IN_SAMPLES = layout.ADAPTER, layout.SAMPLES
FILES = (
    layout.CONFIG, layout.ROWS, layout.STARTED, layout.NOTICES, layout.COURSE, layout.TRAINING, layout.TRAINED_ON,
    layout.ALPHA, layout.RESULT, layout.FORGETTING, layout.MITIGATION_SEARCH, f"{_IN_SAMPLES}/base.jsonl",
    f"{layout.ABILITIES}/facts/base.jsonl", f"{_IN_ADAPTER}/{layout.ADAPTER_CONFIG}",
    f"{_IN_ADAPTER}/{layout.TASK_FORMAT}", f"{_IN_ADAPTER}/{SUMS}",
    f"{layout.CANDIDATES}/plain.{layout.SEARCH_SECONDS}",
)  # fmt: skip
"""Of a run, any of which may be damaged."""


@cache
def runs() -> Path:
    """A folder with two runs of which all files are there."""
    made = folder("runs") / "runs"
    run = Workspace(made / "damaged")
    run.path.mkdir(parents=True)
    run.write_settings(CONFIG)
    run.write_origin({"test": "hash", "train": "hash", "model": "hash"})
    run.write_started_from({"model": {"name": "m", "hash": "h"}})
    run.write_notices(["a notice"])
    run.adapter.mkdir()
    (run.adapter / "x.safetensors").write_bytes(b"0123")
    (run.adapter / layout.ADAPTER_CONFIG).write_text(json.dumps({"base_model_name_or_path": "m", "revision": None}))
    run.write_task_format({"prompt": "{a}", "system": None})
    write_sums(run.adapter)
    with CourseLog(silent, run.course_file) as course:
        for event in (TrainingStarted(9, 0, 1.0, 9, 99), ValidationDone(0, 2.5, {"loss": 2.5, "rouge1": 9.0}, False)):
            course(event)
    run.write_training(TRAINING)
    keep_trained_on(run.path, [example("a")])
    run.write_alpha_choice(AlphaChoice(0.5, "a reason", (), 1.0))
    run.write_samples("base", RECORDS)
    run.write_ability_records("facts", "base", RECORDS)
    report = outcome(forgetting_report())
    run.write_forgetting(report)
    assert report.mitigation_search is not None
    search = SearchRun(run.path)
    search.write_mitigation_search(report.mitigation_search)
    search.write_search_seconds("plain", 3.0)
    run.write_result(RESULT)
    shutil.copytree(run.path, made / "whole")
    assert all((run.path / name).exists() for name in FILES), [name for name in FILES if not (run.path / name).exists()]
    return made


def _readers() -> Sequence[Callable[[Workspace], Any]]:
    """All that reads a run."""
    return (
        lambda run: run.settings(),
        lambda run: run.tune_settings(),
        lambda run: run.origin(),
        lambda run: run.started_from(),
        lambda run: run.notices(),
        lambda run: run.training(),
        lambda run: run.alpha_choice(),
        lambda run: SearchRun(run.path).search_seconds("plain"),
        lambda run: run.hyperparameter_search(),
        lambda run: run.result(),
        lambda run: run.tune_result(),
        lambda run: run.forgetting(),
        lambda run: run.samples("base"),
        lambda run: run.ability_records("facts", "base"),
        lambda run: trained_on(run.path),
        lambda run: damaged_files(run.adapter),
        lambda run: goes_on(str(run.path), CONFIG),
        lambda run: lineage.of_run(ModelConfig(name=str(run.path))),
        lambda run: lineage.run_of(ModelConfig(name=str(run.adapter))),
        lambda run: lineage.base_of(str(run.path)),
        lambda run: lineage.base_of(str(run.adapter)),
        lambda run: lineage.task_format_of(run.adapter),
    )


def _listed(run: Workspace) -> None:
    """As `keeptune runs` shows it: never an error, whatever is in its files."""
    entries = list_runs(runs(), RunFilter(), "name")
    for order in ORDERS.values():
        sorted(entries, key=order)
    shown(runs_report(entries, "runs"))
    for entry in entries:
        shown(run_report(entry))
    shown(comparison_report(compare_entries(entries)))
    _in_a_browser(entries)
    whole = find_run("whole", runs())
    dependents(whole, runs())


def _in_a_browser(entries: Sequence[RunEntry]) -> None:
    """As `keeptune ui` shows it."""
    pages.list_page(entries, "runs")
    pages.beside_page(compare_entries(entries))
    for run in map(ShownRun, entries):
        pages.run_page(run, ())
        pages.search_page(run)


def _with(name: str, data: bytes) -> None:
    """Read the run with `data` as that file."""
    run = Workspace(runs() / "damaged")
    kept = (run.path / name).read_bytes()
    (run.path / name).write_bytes(data)
    try:
        _listed(run)
        for read in _readers():
            with suppress(KeeptuneError):
                read(run)
    finally:
        (run.path / name).write_bytes(kept)


def _file_seeds() -> list[bytes]:
    return [bytes([number]) + (runs() / "damaged" / name).read_bytes() for number, name in enumerate(FILES)]


@of_bytes(
    "files of a run",
    GROUP,
    _file_seeds,
    ("null", "[]", "{}", "NaN", "1e999", '"type":', "TuneResult", "EvalResult", "MeasureRun"),
)
def damaged_file(data: bytes) -> None:
    _with(FILES[data[0] % len(FILES)] if data else FILES[0], data[1:])


JSON_FILES = tuple(name for name in FILES if name.endswith((".json", ".jsonl")))


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        found += [place for key, inner in value.items() for place in _places(inner, (*path, key))]
    elif isinstance(value, list):
        found += [place for number, inner in enumerate(value) for place in _places(inner, (*path, number))]
    return found


def _replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _replaced(copy[path[0]], path[1:], other)
    return copy


@of_values(
    "records with a value of another kind",
    GROUP,
    st.tuples(st.sampled_from(JSON_FILES), st.integers(0, 10_000), JSON | st.just("type")),
)
def another_value(value: tuple[str, int, Any]) -> None:
    """One value of one record is something else."""
    name, number, other = value
    lines = (runs() / "whole" / name).read_bytes()
    whole = parse_json(next(filter(None, lines.splitlines())) if name.endswith(".jsonl") else lines)
    places = _places(whole)
    changed = _replaced(whole, places[number % len(places)], other)
    _with(name, json.dumps(changed).encode() + b"\n")


def _unheard(event: Event, /) -> None:
    """No observer."""


ANSWERS = [Answer("a", "out\u2028put", "stop", 3, 4, -1.5, 2, (-1.0, -2.0), (1, 1)), Answer("b")]


def _cache_seeds() -> list[bytes]:
    file = folder("cache") / "seed.jsonl"
    keep_entry(file, ANSWERS, _unheard)
    return [file.read_bytes().partition(b"\n")[2]]


@of_bytes("entry of the cache", GROUP, _cache_seeds, ('"item_id"', '"output"', "null", "NaN", "[]", "1e999"))
def cache_entry(data: bytes) -> None:
    """Read with its own hash, so that what is inside is read, too, and as it lies."""
    for hashed in (hashlib.sha256(data).hexdigest().encode() + b"\n" + data, data):
        file = folder("cache") / "entry.jsonl"
        file.write_bytes(hashed)
        found = read_entry(file, Answer, _unheard)
        assert found is None or all(isinstance(each, Answer) for each in found)


def _growing_seeds() -> list[bytes]:
    path = folder("growing") / "seed.part"
    path.unlink(missing_ok=True)
    with GrowingFile(path, "key") as file:
        file.add("a", {"x": 1})
        file.add("b", {"y": ["ü"]})
    return [path.read_bytes(), path.read_bytes()[:-5]]


@of_bytes(
    "answers as they grow", GROUP, _growing_seeds, ('{"key": "key"}\n', '"id"', '"record"', '"check"', "null", "[]")
)
def growing_file(data: bytes) -> None:
    """What is whole is kept, and more can be added."""
    path = folder("growing") / "answers.part"
    path.write_bytes(data)
    with suppress(KeeptuneError):
        with GrowingFile(path, "key") as file:
            before = dict(file.records)
            file.add("new", {"n": 1})
        with GrowingFile(path, "key") as file:
            assert dict(file.records) == {**before, "new": {"n": 1}}


@of_bytes("JSON of others", GROUP, lambda: [b'{"a": [1, 2.5, "x", null, true]}', b"[" * 99 + b"]" * 99])
def others_json(data: bytes) -> None:
    with suppress(ValueError):
        json.dumps(parse_json(data))


TEXTS = st.text(max_size=8)
WRITTEN = st.lists(
    st.builds(Answer, TEXTS, st.none() | TEXTS, st.sampled_from(("stop", "length", "none")), st.integers(0, 9)),
    max_size=3,
)


@of_values("the cache written and read", GROUP, WRITTEN)
def cache_round_trip(answers: list[Answer]) -> None:
    file = folder("cache") / "written.jsonl"
    keep_entry(file, answers, _unheard)
    assert read_entry(file, Answer, _unheard) == answers
