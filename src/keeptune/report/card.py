"""A model card for the hub: what was gained and lost, with the same numbers as metadata."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import jinja2
import yaml

from keeptune.commands import command
from keeptune.config import MitigationConfig
from keeptune.records import AbilityReport, Comparison, ForgettingReport, Interval, TuneResult
from keeptune.records.masked import public
from keeptune.report import phrases
from keeptune.report.html.forest import ordered
from keeptune.report.visible import visible

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
"""Owner and name, as the hub accepts them for `base_model`."""
PUBLISHED = "OWNER/NAME"
"""Placeholder for the name of the published model."""
NOT_ON_THE_CARD = ("plain", "by_default", "replay", "replay_fraction", "self_replay_prompts", "reference")
"""Settings of mitigations that say nothing to others, or name files."""
_PACKING = {
    "nf4": 'load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype="{}"',
    "int8": "load_in_8bit=True",
}
"""How a base that was held in few bits is loaded as it was scored, with the dtype that it computed in."""
_MARKS = re.compile(r"([\\`*_\[\]<>|#~&])")


@dataclass(frozen=True, slots=True)
class PublishedBase:
    """The facts about the base that the card may publish."""

    name: str = ""
    """Name on the hub; "" if it is not known to be there."""
    revision: str = ""
    licence: str = ""
    """From the base's own card; "" if unknown."""
    note: str = ""
    """How the base that was used differs from the published one."""
    kind: Literal["causal", "encoder-decoder"] = "causal"

    @property
    def pinned(self) -> str:
        """Its name with the revision."""
        return f"{self.name}@{self.revision}" if self.revision else self.name


def model_card(report: ForgettingReport, tune: TuneResult | None, base: PublishedBase | None = None) -> str:
    """README.md: YAML front matter with a ``model-index``, then the text. It contains no secret and no local path.

    Args:
        report: the report to publish.
        tune: how the model was made; None if unknown.
        base: facts about the base; None: only its name in the report.
    """
    report, tune = public(report), public(tune)
    if base is None:
        # A local folder can look like a hub name.
        of_hub = HUB_NAME.fullmatch(report.base_name) and not Path(report.base_name).exists()
        base = PublishedBase(report.base_name if of_hub else "")
    held = _held(report)
    body = _template().render(
        report=report,
        tune=tune,
        name=_name(report),
        abilities=ordered(report.abilities),
        base=base,
        bits=f", held in {held}" if held else "",
        packing=_PACKING.get(held or "", "").format(report.manifest.dtype),
        base_name=base.pinned or PurePosixPath(report.base_name.replace("\\", "/")).name,
        adapter=_is_adapter(report),
        whole_weights=loads_whole(base.kind),
        format=_format(tune),
        mitigation=_mitigation(report, tune),
        command=_measured_again(report, base),
        own=[a.name for a in report.abilities if a.source == "yours"],
    )
    front = yaml.safe_dump(front_matter(report, tune, base), allow_unicode=True, sort_keys=False, width=120)
    return f"---\n{front}---\n\n{body}"


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {
        "score": lambda value, metric: "–" if value is None else phrases.score(metric, value),
        "change": lambda value, metric: phrases.change(metric, value),
        "interval_of": phrases.interval_of,
        "text": markdown_text,
    }
    environment.tests["known"] = lambda value: isinstance(value, Interval)
    return environment.from_string(files("keeptune.report").joinpath("card.jinja").read_text(encoding="utf-8"))


def _format(tune: TuneResult | None) -> dict[str, str]:
    """The prompt template and the system message of the training, if set."""
    data = tune.config.get("data") if tune is not None else None
    named = {"system message": "system", "prompt template": "prompt"}
    return {label: str(data[name]) for label, name in named.items() if data.get(name)} if isinstance(data, dict) else {}


def _mitigation(report: ForgettingReport, tune: TuneResult | None) -> str:
    """What the training did against forgetting; "" for nothing."""
    if report.mitigation_search is not None:
        return report.mitigation_search.chosen
    given = tune.config.get("mitigation") if tune is not None else None
    if tune is None or not isinstance(given, dict):
        return ""
    named = [
        f"{field.name} {given[field.name]}"
        for field in fields(MitigationConfig)
        if field.name not in NOT_ON_THE_CARD and given.get(field.name, field.default) not in (field.default, [])
    ]
    replayed = [f"replay_fraction {given.get('replay_fraction')}"] if given.get("replay") else []
    chosen = [tune.alpha.reason] if tune.alpha is not None else []
    return "; ".join((", ".join((*replayed, *named)), *chosen)) if (*named, *replayed) else ""


def _measured_again(report: ForgettingReport, base: PublishedBase) -> str:
    """The command with which anyone can measure the published model; "" without a published base."""
    if not base.name:
        return ""
    keep = [f"{a.name}:{a.margin:g}" for a in report.abilities if a.declared and a.source == "built-in"]
    return command("measure", base=base.pinned, tuned=PUBLISHED, quantization=_held(report), keep=keep)


def _held(report: ForgettingReport) -> str | None:
    """In how few bits the base was held; None for a whole one."""
    base = report.config.get("base")
    held = base.get("quantization") if isinstance(base, dict) else None
    return None if held in (None, "none") else str(held)


def front_matter(report: ForgettingReport, tune: TuneResult | None, base: PublishedBase) -> dict[str, Any]:
    """The metadata. The licence is the base's, if it has one."""
    found: dict[str, Any] = {}
    if base.licence:
        found["license"] = base.licence
    if base.name:
        found["base_model"] = base.name
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


def loads_whole(kind: str) -> str:
    """A fenced block that loads published whole weights of a ``causal`` or ``encoder-decoder`` model."""
    auto = "AutoModelForCausalLM" if kind == "causal" else "AutoModelForSeq2SeqLM"
    return (
        f"```python\nfrom transformers import {auto}, AutoTokenizer\n\n"
        f'model = {auto}.from_pretrained("{PUBLISHED}")\n'
        f'tokenizer = AutoTokenizer.from_pretrained("{PUBLISHED}")\n```'
    )


def markdown_text(text: str) -> str:
    """`text` on one line, with markup and cell separators escaped."""
    return _MARKS.sub(r"\\\1", visible(" ".join(text.split())))


def _task_result(report: ForgettingReport, task: Comparison) -> dict[str, Any]:
    return _result(
        "the tuned task",
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
    """The last meaningful part of the tuned model's name: mine-lora-1 for ``runs/mine-lora-1/adapter``."""
    parts = [part for part in PurePosixPath(report.tuned_name.replace("\\", "/")).parts if part not in ("/", ".", "..")]
    said = [part for part in parts if part not in ("adapter", "model")]
    return (said or parts or ["tuned model"])[-1]


def _is_adapter(report: ForgettingReport) -> bool:
    """Read from the folder of the weights, because an interpolated adapter may have become full weights."""
    return PurePosixPath(report.tuned_name.replace("\\", "/")).name == "adapter"
