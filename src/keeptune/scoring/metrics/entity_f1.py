"""Micro F1 over (type, name) entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from keeptune.errors import MetricError
from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.entities import Entity, parse_entities
from keeptune.scoring.metric import UNSCORED, Needs, Unit, references_of
from keeptune.scoring.parse_outcome import ParseOutcome, outcome_counts
from keeptune.scoring.table import METRICS


def f1_points(true_positives: float, false_positives: float, false_negatives: float) -> float | None:
    """F1 = 2·tp/(2·tp + fp + fn) × 100; None where there is nothing to find and nothing was named."""
    denominator = 2 * true_positives + false_positives + false_negatives
    return 100.0 * 2 * true_positives / denominator if denominator > 0 else None


@METRICS.register("entity_f1")
@dataclass(frozen=True, slots=True)
class EntityF1:
    """Micro F1 of the corpus from summed ``tp``, ``fp``, ``fn`` over the multiset of (type, name).

    The convention of CoNLL-2003 (Tjong Kim Sang and De Meulder), on names instead of positions: an entity is
    right where its type, without regard to case, and its name agree. ``entity_f1`` reads answers leniently,
    ``entity_f1_strict`` only in exactly the asked form. An answer that cannot be read names nothing: its
    reference's entities are missed. Several references: the one with the item's best F1 counts.

    An item's own value is 100 where there is nothing to find and nothing was named, and 0 where an unreadable
    answer meets an empty reference; neither moves the corpus F1.
    """

    name: str = "entity_f1"
    strict: bool = False
    needs: Needs = "output"
    higher_is_better: bool = True
    unit: Unit = "points"
    binary: bool = False

    def item(self, answer: Answer, example: Example) -> ItemScore:
        if answer.output is None:
            return UNSCORED
        found, outcome = parse_entities(answer.output)
        readable = outcome is ParseOutcome.STRICT or (outcome is ParseOutcome.LENIENT and not self.strict)
        if not readable:
            found = Counter()
        scores = [self._against(found, readable, wanted) for wanted in self._wanted(example)]
        value, counts = max(scores, key=lambda score: score[0])
        return ItemScore(value=value, counts={**counts, **outcome_counts(outcome)})

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:
        if items == 0:
            return Undefined("no items")
        score = f1_points(counts["tp"], counts["fp"], counts["fn"])
        return Undefined("no entity in any reference, and none was named") if score is None else score

    def _wanted(self, example: Example) -> list[Counter[Entity]]:
        wanted = []
        for reference in references_of(example):
            entities, outcome = parse_entities(reference)
            if outcome is ParseOutcome.FAILED:
                raise MetricError(
                    f'{self.name}: the reference of item {example.id} is not "type: name; type: name" or '
                    f'"none": {reference[:80]!r}',
                    "correct the row, or choose another metric, e.g. token_f1",
                )
            wanted.append(entities)
        return wanted

    @staticmethod
    def _against(found: Counter[Entity], readable: bool, wanted: Counter[Entity]) -> tuple[float, dict[str, float]]:
        tp = (found & wanted).total()
        fp, fn = found.total() - tp, wanted.total() - tp
        value = f1_points(tp, fp, fn)
        if value is None:
            value = 100.0 if readable else 0.0
        return value, {"tp": float(tp), "fp": float(fp), "fn": float(fn)}


METRICS.add("entity_f1_strict", EntityF1("entity_f1_strict", strict=True))
