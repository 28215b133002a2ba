"""Reports: any text in answers, ids and names stays text, in a page, a terminal, a card and a line."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from html.parser import HTMLParser
from itertools import count
from typing import Any, TypeVar

import yaml
from hypothesis import strategies as st
from rich.console import RenderableType

from keeptune import events
from keeptune.cli.show import show_report
from keeptune.data.check_report import CheckReport, RoleReport
from keeptune.errors import Problem
from keeptune.records import ForgettingReport
from keeptune.report.card import PublishedBase, markdown_text, model_card
from keeptune.report.check import check_report
from keeptune.report.compare import compare_report
from keeptune.report.forgetting import forgetting_report as forgetting_in_terminal
from keeptune.report.html.compare_page import render_comparison
from keeptune.report.html.explorer import Pair
from keeptune.report.html.page import render
from keeptune.report.plain_lines import PlainLines
from keeptune.report.runs import run_report, runs_report
from keeptune.report.terminal import eval_report, tune_report
from keeptune.report.visible import visible
from keeptune.workspace.run_entry import RunEntry
from tests.fuzz.target import of_values
from tests.report.forgetting_reports import ability_pairs, forgetting_report, outcome, task_pairs
from tests.report.method_comparisons import FAILED
from tests.report.outline import data_of
from tests.report.results import EVALUATED, RESULT

GROUP = "report writers"
T = TypeVar("T")
_OF_PAGES = ("<zz onx=1>", "</script><zz>", "'\"><zz onx='", "<!--", "-->", "]]>", "&lt;zz&gt;", "{{7*7}}", "{% raw %}")
_OF_MARKDOWN = ("|", "\\|", "\\", "`", "```\n", "\n\n# h\n", "\n---\n", "[a](b)", "![a](b)", "*", "_", "~~", "%")
_OF_TERMINALS = (
    "\x1b[31m",
    "\x1b]8;;x\x07",
    "\x9b2J",
    "\x00",
    "\x08",
    "\x7f",
    "\r\n",
    "[red]",
    "[/]",
    "[link=x]",
    "$(x)",
)
_HIDDEN = ("\u202e", "\u2028", "\u2066", "\ud800", "\U000e0041", "\u200b", "\ufeff")
HOSTILE = st.sampled_from((*_OF_PAGES, *_OF_MARKDOWN, *_OF_TERMINALS, *_HIDDEN))
TEXTS = st.lists(HOSTILE | st.text(max_size=5), min_size=1, max_size=4).map("".join)
CHANGES = st.tuples(st.lists(TEXTS, min_size=1, max_size=3), st.integers(1, 5), st.integers(0, 4))
"""Texts, and which of a record's they replace: every n-th, beginning with the m-th."""
Changes = tuple[list[str], int, int]


def with_texts(record: T, changes: Changes) -> T:
    """The record with other texts, each with a number of its own, so that names stay distinct; one text that occurs
    twice is the same again."""
    texts, every, first = changes
    numbers: Iterator[int] = count()
    known: dict[str, str] = {}

    def other(text: str) -> str:
        if text in ("base", "tuned"):
            return text  # roles, by which results are found
        if text not in known:
            number = next(numbers)
            known[text] = f"{texts[number % len(texts)]}{number}" if (number + first) % every == 0 else text
        return known[text]

    changed: T = _changed(record, type(record), other)
    return changed


def _changed(value: Any, kind: Any, other: typing.Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return other(value) if kind is str or kind is Any or str in typing.get_args(kind) else value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        fields = {f.name: _changed(getattr(value, f.name), hints[f.name], other) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    inner = next((each for each in (kind, *typing.get_args(kind)) if typing.get_origin(each) is not None), Any)
    of = typing.get_args(inner) or (Any, Any)
    if isinstance(value, Mapping):
        return {_changed(k, of[0], other): _changed(v, of[-1], other) for k, v in value.items()}
    if isinstance(value, tuple):
        return tuple(
            _changed(each, of[0] if of[-1] is ... or len(of) != len(value) else of[n], other)
            for n, each in enumerate(value)
        )
    return [_changed(each, of[0], other) for each in value] if isinstance(value, list) else value


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


class Page(HTMLParser):
    """A page as a browser would split it; each element is closed where it should be."""

    _VOID = ("meta", "br", "hr", "img", "input", "link", "col", "wbr")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: set[tuple[str, ...]] = set()
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag,), *((tag, name) for name, _ in attrs)}
        assert all(name != "href" or (value or "").startswith("#") for name, value in attrs), attrs
        if tag not in self._VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {(tag,), *((tag, name) for name, _ in attrs)}

    def handle_endtag(self, tag: str) -> None:
        assert self._open, tag
        assert self._open.pop() == tag, tag

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:80]}")


@cache
def _report() -> tuple[ForgettingReport, dict[str, list[Pair]], list[Pair]]:
    pairs = {name: found[:3] for name, found in ability_pairs().items()}
    return outcome(forgetting_report()), pairs, task_pairs(3)


@cache
def _known(kind: str) -> frozenset[tuple[str, ...]]:
    """Elements and attributes of the page, of harmless texts."""
    report, pairs, task = _report()
    pages = {
        "report": lambda: [
            render(report, pairs, task),
            render(report, pairs, task, RESULT),
            render(forgetting_report(), {}),
        ],
        "comparison": lambda: [render_comparison(FAILED), render_comparison(dataclasses.replace(FAILED, advice=()))],
    }
    return frozenset().union(*(Page(page).found for page in pages[kind]()))


