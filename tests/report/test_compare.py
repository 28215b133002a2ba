"""A comparison of methods, in the terminal and as a page: all is there, and nothing breaks out."""

from __future__ import annotations

import dataclasses
import re

from rich.console import Console

from keeptune.records import Undefined
from keeptune.report.compare import compare_report
from keeptune.report.html.compare_page import render_comparison, scatter
from keeptune.report.visible import visible
from tests.report.forgetting_reports import HOSTILE
from tests.report.method_comparisons import COMPARISON, FAILED, METHODS
from tests.report.outline import Outline

PAGE = render_comparison(COMPARISON)


def shown(report: object) -> str:
    console = Console(width=140, highlight=False)
    with console.capture() as capture:
        console.print(compare_report(report))  # type: ignore[arg-type]
    return capture.get()


def test_the_terminal_has_the_answer_first_and_every_number() -> None:
    text = shown(COMPARISON)
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    assert lines[:2] == list(COMPARISON.sentences)
    row = next(line.split() for line in lines if line.startswith("lora"))
    assert " ".join(row) == "lora * = 2 49.5 +19.5 +16.5 to +22.5 −1.2 −3.2 to +0.8 ner 0.012 4.2"
    assert next(line for line in lines if line.startswith("full+interpolation=0.5")).split()[1] == "2"
    flat = " ".join(text.split())
    assert "change: of the worst declared ability, below 0 is worse." in flat
    assert "Base: 30.0." in flat
    assert COMPARISON.advice[0] in flat
    assert f"note: {COMPARISON.notices[0]}" in flat


def test_the_terminal_tells_of_failed_trials_and_of_what_is_not_known() -> None:
    text = shown(FAILED)
    assert "failed: full+interpolation=0.5, seed 1: it is full\n" in text
    assert "and so on" not in text
    rows = tuple(dataclasses.replace(row, forgetting=Undefined("none"), worst="") for row in COMPARISON.methods)
    row = next(line for line in shown(dataclasses.replace(COMPARISON, methods=rows)).splitlines() if "lora" in line[:6])
    assert re.search(r"–\s+none  –", row)


def test_the_page_has_the_answer_first_and_every_number() -> None:
    text = Outline(PAGE).text
    assert text.index(COMPARISON.sentences[0]) < text.index(COMPARISON.sentences[1]) < text.index("The numbers")
    for part in (
        "1 full measured gain close to the largest 0, 1 50.0 +20.0 +17.0 to +23.0",
        "full − lora +0.5 −1.0 to +2.0",
    ):
        assert part in text
    assert "drop 15.0" not in text
    assert "0.0123 text of the base" in text
    assert "undefined: no item has a score" in text
    assert COMPARISON.advice[0] in text
    assert COMPARISON.notices[0] in text
    assert "it is full and so on" in Outline(render_comparison(FAILED)).text


def test_the_drawing_has_a_mark_for_each_method() -> None:
    outline = Outline(PAGE)
    assert sum(tag == "circle" for tag, _ in outline.tags) == 3
    assert [attrs["class"] for tag, attrs in outline.tags if tag == "g"] == ["method", "method", "method dominated"]
    found = scatter(COMPARISON)
    assert found is not None
    assert [point.row.method for point in found.points] == list(METHODS)
    heights = [float(found.gains.down(point.gain.estimate).rstrip("%")) for point in found.points]
    assert heights == sorted(heights)
    assert all(0.0 <= height <= 100.0 for height in heights)


def test_what_is_not_known_is_not_drawn() -> None:
    first, *others = COMPARISON.methods
    partly = dataclasses.replace(COMPARISON, methods=(dataclasses.replace(first, gain=Undefined("none")), *others))
    assert "Not in the plot: full (gain or change unknown)." in Outline(render_comparison(partly)).text
    rows = tuple(dataclasses.replace(r, forgetting=Undefined("none"), abilities=()) for r in COMPARISON.methods)
    bare = dataclasses.replace(COMPARISON, methods=rows, forgetting_metric="", advice=(), pairs=())
    assert scatter(bare) is None
    assert not any(tag == "circle" for tag, _ in Outline(render_comparison(bare)).tags)


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    outline = Outline(PAGE)
    assert not [tag for tag, _ in outline.tags if tag in ("script", "link", "img", "iframe")]
    assert not re.search(r"(src|href)=\"(?!#)", PAGE)
    (policy,) = [attrs["content"] for _, attrs in outline.tags if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'none'" in policy
    assert "color-scheme" in PAGE


def test_hostile_names_stay_text() -> None:
    rows = tuple(
        dataclasses.replace(row, method=text, worst=text)
        for row, text in zip(COMPARISON.methods, HOSTILE[:3], strict=True)
    )
    report = dataclasses.replace(
        FAILED,
        methods=rows,
        sentences=HOSTILE,
        advice=HOSTILE,
        notices=HOSTILE,
        trials=tuple(dataclasses.replace(FAILED.trials[-1], method=text, error=text) for text in HOSTILE),
    )
    page = Outline(render_comparison(report))
    usual = {tag for tag, _ in Outline(render_comparison(FAILED)).tags}
    assert {tag for tag, _ in page.tags} <= usual
    text = shown(report)
    assert visible(text) == text


def test_a_reader_of_the_page_alone_gets_labels() -> None:
    outline = Outline(PAGE)
    (drawing,) = [attrs for tag, attrs in outline.tags if tag == "svg" and attrs.get("role") == "img"]
    assert drawing["aria-label"].startswith("Each method's gain on the task")
    ids = {attrs["id"] for _, attrs in outline.tags if "id" in attrs}
    for tag, attrs in outline.tags:
        if tag == "section":
            assert attrs["aria-labelledby"] in ids
        if tag == "a":
            assert attrs["href"].removeprefix("#") in ids
