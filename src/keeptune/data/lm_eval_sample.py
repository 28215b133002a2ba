"""One sample of lm-evaluation-harness: a document, what was asked, what came back, and the harness's own scores."""

from __future__ import annotations

import ast
import json
import math
import os.path
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keeptune.data.formats.raw_row import RawRow
from keeptune.errors import Problem
from keeptune.records.ability import OutputType

_NEEDED = ("doc_id", "target", "arguments", "resps")
_NOT_METRICS = frozenset(
    {*_NEEDED, "doc", "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash", "target_hash"}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model was asked, and what came back."""

    form: OutputType
    prompt: str
    references: tuple[str, ...]
    choices: tuple[str, ...] = ()
    output: str | None = None
    """The model's text as it came, before any filter."""
    reference_loglikelihood: float | None = None
    choice_loglikelihoods: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class HarnessSample:
    """A document under one filter, in keeptune's words."""

    doc_id: int
    doc_hash: str
    """Of the whole document; "" in logs of early versions."""
    filter: str
    asked: Asked
    values: Mapping[str, Any]
    """Metric → the harness's value."""
    row: RawRow

    @property
    def question(self) -> tuple[object, ...]:
        """What must be the same under every filter."""
        return self.doc_hash, self.asked.prompt, self.asked.references, self.asked.choices


def read_sample(row: RawRow) -> HarnessSample | Problem:
    """A sample as the harness logs it, or as `lm_eval.evaluate` returns it."""
    fields = row.row
    missing = [name for name in _NEEDED if name not in fields]
    metrics = fields.get("metrics", [name for name in fields if name not in _NOT_METRICS])
    if not missing and isinstance(metrics, list):
        missing = [name for name in metrics if name not in fields]
    if missing:
        return _problem(row, "missing-field", f"the sample has no {', '.join(map(str, missing))}")
    if not isinstance(fields["doc_id"], int) or not isinstance(metrics, list):
        return _problem(row, "bad-field", "doc_id is not a whole number, or metrics not a list")
    try:
        asked = _asked(fields["arguments"], fields["resps"], str(fields["target"]), metrics)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        return _problem(row, "bad-field", f"arguments and resps do not match: {error}")
    return HarnessSample(
        doc_id=fields["doc_id"],
        doc_hash=str(fields.get("doc_hash", "")),
        filter=str(fields.get("filter", "none")),
        asked=asked,
        values={name: fields[name] for name in metrics},
        row=row,
    )


def _problem(row: RawRow, kind: str, message: str) -> Problem:
    return Problem(row.file, row.line, kind, message, "make the log again with `lm_eval --log_samples`")


def _asked(arguments: Any, resps: Sequence[Any], target: str, metrics: Sequence[str]) -> Asked:
    """By the kind of request: generation, a whole text's likelihood, one continuation's, or that of each choice."""
    requests = [tuple(each.values()) if isinstance(each, dict) else tuple(each) for each in _listed(arguments)]
    first = [each[0] for each in resps]  # of each request's repeats
    if not requests or len(requests) != len(first):
        raise ValueError(f"{len(requests)} requests, {len(first)} answers")
    if "acc_mutual_info" in metrics:  # a second half asks every choice again, without the prompt
        requests, first = requests[: len(requests) // 2], first[: len(first) // 2]
    contexts = [_text(request[0]) for request in requests]
    if not isinstance(first[0], (list, tuple)):
        if len(requests[0]) == 1:
            return Asked("loss", "", (contexts[0],), reference_loglikelihood=_known(float(first[0])))
        return Asked("generate", contexts[0], _texts(target), output=str(first[0]))
    loglikelihoods = tuple(float(each[0]) for each in first)
    if not all(map(math.isfinite, loglikelihoods)):
        raise ValueError("a likelihood is NaN or infinite: the model's weights are damaged, or overflow")
    if len(requests) == 1:
        text = _text(requests[0][1])
        return Asked("loss", contexts[0], (text,), reference_loglikelihood=_known(loglikelihoods[0]))
    # A choice is what sets a request apart: its continuation, or, where the contexts differ, the rest of them too.
    prompt = os.path.commonprefix(contexts)  # noqa: RUF071 - text, not paths: by character is meant
    choices = tuple(
        (context.removeprefix(prompt) + _text(request[1])).strip()
        for context, request in zip(contexts, requests, strict=True)
    )
    known = loglikelihoods if not any(math.isnan(value) for value in loglikelihoods) else ()
    return Asked("choices", prompt, _right(target, choices), choices, choice_loglikelihoods=known)


def _known(loglikelihood: float) -> float | None:
    """None for one that is not a finite number: it is not known."""
    return loglikelihood if math.isfinite(loglikelihood) else None


def _listed(arguments: Any) -> list[Any]:
    return list(arguments.values()) if isinstance(arguments, dict) else list(arguments)


def _text(argument: Any) -> str:
    """A prompt; one for a chat interface is its messages, in JSON."""
    if isinstance(argument, (list, tuple)) and len(argument) == 1:
        argument = argument[0]
    return argument if isinstance(argument, str) else json.dumps(argument, ensure_ascii=False)


def _right(target: str, choices: tuple[str, ...]) -> tuple[str, ...]:
    """The right choices in words: the target is one's number, a list of numbers, or its text; else as it stands."""
    value = _literal(target)
    numbers = value if isinstance(value, list) else [value]
    if numbers and all(isinstance(each, int) and 0 <= each < len(choices) for each in numbers):
        if isinstance(value, int) and target in choices and choices[value] != target:
            return (target,)  # the choices are numbers themselves, and which is meant cannot be told
        return tuple(choices[each] for each in numbers)
    return (target.strip() if target.strip() in choices else target,)


def _texts(target: str) -> tuple[str, ...]:
    """Every accepted text: a list of texts is several."""
    value = _literal(target)
    several = isinstance(value, list) and value and all(isinstance(each, str) for each in value)
    return tuple(value) if several else (target,)


def _literal(target: str) -> Any:
    try:
        return ast.literal_eval(target)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
