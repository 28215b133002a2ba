"""A model card for the hub: what was gained and lost, with the same numbers as metadata."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2
import yaml

from keeptune.records import AbilityReport, Comparison, ForgettingReport, Interval, TuneResult
from keeptune.report import wording
from keeptune.report.html.forest import ordered
from keeptune.report.visible import visible

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
"""Owner and name: what the hub accepts as `base_model`."""
_MARKS = re.compile(r"([\\`*_\[\]<>|#~&])")


def model_card(report: ForgettingReport, tune: TuneResult | None) -> str:
    """README.md: YAML front matter with a ``model-index``, then the text.

    Args:
        report: what is told.
        tune: how the model was made; None where that is not known.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "score": lambda value, metric: "–" if value is None else wording.score(metric, value),
        "change": lambda value, metric: wording.change(metric, value),
        "text": markdown_text,
    }
    environment.tests["known"] = lambda value: isinstance(value, Interval)
    template = environment.from_string(files("keeptune.report").joinpath("card.jinja").read_text(encoding="utf-8"))
    body = template.render(
        report=report,
        tune=tune,
        name=_name(report),
        abilities=ordered(report.abilities),
        command=visible(shlex.join(report.manifest.command)).replace("\n", " "),
    )
    front = yaml.safe_dump(front_matter(report, tune), allow_unicode=True, sort_keys=False, width=120)
    return f"---\n{front}---\n\n{body}"


def front_matter(report: ForgettingReport, tune: TuneResult | None) -> dict[str, Any]:
    """The metadata. No licence is named: it is the base's and the user's to say."""
    found: dict[str, Any] = {}
    # A folder on disk can look like a hub name; it is told in the text only.
    if HUB_NAME.fullmatch(report.base_name) and not Path(report.base_name).exists():
        found["base_model"] = report.base_name
        if tune is not None:
            found["base_model_relation"] = "adapter" if _is_adapter(report) else "finetune"
    if tune is not None:
        found["library_name"] = "peft" if _is_adapter(report) else "transformers"
    found["tags"] = ["keeptune", *([] if tune is None else [tune.training.method])]
    results = [] if report.task is None else [_task_result(report, report.task)]
    results += [_ability_result(a, a.tuned) for a in report.abilities if a.tuned is not None]
    if results:
        found["model-index"] = [{"name": _name(report), "results": results}]
    return found


def markdown_text(text: str) -> str:
    """`text` as it stands, on one line: nothing in it is markup, and it does not end a table's cell."""
    return _MARKS.sub(r"\\\1", visible(" ".join(text.split())))


def _task_result(report: ForgettingReport, task: Comparison) -> dict[str, Any]:
    return _result(
        "the task that was tuned",
        "task",
        report.manifest.test_hash,
        [
            _metric(task.metric, task.after, task.metric, {"model": "tuned", "items": task.items}),
            _metric(task.metric, task.before, f"{task.metric}, base", {"model": "base", "items": task.items}),
        ],
    )


def _ability_result(a: AbilityReport, tuned: float) -> dict[str, Any]:
    facts: dict[str, Any] = {"verdict": a.verdict, "base": a.base, "margin": a.margin, "items": a.items}
    if isinstance(a.drop, Interval):
        facts |= {"drop": a.drop.estimate, "drop_95": [a.drop.low, a.drop.high]}
    return _result(a.title, a.name, a.version, [_metric(a.metric, tuned, f"{a.metric} ({a.verdict})", facts)])


def _result(title: str, kind: str, revision: str, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    data = {"name": title, "type": kind, **({"revision": revision} if revision else {})}
    return {"task": {"type": "text-generation"}, "dataset": data, "metrics": metrics}


def _metric(kind: str, value: float, name: str, facts: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "value": value, "name": name, "args": facts}


def _name(report: ForgettingReport) -> str:
    """The last part of the tuned model's name that says something: ``runs/mine-lora-1/adapter`` is mine-lora-1."""
    parts = [part for part in PurePosixPath(report.tuned_name.replace("\\", "/")).parts if part not in ("/", ".", "..")]
    said = [part for part in parts if part not in ("adapter", "model")]
    return (said or parts or ["tuned model"])[-1]


def _is_adapter(report: ForgettingReport) -> bool:
    """By where the weights of a run lie: an adapter that was dialed may have become full weights."""
    return PurePosixPath(report.tuned_name.replace("\\", "/")).name == "adapter"
