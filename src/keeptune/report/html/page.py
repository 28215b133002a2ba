"""The page: templates, style and script in one self-contained file."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from keeptune.commands import joined
from keeptune.records import ExportReport, ForgettingReport, Interval, TuneResult, negated, to_plain
from keeptune.records.masked import masked, public
from keeptune.report import phrases
from keeptune.report.ending import ending_of_measure, ending_of_tune
from keeptune.report.html.confusion_table import confusion_table
from keeptune.report.html.embedded import embedded_json
from keeptune.report.html.explorer import ItemSets, Pair, explorer_data
from keeptune.report.html.footnotes import Footnotes
from keeptune.report.html.forest import SEVERITY, ordered, panels, strip
from keeptune.report.html.run_facts import run_facts
from keeptune.report.html.search_picture import search_picture
from keeptune.report.visible import visible
from keeptune.workspace.atomic import write_text


def write_html(
    report: ForgettingReport,
    pairs: Mapping[str, Sequence[Pair]],
    path: Path,
    task_pairs: Sequence[Pair] = (),
    made: TuneResult | None = None,
    exports: Sequence[ExportReport] = (),
) -> None:
    """Write the report to `path` atomically.

    Args:
        report: the report to show.
        pairs: ability → each item with both models' answers.
        path: the file.
        task_pairs: the items of the task with both models' answers.
        made: how the tuned model was made; None if unknown.
        exports: how exports of the tuned model compare with it.

    Raises:
        PairingError: `pairs` has an ability that is not in the report.
    """
    write_text(path, render(report, pairs, task_pairs, made, exports))


def render(
    report: ForgettingReport,
    pairs: Mapping[str, Sequence[Pair]],
    task_pairs: Sequence[Pair] = (),
    made: TuneResult | None = None,
    exports: Sequence[ExportReport] = (),
) -> str:
    """The whole page as text."""
    report, pairs, task_pairs = public(report), masked(pairs), masked(task_pairs)
    style, script = asset("report.css"), asset("page.js") + asset("report.js")
    abilities = ordered(report.abilities)
    return (
        environment()
        .get_template("page.jinja")
        .render(
            report=report,
            ending=ending_of_measure(report) if made is None else ending_of_tune(replace(made, forgetting=report)),
            facts=None if made is None else run_facts(made),
            policy=policy(style, script),
            style=style,
            script=script,
            data=explorer_data(report, pairs, task_pairs),
            sets=ItemSets(),
            notes=Footnotes(),
            abilities=abilities,
            anchors={ability.name: f"ability-{number}" for number, ability in enumerate(abilities, 1)},
            answered={name for name, found in pairs.items() if found},
            exports=[public(export) for export in exports],
            settings=json.dumps(to_plain(report.config), indent=2, ensure_ascii=False),
            severity=SEVERITY,
            panels=panels(report.abilities),
            strip=strip(report.task, report.abilities),
        )
    )


@functools.cache
def environment() -> jinja2.Environment:
    """The template environment of all pages: it escapes everything, has filters for records, and refuses undefined
    names."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keeptune.report.html"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "score": _metric_first(phrases.score),
        "change": _metric_first(phrases.change),
        "interval": _metric_first(phrases.interval),
        "interval_of": phrases.interval_of,
        "unit": phrases.unit,
        "negated": negated,
        "signed": phrases.signed,
        "key": lambda value: "" if value is None else value,
        "percent": lambda fraction: f"{100.0 * fraction:.1f} %",
        "points": lambda fraction: phrases.change("", 100.0 * fraction),
        "nats": lambda value: f"{value:.4f}".replace("-", "−"),
        "command": joined,
        "embedded": embedded_json,
        "matrix": confusion_table,
        "picture": search_picture,
    }
    environment.tests["known"] = lambda value: isinstance(value, Interval)
    environment.tests["loss"] = phrases.is_loss
    return environment


def _metric_first(format_value: Any) -> Any:
    """Turn a function of (metric, value) into a filter ``value|score(metric)`` that shows a dash without a value."""
    return lambda value, metric, *more: "–" if value is None else format_value(metric, value, *more)


def _shown(value: Any) -> Any:
    """Make invisible characters visible in all template output except our own markup."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def asset(name: str) -> Markup:
    """Read one of our files to embed it unchanged."""
    return Markup(files("keeptune.report.html").joinpath(name).read_text(encoding="utf-8"))


def policy(style: str, script: str = "") -> str:
    """A content security policy that allows only this page's own style and script."""
    scripts = f"'{_digest(script)}'" if script else "'none'"
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src {scripts}; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
