"""Confusions of entity types or labels, by the base and by the tuned model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from keeptune.forgetting.compare import Pair, pair
from keeptune.records import Confusion, ConfusionCell, EvalRecord
from keeptune.scoring.choices import compared_choices
from keeptune.scoring.entities import Entity, parse_entities
from keeptune.scoring.metrics.label_accuracy import parse_label
from keeptune.scoring.normalise import squad_normalise

MISSED = "(missed)"
UNREADABLE = "(unreadable)"
INVENTED = "(invented)"
OTHER = "(other)"
MAX_LABELS = 60

Cell = tuple[str, str]
"""(reference, given)."""


class Tallied(NamedTuple):
    """One item's cells, by each model."""

    item_id: str
    base: Counter[Cell]
    tuned: Counter[Cell]


def confuse(ability: str, base: Sequence[EvalRecord], tuned: Sequence[EvalRecord], metric: str) -> Confusion | None:
    """The table of an ability that names entities (by its metric) or chooses among labels (by its items' choices).

    None where it does neither, where the choices are each item's own (the texts of a quiz), or where there are over
    60 labels. Items without an answer on either side are left out.

    Raises:
        PairingError: base and tuned do not hold the same items.
    """
    pairs = pair(base, tuned)
    if metric.startswith("entity_f1"):
        return _of_entities(ability, pairs)
    if _share_labels([before.choices for before, _ in pairs]):
        return _of_labels(ability, pairs, metric)
    return None


def _of_entities(ability: str, pairs: Sequence[Pair]) -> Confusion | None:
    """Entities of an answer are matched to those of its reference by name. Types that no reference has come last, or
    are merged as ``(other)`` if there would be more than 60 types."""
    answered = [(b, t) for b, t in pairs if b.answer.output is not None and t.answer.output is not None]
    items = [Tallied(b.item_id, _entity_cells(b), _entity_cells(t)) for b, t in answered]
    cells = {cell for item in items for cell in (*item.base, *item.tuned)}
    wanted = sorted({reference for reference, _ in cells} - {INVENTED})
    others = sorted({given for _, given in cells} - {MISSED, *wanted})
    if not wanted or len(wanted) > MAX_LABELS:
        return None
    if len(wanted) + len(others) > MAX_LABELS:
        items = [Tallied(i.item_id, _lump(i.base, others), _lump(i.tuned, others)) for i in items]
        others = [OTHER]
    return Confusion(ability, "entity types", (*wanted, *others), _count(items, [*wanted, *others, MISSED]))


def _entity_cells(record: EvalRecord) -> Counter[Cell]:
    """By name: types that agree first, then what is left of the reference against what is left of the answer. Of
    several references, the one with the most right counts, as in the metric."""
    given = parse_entities(record.answer.output or "").entities
    tables = [_match(parse_entities(reference).entities, given) for reference in record.references]
    return max(tables, key=lambda table: 2 * _agreeing(table) / max(table.total() + _agreeing(table), 1))


def _match(wanted: Counter[Entity], given: Counter[Entity]) -> Counter[Cell]:
    cells: Counter[Cell] = Counter()
    for kind, _ in (wanted & given).elements():
        cells[kind, kind] += 1
    left_wanted, left_given = _by_name(wanted - given), _by_name(given - wanted)
    for name in {**left_wanted, **left_given}:
        kinds, answers = left_wanted.get(name, []), left_given.get(name, [])
        both = min(len(kinds), len(answers))
        cells.update(zip(kinds[:both], answers[:both], strict=True))
        cells.update((kind, MISSED) for kind in kinds[both:])
        cells.update((INVENTED, kind) for kind in answers[both:])
    return cells


def _agreeing(cells: Counter[Cell]) -> int:
    return sum(times for (reference, given), times in cells.items() if reference == given)


def _by_name(entities: Counter[Entity]) -> dict[str, list[str]]:
    kinds: defaultdict[str, list[str]] = defaultdict(list)
    for kind, name in sorted(entities.elements()):
        kinds[name].append(kind)
    return kinds


def _lump(cells: Counter[Cell], others: Sequence[str]) -> Counter[Cell]:
    lumped: Counter[Cell] = Counter()
    for (reference, given), times in cells.items():
        lumped[reference, OTHER if given in others else given] += times
    return lumped


