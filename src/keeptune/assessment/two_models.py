"""The two models that are compared, and how each is evaluated on abilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from keeptune.abilities.declared import scored_by
from keeptune.assessment.recovery_probe import Side
from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.data.encode import Encoder, same_tokenizer
from keeptune.data.task_metrics import Metrics
from keeptune.events import Observer
from keeptune.inference.encoding import make_encoder
from keeptune.inference.evaluator import Evaluator, load_for_inference
from keeptune.models.load import LoadedModel
from keeptune.records import Ability, EvalRecord, Example

Records = list[EvalRecord]
Both = tuple[Records, Records]
"""Records of the base and of the tuned model on the same items."""


@dataclass(frozen=True, slots=True)
class AbilityEvaluator:
    """How one model is evaluated on abilities."""

    loaded: LoadedModel
    encoder: Encoder
    token_budget: int
    name: str
    """``base`` or ``tuned``."""
    observer: Observer

    def evaluate(self, ability: Ability, asked: Sequence[Example], part: str = "") -> Records:
        """Records of `asked`, items of this ability in any variant. Answers from earlier runs are reused."""
        return self.evaluate_by(ability, Metrics(scored_by(ability), ""), asked, part)

    def evaluate_by(self, ability: Ability, metrics: Metrics, asked: Sequence[Example], part: str = "") -> Records:
        """The same with other metrics."""
        evaluator = Evaluator(self.encoder, metrics, ability.max_new_tokens, self.token_budget, self.observer)
        title = f"{ability.name}{f', {part}' if part else ''} ({self.name})"
        return evaluator.evaluate(self.loaded, asked, asked, title, cache=True)


@dataclass(frozen=True, slots=True)
class TwoModels:
    """Base and tuned, not loaded yet."""

    models: Mapping[str, ModelConfig]
    """``base`` and ``tuned``."""
    encoders: Mapping[str, Encoder]
    token_budget: int
    observer: Observer

    @property
    def same_tokenizer(self) -> bool:
        """If false, neither losses nor token-level drift can be compared."""
        return same_tokenizer(self.encoders["base"], self.encoders["tuned"])

    def load(self, name: str) -> AbilityEvaluator:
        """The model `name`, ready to evaluate."""
        loaded = load_for_inference(self.models[name])
        return AbilityEvaluator(loaded, self.encoders[name], self.token_budget, name, self.observer)

    def sides(self) -> tuple[Side, Side]:
        """Both models for the recovery probe. Trained weights are evaluated by torch, in memory."""
        base, tuned = (
            Side(partial(load_for_inference, replace(model, engine="torch")), self.encoders[name], self.token_budget)
            for name, model in self.models.items()
        )
        return base, tuned


def two_models(
    base: ModelConfig, tuned: ModelConfig, data: DataConfig, token_budget: int, observer: Observer
) -> TwoModels:
    """Both models, each with its own tokenizer and chat template.

    Args:
        data: for the maximum length of a prompt.
    """
    models = {"base": base, "tuned": tuned}
    encoders = {name: make_encoder(model, data) for name, model in models.items()}
    return TwoModels(models, encoders, token_budget, observer)
