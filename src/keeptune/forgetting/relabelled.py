"""Labels that are swapped or renamed by a fixed rule: the model still separates the classes, under other names."""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from keeptune.forgetting.compare import Pair
from keeptune.forgetting.confusion import Cell, label_cells, plain_text, typed_cells
from keeptune.forgetting.function_words import all_function_words
from keeptune.forgetting.shuffled import example_of
from keeptune.records import EvalRecord
from keeptune.scoring.entities import parse_entities
from keeptune.scoring.mean import mean_score
from keeptune.scoring.metric import Metric

SEEN = 3
"""Minimum answers of one kind for a rule."""
MAX_KINDS = 60
MAX_LABELS, RECUR = 20, 10
"""References are labels if there are no more than these, each so often on average."""


@dataclass(frozen=True, slots=True)
class Relabelled:
    """The tuned answers, each replaced by the label it most often stood for in the other half of the items."""

    pairs: tuple[Pair, ...]
    """Scored by the metric's name; those of the base as they were."""
    moved: Mapping[str, str]
    """Written label → what it stands for, if different."""
    only_labels: bool
    """Whether all that is moved is itself a label, so that labels are exchanged; else they are renamed."""


def relabel(pairs: Sequence[Pair], metric: Metric) -> Relabelled | None:
    """The rule is chosen on one half of the clusters and read by on the other, both ways round.

    Of entities the types are the labels. None where the items have no closed set of labels, where what is written is of
    too many kinds to be labels, or where everything stands for itself.
    """
    half = [zlib.crc32(before.cluster.encode()) % 2 for before, _ in pairs]
    if len(set(half)) < 2:
        return None
    if metric.name.startswith("entity_f1"):
        return _retype(pairs, metric, half)
    records = [tuned for _, tuned in pairs]
    cells = (label_cells(records, metric.name) or _few_references(records)) if metric.binary else None
    if not cells:
        return None
    cells = _without_copies(cells, records)
    right, given = zip(*cells, strict=True)
    if len(set(given)) > MAX_KINDS:
        return None
    rules = _rules([[cell] for cell in cells], half)
    moved = _moved(rules)
    if not moved:
        return None
    read = [rules[side].get(text) for side, text in zip(half, given, strict=True)]
    return Relabelled(
        pairs=tuple((b, _scored(t, metric, r == w)) for (b, t), r, w in zip(pairs, read, right, strict=True)),
        moved=moved,
        only_labels=set(moved) <= set(right),
    )


def _few_references(records: Sequence[EvalRecord]) -> list[Cell] | None:
    """(reference, answer) as written, where no choices are named but a few references recur as labels do."""
    if any(record.answer.output is None or not record.references or record.choices for record in records):
        return None
    cells = [(plain_text(r.references[0]), plain_text(r.answer.output or "")) for r in records]
    labels = {right for right, _ in cells}
    return cells if 2 <= len(labels) <= MAX_LABELS and RECUR * len(labels) <= len(cells) else None


def _without_copies(cells: Sequence[Cell], records: Sequence[EvalRecord]) -> list[Cell]:
    """What repeats a word of its own prompt is no name of a label: whoever writes the question's country knows nothing
    of its capital. Words of most prompts are those of the instruction."""
    prompts = [_words(record.prompt) for record in records]
    often = Counter(word for prompt in prompts for word in prompt)
    usual = {word for word, times in often.items() if 2 * times > len(prompts)} | all_function_words()
    labels = {right for right, _ in cells}
    return [
        (right, given if given in labels or not (_words(given) - usual) & prompt else f"{given} ({place})")
        for place, ((right, given), prompt) in enumerate(zip(cells, prompts, strict=True))
    ]


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _retype(pairs: Sequence[Pair], metric: Metric, half: Sequence[int]) -> Relabelled | None:
    """By the types that entities of the same name have in the reference and in the answer."""
    if any(tuned.answer.output is None for _, tuned in pairs):
        return None
    rules = _rules([typed_cells(tuned) for _, tuned in pairs], half)
    moved = _moved(rules)
    if not moved:
        return None
    read = []
    for (base, tuned), side in zip(pairs, half, strict=True):
        given = parse_entities(tuned.answer.output or "").entities.elements()
        text = "; ".join(f"{rules[side].get(kind, kind)}: {name}" for kind, name in given) or "none"
        score = metric.item(replace(tuned.answer, output=text), example_of(tuned))
        read.append((base, replace(tuned, scores={**tuned.scores, metric.name: score})))
    return Relabelled(
        tuple(read), moved, only_labels=set(moved) <= {right for rule in rules for right in rule.values()}
    )


def _rules(cells: Sequence[Sequence[Cell]], half: Sequence[int]) -> tuple[dict[str, str], dict[str, str]]:
    """For each half what is given → the label that it most often stands for in the other half."""
    stood: list[defaultdict[str, Counter[str]]] = [defaultdict(Counter), defaultdict(Counter)]
    for of_item, side in zip(cells, half, strict=True):
        for right, given in of_item:
            stood[1 - side][given][right] += 1
    first, second = (
        {given: times.most_common(1)[0][0] for given, times in of.items() if times.total() >= SEEN} for of in stood
    )
    return first, second


def _moved(rules: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {text: label for rule in rules for text, label in rule.items() if text != label}


def _scored(record: EvalRecord, metric: Metric, right: bool) -> EvalRecord:
    return replace(record, scores={**record.scores, metric.name: mean_score(100.0 if right else 0.0)})