def _share_labels(choices: Sequence[tuple[str, ...]]) -> bool:
    """Whether the items share one set of labels: at most 60, and at most twice as many as one item offers."""
    sets = [{choice.strip() for choice in each} for each in choices]
    if not sets or min(map(len, sets)) < 2:
        return False
    labels = set().union(*sets)
    return len(labels) <= min(MAX_LABELS, 2 * median(map(len, sets)))


def plain_text(text: str) -> str:
    """SQuAD-normalised; lower case if nothing is left, as for the letter A."""
    return squad_normalise(text) or text.strip().casefold()


def typed_cells(record: EvalRecord) -> list[Cell]:
    """(type in the reference, type in the answer) of each entity that both name."""
    cells = _entity_cells(record) if record.references and record.answer.output is not None else Counter[Cell]()
    return [cell for cell in cells.elements() if cell[0] != INVENTED and cell[1] != MISSED]


def label_cells(records: Sequence[EvalRecord], metric: str) -> list[Cell] | None:
    """(right label, given label) of each item; what cannot be read as a label, as it is written; of choices that are
    each item's own, their places. None where items have no such choices, or one was not answered."""
    shared = _share_labels([record.choices for record in records])
    if not shared and len({len(record.choices) for record in records}) != 1:
        return None
    cells = []
    for record in records:
        cell = _chosen(record, metric) if len(record.choices) > 1 else None
        if cell is None:
            return None
        right, given = cell
        if given == UNREADABLE:
            given = plain_text(record.answer.output or "")
        elif not shared:
            places = [choice.strip() for choice in record.choices]
            right, given = (f"choice {places.index(each) + 1}" for each in (right, given))
        cells.append((right, given))
    return cells


def _of_labels(ability: str, pairs: Sequence[Pair], metric: str) -> Confusion | None:
    chosen = [(b.item_id, _chosen(b, metric), _chosen(t, metric)) for b, t in pairs]
    items = [Tallied(item_id, Counter([b]), Counter([t])) for item_id, b, t in chosen if b and t]
    if not items:
        return None
    labels = tuple(dict.fromkeys(choice.strip() for before, _ in pairs for choice in before.choices))
    return Confusion(ability, "labels", labels, _count(items, [*labels, UNREADABLE]))


def _chosen(record: EvalRecord, metric: str) -> Cell | None:
    """(right label, given label): by likelihood where the metric reads likelihoods or there is no text, else by the
    text. None where there is neither. Of several right labels the given one counts, if it is among them."""
    right = [reference.strip() for reference in record.references]
    given = _likeliest(record, right, metric) if _by_likelihood(record, metric) else _read(record)
    if given is None or not right:
        return None
    return (given if given in right else right[0]), given


def _by_likelihood(record: EvalRecord, metric: str) -> bool:
    has_all = len(record.answer.choice_loglikelihoods) == len(record.choices)
    return has_all and (metric.startswith("choice_accuracy") or record.answer.output is None)


def _likeliest(record: EvalRecord, right: Sequence[str], metric: str) -> str:
    """In a tie, a wrong label, as in the metric: the model did not choose the right one."""
    values = compared_choices(record, metric)
    tied = [choice.strip() for choice, value in zip(record.choices, values, strict=True) if value == max(values)]
    return next((choice for choice in tied if choice not in right), tied[0])


def _read(record: EvalRecord) -> str | None:
    if record.answer.output is None:
        return None
    choice = parse_label(record.answer.output, record.choices).choice
    return UNREADABLE if choice is None else record.choices[choice].strip()


def _count(items: Sequence[Tallied], order: Sequence[str]) -> tuple[ConfusionCell, ...]:
    """Cells with a count on either side, by rows and columns in `order`; the row of the invented comes last."""
    base: Counter[Cell] = Counter()
    tuned: Counter[Cell] = Counter()
    new: defaultdict[Cell, list[str]] = defaultdict(list)
    for item in items:
        base.update(item.base)
        tuned.update(item.tuned)
        for cell in item.tuned - item.base:
            new[cell].append(item.item_id)
    rank = {label: place for place, label in enumerate(order)}
    cells = sorted({*base, *tuned}, key=lambda cell: [rank.get(label, len(rank)) for label in cell])
    return tuple(ConfusionCell(*cell, base[cell], tuned[cell], tuple(new[cell])) for cell in cells)
