"""What is asked of both models to explain a loss."""

from __future__ import annotations

from typing import Any

from keeptune.assessment.diagnosis import look_for_intrusion
from keeptune.records import Ability, Answer, EvalRecord, Example, Message, Undefined


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
