"""The labels of a task whose rows have no choices: the user's closed set, or the distinct answers."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.config.schema import DataConfig
from keeptune.errors import Problem
from keeptune.records import Example

NONE, AUTO = "none", "auto"
FEWEST_ROWS = 20
"""Minimum rows; with fewer, answers may repeat by chance or not yet."""
ROWS_A_LABEL = 5
"""On average, at least; and each label twice."""
MOST_LABELS = 60
MOST_NUMBERS = 11
"""Ratings from 0 to 10; more distinct numbers are counts or results."""
WORDS, CHARACTERS = 5, 40
"""Maximum words of a label."""
RARE = 0.02
"""Maximum share of rows with answers that may be misspelled labels; these are reported."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Train and test with their labels as choices, or unchanged."""

    train: tuple[Example, ...]
    test: tuple[Example, ...]
    labels: tuple[str, ...]
    """Empty where there are none, or each row holds its own."""
    problems: tuple[Problem, ...]
    """Rows with another answer, as errors; and what was found, as a note."""


def with_labels(train: Sequence[Example], test: Sequence[Example], data: DataConfig) -> Labelled:
    """The labels are those of all train rows, or of the test rows without train rows, and the same for both sides."""
    as_they_are = Labelled(tuple(train), tuple(test), (), ())
    rows = train or test
    path = (data.train if train else data.test) or ""
    told: list[Problem] = []
    if data.choices in (None, AUTO):
        if any(row.choices for row in (*train, *test)):
            return as_they_are
        labels = find_labels(rows)
        if not labels:
            return replace(as_they_are, problems=tuple(_nearly(rows)))
        of = f"the {len(labels)} answers that repeat over all {len(rows)} rows are treated as labels: {_shown(labels)}"
        fix = "--choices none if they are not labels"
        told.append(Problem(path, None, "labels", of, fix, severity="note"))
    elif data.choices == NONE:
        return as_they_are
    else:
        labels = named_labels(str(data.choices))
        if not labels and not any(row.choices for row in rows):
            # The field of the answers themselves: all that occur are labels.
            labels = tuple(sorted({row.completion.strip() for row in rows}))
    if not labels:
        return as_they_are
    faults: list[Problem] = []
    train, test = (_with(side, labels, data, faults) for side in (train, test))
    return Labelled(train, test, labels, (*told, *faults))


def named_labels(choices: str) -> tuple[str, ...]:
    """The list that a setting holds: ``a,b,c``, or a list in JSON where a label holds a comma; empty for one name."""
    if choices.lstrip().startswith("["):
        listed = json.loads(choices)
        return tuple(dict.fromkeys(str(label).strip() for label in listed))
    parts = [part.strip() for part in choices.split(",")]
    return tuple(dict.fromkeys(part for part in parts if part)) if len(parts) > 1 else ()


def written(labels: Sequence[str]) -> str:
    """`labels` as the setting takes them."""
    plain = not any("," in label or label.startswith("[") for label in labels) and len(labels) > 1
    return ",".join(labels) if plain else json.dumps(list(labels), ensure_ascii=False)


def find_labels(rows: Sequence[Example]) -> tuple[str, ...]:
    """The distinct answers, sorted, if they are labels (few, short, and each repeated); else none."""
    return _labels_of(Counter(row.completion.strip() for row in rows)) if _may_have_labels(rows) else ()


def _may_have_labels(rows: Sequence[Example]) -> bool:
    return len(rows) >= FEWEST_ROWS and all(row.prompt and len(row.references) <= 1 for row in rows)


def _labels_of(counts: Counter[str]) -> tuple[str, ...]:
    if not 2 <= len(counts) <= MOST_LABELS or ROWS_A_LABEL * len(counts) > counts.total() or min(counts.values()) < 2:
        return ()
    if any(len(answer) > CHARACTERS or len(answer.split()) > WORDS or "\n" in answer for answer in counts):
        return ()
    numbers = sum(_is_number(answer) for answer in counts)
    return () if numbers > MOST_NUMBERS else tuple(sorted(counts))


def _is_number(text: str) -> bool:
    return any(letter.isdigit() for letter in text) and not any(letter.isalpha() for letter in text)


def _nearly(rows: Sequence[Example]) -> list[Problem]:
    """A note if a few single answers prevent the others from being labels."""
    if not _may_have_labels(rows):
        return []
    counts = Counter(row.completion.strip() for row in rows)
    labels = _labels_of(Counter({answer: count for answer, count in counts.items() if count > 1}))
    once = [row for row in rows if counts[row.completion.strip()] == 1]
    if not labels or not once or len(once) > max(1, RARE * len(rows)):
        return []
    file, line = once[0].place
    message = (
        f"the answers look like labels ({_shown(labels)}), but {len(once)} occur only once, such as "
        f'"{once[0].completion.strip()[:CHARACTERS]}": they are not treated as labels'
    )
    return [Problem(file, line, "labels", message, f"--choices {shlex.quote(written(labels))} if they are", "note")]


def _with(
    rows: Sequence[Example], labels: tuple[str, ...], data: DataConfig, faults: list[Problem]
) -> tuple[Example, ...]:
    kept = []
    for row in rows:
        answer = row.completion.strip()
        if answer in labels:
            kept.append(replace(row, choices=labels))
            continue
        message = f'the answer "{answer[:CHARACTERS]}" is not one of the labels: {_shown(labels)}'
        every = shlex.quote(written((*labels, answer)))
        fix = f"correct it, or name all labels: --choices {every}; --choices none if they are not labels"
        severity = "skipped" if data.skip_bad else "error"
        faults.append(Problem(*row.place, "not-a-choice", message, fix, severity))
    return tuple(kept)


def _shown(labels: Sequence[str]) -> str:
    return ", ".join(labels[:8]) + (" …" if len(labels) > 8 else "")
