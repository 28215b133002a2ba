"""Accuracy over closed choices by likelihood: no text is generated, none has to be parsed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from keeptune.errors import MetricError
from keeptune.records import Answer, Example, ItemScore, Undefined
from keeptune.scoring.choices import right_choices
from keeptune.scoring.mean import mean_corpus, mean_score
from keeptune.scoring.metric import UNSCORED, Needs, Unit
from keeptune.scoring.table import METRICS


@METRICS.register("choice_accuracy")
@dataclass(frozen=True, slots=True)
class ChoiceAccuracy:
    """100 where the most likely choice is right; else 0. Corpus: the mean.

    ``choice_accuracy`` compares Σ ln p(choice | prompt); ``choice_accuracy_norm`` the mean over the choice's
    tokens, end token included, which takes away the advantage of short choices (lm-evaluation-harness divides
    by bytes instead). A tie between a right and a wrong choice counts as wrong: the model has not chosen, and
    the order of the choices must not decide.
    """

    name: str = "choice_accuracy"
    by_token: bool = False
    """Divide each log-likelihood by the choice's number of tokens."""
    needs: Needs = "choices"
    higher_is_better: bool = True
    unit: Unit = "points"
    binary: bool = True

    def item(self, answer: Answer, example: Example) -> ItemScore:
        if not answer.choice_loglikelihoods:
            return UNSCORED
        right = right_choices(example, self.name)
        values = self._values(answer, example)
        best_right = max(values[i] for i in right)
        best_wrong = max((v for i, v in enumerate(values) if i not in right), default=-math.inf)
        return mean_score(100.0 if best_right > best_wrong else 0.0)

    def corpus(self, counts: Mapping[str, float], items: int) -> float | Undefined:  # noqa: ARG002
        return mean_corpus(counts)

    def _values(self, answer: Answer, example: Example) -> tuple[float, ...]:
        values = answer.choice_loglikelihoods
        if len(values) != len(example.choices):
            raise MetricError(
                f"{self.name}: item {example.id} has {len(example.choices)} choices, "
                f"but its answer holds {len(values)} log-likelihoods",
                "score the items again: the answers belong to other choices",
            )
        if any(math.isnan(value) for value in values):
            raise MetricError(
                f"{self.name}: a choice of item {example.id} has the log-likelihood NaN",
                "the model's weights or its dtype overflow: try --dtype float32",
            )
        if not self.by_token:
            return values
        if len(answer.choice_tokens) != len(values) or min(answer.choice_tokens) < 1:
            raise MetricError(
                f"{self.name}: the answer of item {example.id} lacks the number of tokens of its choices",
                "score the items again, or use choice_accuracy",
            )
        return tuple(value / tokens for value, tokens in zip(values, answer.choice_tokens, strict=True))


METRICS.add("choice_accuracy_norm", ChoiceAccuracy("choice_accuracy_norm", by_token=True))
