"""Whether answers have the form of a reference, and whether they say which of a closed set was taken."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.forgetting.compare import Pair
from keeptune.forgetting.measurable import score_interval
from keeptune.forgetting.shares import share_difference
from keeptune.records import EvalRecord, Interval, MaybeInterval, Undefined
from keeptune.scoring.entities import parse_entities
from keeptune.scoring.metric import Metric
from keeptune.scoring.metrics.label_accuracy import parse_label
from keeptune.scoring.parse_outcome import ParseOutcome

_WRAPPED = "{[<`"


def share_in_form(records: Sequence[EvalRecord], metric: str, longest: tuple[int, int]) -> MaybeInterval:
    """Of the answers that fell: strictly a label or an entity list, where that is asked; else one line, no longer than
    the longest reference, and wrapped in nothing.

    Args:
        longest: words and characters of the longest reference of the ability.
    """
    return _share(
        [_in_form(record, metric, longest) for record in records if record.answer.output is not None], records
    )


def share_read(records: Sequence[EvalRecord]) -> MaybeInterval:
    """Of the answers that fell: one of the item's choices can be read from it, so that a wrong one is no right one in
    other words. Choices by likelihood are always read."""
    return _share([_is_read(record) for record in records], records)


def below_chance(records: Sequence[EvalRecord], metric: Metric) -> bool:
    """Significantly fewer of the answers from which a choice can be parsed are right than random choices would be."""
    read = [record for record in records if len(record.choices) > 1 and _is_read(record)]
    if not read or not metric.binary or not metric.higher_is_better:
        return False
    chance = 100.0 * sum(1.0 / len(record.choices) for record in read) / len(read)
    own = score_interval(read, metric)
    return isinstance(own, Interval) and own.high < chance


def longest_reference(records: Sequence[EvalRecord]) -> tuple[int, int]:
    """Words and characters of it."""
    references = [reference for record in records for reference in record.references]
    return max((len(r.split()) for r in references), default=0), max(map(len, references), default=0)


def fell(pairs: Sequence[Pair], metric: Metric) -> list[Pair]:
    """The items whose own score became worse."""
    found = []
    for before, after in pairs:
        b, a = before.scores[metric.name].value, after.scores[metric.name].value
        if b is not None and a is not None and ((a < b) if metric.higher_is_better else (a > b)):
            found.append((before, after))
    return found


def _share(flags: Sequence[bool], records: Sequence[EvalRecord]) -> MaybeInterval:
    if not flags or len(flags) != len(records):
        return Undefined("not all of them were written")
    return share_difference([False] * len(flags), flags, [record.cluster for record in records])


def _in_form(record: EvalRecord, metric: str, longest: tuple[int, int]) -> bool:
    text = (record.answer.output or "").strip()
    if len(record.choices) > 1:
        return parse_label(text, record.choices).outcome is ParseOutcome.STRICT
    if metric.startswith("entity_f1"):
        return parse_entities(text).outcome is ParseOutcome.STRICT
    words, characters = longest
    wrapped = text[:1] in _WRAPPED and not any(reference[:1] == text[:1] for reference in record.references)
    return bool(text) and "\n" not in text and len(text.split()) <= words and len(text) <= characters and not wrapped


def _is_read(record: EvalRecord) -> bool:
    if record.answer.output is None:
        return len(record.answer.choice_loglikelihoods) == len(record.choices) > 1
    return len(record.choices) > 1 and parse_label(record.answer.output, record.choices).choice is not None
