"""Parse abilities to keep: ``ner=items.jsonl:entity_f1:2``, or a mapping in a YAML file."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from keeptune.config.given import Given
from keeptune.config.name import RULE, wrong_name
from keeptune.config.schema import Keep
from keeptune.near_names import did_you_mean

FORM = "NAME[=DATA][:METRIC][:MARGIN], such as sentiment, sentiment:3 or ner=items.jsonl:entity_f1:2"
FIELDS = ("name", "data", "metric", "margin")
TYPE_TAG = "type"
"""The keys of a mapping, as in ``config.json``."""
RUN = "run:"
"""Prefix of DATA for the test rows of a run."""
FILES = (".jsonl", ".json", ".csv", ".tsv", ".xlsx", ".parquet")
"""A file has no splits, so a metric follows its name."""
HARNESS = "lm-eval:"
"""Prefix of DATA for a task of lm-evaluation-harness."""


def read_keep(given: Given, metrics: Collection[str]) -> tuple[Keep, ...]:
    """Parse every ability of one setting.

    Args:
        metrics: known names beside ``file.py:function``.

    Raises:
        ConfigError: malformed, an unknown metric, or a margin that is not a positive number.
    """
    values = given.value if isinstance(given.value, (list, tuple)) else [given.value]
    found = tuple(_one(given, value, metrics) for value in values)
    names = [keep.name.casefold() for keep in found]
    for keep in found:
        if names.count(keep.name.casefold()) > 1:
            raise given.wrong(f"names {keep.name} twice", "give each ability once; upper and lower case are the same")
    return found


def _one(given: Given, value: Any, metrics: Collection[str]) -> Keep:
    if isinstance(value, dict):
        return _mapping(given, value, metrics)
    if not isinstance(value, str) or not value.strip():
        raise given.wrong(f"is {value!r}", f"write {FORM}")
    head, equals, rest = value.strip().partition("=")
    if not equals:
        head, _, rest = value.strip().partition(":")
    parts = rest.split(":") if rest else []
    named = len(parts) == 2 and f"{parts[0]}:" in (RUN, HARNESS)
    margin = parts.pop() if parts and not named and _number(parts[-1]) is not None else None
    metric = None
    if equals:
        metric, data = _metric_and_data(parts, metrics)
    else:
        metric, data = (":".join(parts) or None), ""
    if not head or (equals and not data):
        raise given.wrong(f"is {value!r}", f"write {FORM}")
    return check_keep(given, Keep(head, data, metric, None if margin is None else _number(margin)), metrics)


def _metric_and_data(parts: list[str], metrics: Collection[str]) -> tuple[str | None, str]:
    """A path may contain colons. The metric is the last part, or the last two parts for ``file.py:function``."""
    harness = len(parts) > 2 and f"{parts[0]}:" == HARNESS
    if len(parts) > 1 and (parts[-1] in metrics or harness):
        return parts[-1], ":".join(parts[:-1])
    if len(parts) > 2 and parts[-2].endswith(".py"):
        return ":".join(parts[-2:]), ":".join(parts[:-2])
    for at, part in enumerate(parts[:-1], 1):
        if part.lower().endswith(FILES):
            return ":".join(parts[at:]), ":".join(parts[:at])
    return None, ":".join(parts)


def _mapping(given: Given, value: dict[Any, Any], metrics: Collection[str]) -> Keep:
    for key in value:
        if key not in (*FIELDS, TYPE_TAG):
            raise given.wrong(
                f"has no field {key!r}", f"{did_you_mean(str(key), FIELDS)}The fields are: {', '.join(FIELDS)}"
            )
    name, data, metric = (value.get(field) for field in FIELDS[:3])
    for field, text in (("name", name), ("data", data or "x"), ("metric", metric or "x")):
        if not isinstance(text, str) or not text.strip() or "\0" in text:
            raise given.wrong(f"has the {field} {text!r}", "give a text")
    margin = value.get("margin")
    number = None if margin is None else _number(margin)
    if margin is not None and number is None:
        raise given.wrong(f"has the margin {margin!r} for {name}", "give a number of points")
    return check_keep(given, Keep(str(name), str(data or ""), metric, number), metrics)


def check_keep(given: Given, keep: Keep, metrics: Collection[str]) -> Keep:
    """`keep`, checked.

    Raises:
        ConfigError: an invalid name, margin or metric.
    """
    if wrong := wrong_name(keep.name):
        raise given.wrong(f"has the name {keep.name!r}, which {wrong}", RULE)
    if keep.margin is not None and not 0 < keep.margin < math.inf:
        raise given.wrong(f"has the margin {keep.margin:g} for {keep.name}", "a margin is more than 0")
    known = keep.metric is None or keep.metric in metrics or ".py:" in keep.metric or keep.data.startswith(HARNESS)
    if not known:
        hint = did_you_mean(str(keep.metric), metrics)
        raise given.wrong(
            f"has the metric {keep.metric!r} for {keep.name}",
            f"{hint}Known: {', '.join(metrics)}; or your own as file.py:function",
        )
    return keep


def _number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
