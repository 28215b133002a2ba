"""The pages: templates over records. Every text in them is escaped, as in the report."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from typing import Any
from urllib.parse import quote

import jinja2

from keeptune.errors import KeeptuneError
from keeptune.records.masked import masked
from keeptune.report import runs
from keeptune.report.html.forest import SEVERITY
from keeptune.report.html.page import asset, environment
from keeptune.ui.shown_run import ShownRun, drawings
from keeptune.workspace.run_comparison import RunComparison
from keeptune.workspace.run_entry import RunEntry
from keeptune.workspace.task_name import short_model

CSS, JS = "text/css", "text/javascript"


def address(name: str) -> str:
    """A run's name as a part of an address, whatever characters it has."""
    return quote(name, errors="surrogateescape")


@functools.cache
def templates() -> jinja2.Environment:
    """Those of the report, and the pages' own."""
    own = jinja2.PackageLoader("keeptune.ui")
    loaders = [own, *filter(None, [environment().loader])]
    found = environment().overlay(loader=jinja2.ChoiceLoader(loaders))
    # The overlay shares the tables of the report's environment.
    found.filters = found.filters | {
        "address": address,
        "size": runs.size,
        "shown": runs.shown,
        "short_model": short_model,
    }
    return found


@functools.cache
def files() -> dict[str, tuple[str, str]]:
    """Name → (content, media type) of what the pages load."""
    own = resources.files("keeptune.ui")
    found = {name: (str(asset(name)), kind) for name, kind in (("report.css", CSS), ("page.js", JS))}
    return found | {
        name: (own.joinpath(name).read_text(encoding="utf-8"), kind) for name, kind in (("ui.css", CSS), ("ui.js", JS))
    }


def list_page(entries: Sequence[RunEntry], folder: str) -> str:
    """All runs of the folder."""
    return _page("runs", entries=[(entry.name, masked(entry)) for entry in entries], folder=folder, severity=SEVERITY)


def report_page(run: ShownRun) -> str:
    """The run's report in a frame."""
    return _page("report", run=run, entry=masked(run.entry), search=_search(run)[0])


def run_page(run: ShownRun, inside: Sequence[tuple[str, str]]) -> str:
    """What is known of a run before its report is there, and its curves."""
    curves, problem = [], ""
    course = None
    try:
        course = run.course()
        curves = drawings(course)
    except KeeptuneError as error:
        problem = error.message
    return _page(
        "run",
        run=run,
        entry=masked(run.entry),
        search=_search(run)[0],
        inside=[(name, masked(shown)) for name, shown in inside],
        course=course,
        curves=curves,
        problem=problem,
    )


def search_page(run: ShownRun) -> str:
    """The run's mitigation search as a picture."""
    search, problem = _search(run)
    return _page("search", run=run, entry=masked(run.entry), search=search, problem=problem)


def chat_page(run: ShownRun) -> str:
    """Base and tuned beside each other."""
    return _page("chat", run=run, entry=masked(run.entry), search=_search(run)[0])


def beside_page(compared: RunComparison) -> str:
    """Runs side by side."""
    shown = masked(compared)
    runs = [(run.name, masked(run)) for run in compared.runs]
    return _page("beside", compared=shown, runs=runs)


def error_page(error: KeeptuneError) -> str:
    """What is wrong, and the way out."""
    return _page("error", error=error)


def _search(run: ShownRun) -> tuple[Any, str]:
    """The mitigation search, and why it cannot be shown."""
    try:
        return masked(run.search()), ""
    except KeeptuneError as error:
        return None, error.message


def _page(name: str, **values: Any) -> str:
    return templates().get_template(f"{name}.ui.jinja").render(**values)