@of_values("page of a report", GROUP, CHANGES)
def report_page(changes: Changes) -> None:
    report, pairs, task = _report()
    bundle = _changed_together((report, pairs, task, RESULT), changes)
    page = render(*bundle)
    assert Page(page).found <= _known("report"), Page(page).found - _known("report")
    assert len(data_of(page)["items"]) == sum(map(len, pairs.values())) + len(task)
    seen, _, data = page.partition('<script type="application/json"')
    hidden = {character for character in seen + data.partition("</script>")[2] if visible(character) != character}
    assert not hidden, hidden
    page.encode()


def _changed_together(values: tuple[Any, ...], changes: Changes) -> tuple[Any, ...]:
    """Several records as one, so that a name is the same in all."""

    @dataclasses.dataclass(frozen=True)
    class Together:
        values: tuple[Any, ...]

    return with_texts(Together(values), changes).values


@of_values("page of a comparison", GROUP, CHANGES)
def comparison_page(changes: Changes) -> None:
    page = render_comparison(with_texts(FAILED, changes))
    assert Page(page).found <= _known("comparison"), Page(page).found - _known("comparison")
    hidden = {character for character in page if visible(character) != character}
    assert not hidden, hidden


def shown(report: RenderableType) -> str:
    """What a terminal is sent; no character of it does anything but stand there."""
    written = io.StringIO()
    with contextlib.redirect_stdout(written):
        show_report(report)
    text = written.getvalue()
    hidden = {character for character in text if visible(character) != character}
    assert not hidden, hidden
    return text


@of_values("reports in a terminal", GROUP, CHANGES)
def in_a_terminal(changes: Changes) -> None:
    report, made, evaluated, compared = _changed_together((_report()[0], RESULT, EVALUATED, FAILED), changes)
    shown(forgetting_in_terminal(report))
    shown(tune_report(dataclasses.replace(made, forgetting=report)))
    shown(eval_report(evaluated))
    shown(compare_report(compared))


ENTRY = RunEntry(
    "name", "/r/name", "tune", "damaged", "a problem", "task", "owner/model", "lora", "rouge1", created="2026-01-01",
    settings={"data": {"train": "a.jsonl"}, "keep": [{"name": "x"}]},
)  # fmt: skip
PROBLEMS = tuple(
    Problem("rows.jsonl", 3, "bad-json", "a message", "a fix", severity) for severity in ("error", "warning", "note")
)
CHECKED = CheckReport(
    problems=PROBLEMS,
    roles=(RoleReport("train", "rows.jsonl", 3, 3, "prompt ← dialogue", None, (("yes", 2), ("no", 1))),),
    repeats=(),
    leaks=(),
    shared_context=False,
    advice=("advice",),
    metric="rouge1",
    metric_reason="a reason",
    refusal="a refusal",
)


@of_values("findings of check in a terminal", GROUP, CHANGES)
def findings(changes: Changes) -> None:
    shown(check_report(with_texts(CHECKED, changes)))


@of_values("lists of runs in a terminal", GROUP, CHANGES)
def lists_of_runs(changes: Changes) -> None:
    entry = with_texts(ENTRY, changes)
    shown(runs_report([entry, dataclasses.replace(entry, state="finished")], changes[0][0]))
    shown(run_report(entry))


EVENTS = (
    events.Notice("kind", "a message"),
    events.ModelLoaded("owner/model", 10, 5, "cpu", "float32", "as asked"),
    events.DataLoaded("train", "rows.jsonl", 3, "prompt ← dialogue"),
    events.EvaluationDone("facts", 3, 1.0, {"rouge1": 2.0}, False),
    events.EvaluationDone("other", 3, 1.0, {"rouge1": 2.0}, True),
    events.EvaluationDone("third", 3, 1.0, {"rouge1": 2.0}, True),
    events.ValidationDone(3, 1.0, {"loss": 1.0, "rouge1": 2.0}, True),
    events.EvaluationProgress("facts", 1, 3),
)


@of_values("lines of progress", GROUP, CHANGES)
def lines(changes: Changes) -> None:
    written: list[str] = []
    with PlainLines(written.append) as observer:
        for event in _changed_together(EVENTS, changes):
            observer(event)
    for line in written:
        assert visible(line) == line, line


_CELL, _TAG = (re.compile(rf"(?<!\\)(?:\\\\)*{mark}") for mark in (r"\|", "<"))
"""A mark that no backslash takes for text."""
_HEADINGS = {
    f"## {title}"
    for title in ("The task", "Other abilities", "How it was made", "How to use it", "Licence", "Measure it again")
}


@of_values("model card", GROUP, st.tuples(CHANGES, st.booleans()))
def card(value: tuple[Changes, bool]) -> None:
    changes, made = value
    report, result, base = _changed_together(
        (_report()[0], RESULT, PublishedBase("owner/base", "abc", "mit", "a note")), changes
    )
    text = model_card(report, result if made else None, base)
    _, front, body = re.split(r"^---\n", text, maxsplit=2, flags=re.M)
    assert isinstance(yaml.safe_load(front), dict)
    text.encode()
    assert visible(body) == body
    lines = body.split("\n")
    headings = [line for line in lines if re.match("#+ ", line)]
    assert headings[0].startswith("# ")
    assert set(headings[1:]) <= _HEADINGS
    cells = 0
    for line in lines:
        found = len(_CELL.findall(line)) if line.startswith("|") else 0
        assert not cells or not found or found == cells, line
        cells = found
        assert line.startswith("    ") or not _TAG.search(line), line


@of_values("text in Markdown", GROUP, TEXTS)
def in_markdown(text: str) -> None:
    line = markdown_text(text)
    assert "\n" not in line
    assert not _CELL.search(line)
    assert visible(line) == line
