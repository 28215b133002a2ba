"""Accuracy of a JSON answer: the right keys with the right values."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any, NamedTuple, NoReturn

from keeptune.errors import MetricError
from keeptune.records import Example, ItemScore
from keeptune.scoring.mean import MeanMetric, mean_score
from keeptune.scoring.metric import references_of
from keeptune.scoring.parse_outcome import ParseOutcome, outcome_counts
from keeptune.scoring.table import METRICS

_FENCE = re.compile(r"```[\w+-]*[ \t]*\n(.*?)```", re.S)
_OPEN = re.compile(r"[{\[]")
_ATTEMPTS = 64
"""Brackets tried as the start of a value in prose: an answer full of brackets must not take long."""


class Json(NamedTuple):
    """A JSON value that was read; wrapped, since null is a value too."""

    value: Any


class ParsedJson(NamedTuple):
    """None where `outcome` is FAILED."""

    json: Json | None
    outcome: ParseOutcome


def read_json(text: str) -> Json | None:
    """The value that the whole text is, by RFC 8259: no NaN, no trailing comma, double quotes."""
    try:
        return Json(json.loads(text, parse_constant=_refuse))
    except (ValueError, RecursionError):
        return None


def parse_json(output: str) -> ParsedJson:
    """Read a JSON value from a generated text.

    STRICT: the whole text is one. LENIENT: the first code fence that is one, or else the first object or array
    in the text.
    """
    whole = read_json(output)
    if whole is not None:
        return ParsedJson(whole, ParseOutcome.STRICT)
    found = next(filter(None, (read_json(fence[1]) for fence in _FENCE.finditer(output))), None) or _inside(output)
    return ParsedJson(found, ParseOutcome.LENIENT if found else ParseOutcome.FAILED)


def _inside(text: str) -> Json | None:
    decoder = json.JSONDecoder(parse_constant=_refuse)
    for _, opening in zip(range(_ATTEMPTS), _OPEN.finditer(text), strict=False):
        try:
            return Json(decoder.raw_decode(text, opening.start())[0])
        except (ValueError, RecursionError):
            continue
    return None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def same_json(one: Any, other: Any) -> bool:
    """Equality of JSON values: the order of keys aside; 1 equals 1.0, but not true, which Python says it does."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return bool(one == other)


def json_match(output: str, example: Example, strict: bool = False) -> ItemScore:
    """100 where the JSON in the output equals that of a reference; else 0. Corpus: the mean.

    ``json_match`` reads leniently; ``json_match_strict`` counts only an output that is JSON and nothing else.
    How answers were read is kept in the counts ``parse_strict``, ``parse_lenient``, ``parse_failed``.
    """
    parsed = parse_json(output)
    accepted = parsed.outcome is ParseOutcome.STRICT or not strict
    right = [_reference(text, example) for text in references_of(example)]
    match = parsed.json is not None and any(same_json(parsed.json.value, each) for each in right)
    return mean_score(100.0 * (accepted and match), **outcome_counts(parsed.outcome))


def _reference(text: str, example: Example) -> Any:
    read = read_json(text)
    if read is None:
        raise MetricError(
            f"json_match: a reference of item {example.id} is not JSON: {text[:80]!r}",
            "correct the reference, or choose another metric, e.g. exact_match",
        )
    return read.value


METRICS.add("json_match", MeanMetric("json_match", json_match, binary=True))
METRICS.add("json_match_strict", MeanMetric("json_match_strict", partial(json_match, strict=True), binary=True))
