"""What is asked of both models to explain a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from keeptune.assessment.diagnosis import explain, look_for_intrusion
from keeptune.forgetting.verdict import judge
from keeptune.records import Ability, Answer, EvalRecord, Example, ItemScore, Message, Undefined


class Unasked:
    """Models that must not be asked."""

    def evaluate(self, *_: Any) -> Any:
        raise AssertionError("the models were asked")


def test_nothing_is_asked_where_the_task_has_too_few_answers_to_learn_from() -> None:
    prompt = (Message("user", "which?"),)
    record = EvalRecord("t", "t", "which?", ("a",), (), Answer("t", "a", "stop"), {})
    items = (Example("i", prompt, "a", ("a",), ("a", "b")),)
    ability = Ability("quiz", "a quiz", "yours", "1", "choices", ("choice_accuracy",), items, variants={"free": items})
    found = look_for_intrusion(Unasked(), ([record], [record]), [ability], {})  # type: ignore[arg-type]
    assert isinstance(found, Undefined)
    assert "generated answers to the task" in found.reason


class Counting:
    """Models whose answers are all the same, and the items that they were given."""

    def __init__(self) -> None:
        self.items: dict[str, int] = {}

    def evaluate(self, ability: Ability, _metrics: Any, examples: Sequence[Example], part: str) -> Any:
        self.items[part] = len(examples)
        records = [record(example, ability.metrics[0], 100.0) for example in examples]
        return records, [replace(each, scores={ability.metrics[0]: ItemScore(0.0)}) for each in records]


def record(example: Example, metric: str, score: float) -> EvalRecord:
    answer = Answer(example.id, "a", "stop")
    return EvalRecord(example.id, example.id, "which?", ("a",), example.choices, answer, {metric: ItemScore(score)})


@pytest.mark.parametrize(("most", "expected"), [(None, 60), (20, 20)])
def test_a_quick_measure_explains_a_loss_on_part_of_the_items(most: int | None, expected: int) -> None:
    items = tuple(Example(f"i{n}", (Message("user", f"which {n}?"),), "a", ("a",), ("a", "b")) for n in range(60))
    ability = Ability(
        "quiz", "a quiz", "yours", "1", "choices", ("choice_accuracy",), items, variants={"template-1": items}
    )
    base = [record(item, "choice_accuracy", 100.0) for item in items]
    tuned = [record(item, "choice_accuracy", 0.0) for item in items]
    report = judge(ability, base, tuned)
    models = Counting()
    explained = explain(models, ability, report, (base, tuned), None, most)  # type: ignore[arg-type]
    assert models.items == {"template-1": expected}
    assert not isinstance(explained.diagnosis, Undefined)
