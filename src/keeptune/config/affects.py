"""What a setting decides. Every rule about which settings may change, and when, is derived from this one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from keeptune.config.schema import TuneConfig
from keeptune.records import to_plain


class Affects(Enum):
    """What comes out otherwise where a setting is another."""

    WEIGHTS = "weights"
    """The trained weights, by the setting's value."""
    INPUT = "input"
    """The trained weights, by what the setting leads to: rows, a model, a device. That is compared itself, however it
    is named."""
    CHOICE = "choice"
    """Which of several trained weights are taken."""
    ANSWERS = "answers"
    """What models are asked, and how answers are scored."""
    VERDICT = "verdict"
    """What else is asked, and by what margins it is judged."""
    BUDGET = "budget"
    """How long is trained."""
    NOTHING = "nothing"
    """Nothing beyond rounding."""


_KEYS: Mapping[Affects, str] = {
    Affects.WEIGHTS: """ data.max_length data.too_long data.loss_on method.kind method.rank method.alpha method.dropout
    method.target_modules training.lr training.lr_factor training.epochs training.batch_size training.token_budget
    training.warmup_fraction training.weight_decay training.max_grad_norm training.validations_per_epoch
    training.select_by training.seed training.hyperparameter_search training.max_drift mitigation.replay_fraction
    mitigation.self_replay mitigation.kl mitigation.kl_on mitigation.l2sp mitigation.ewc mitigation.freeze
    mitigation.token_weights mitigation.interpolation """,
    Affects.INPUT: """
        model.name model.revision model.device model.dtype
        data.train data.test data.encoding data.delimiter data.skip_bad data.choices
        data.prompt data.completion data.system
        data.group data.limit_train data.draw data.limit_test
        data.test_fraction data.validation_fraction data.drop_duplicates
        mitigation.replay mitigation.self_replay_prompts mitigation.reference
    """,
    Affects.CHOICE: """
        mitigation_search.auto mitigation_search.can_route mitigation_search.candidates mitigation_search.min_gain
    """,
    Affects.ANSWERS: """
        model.engine evaluation.metrics evaluation.max_new_tokens evaluation.token_budget evaluation.few_shot
    """,
    Affects.VERDICT: """
        measure.extent measure.keep measure.abilities measure.items measure.dev_fraction measure.minutes
        measure.fail_on measure.probe measure.looks
    """,
    Affects.BUDGET: "training.max_minutes mitigation_search.max_candidates mitigation_search.search_minutes",
    Affects.NOTHING: """
        model.allow_pickle model.allow_remote_code training.torch_compile training.checkpoint_minutes output resume
    """,
}

AFFECTS: Mapping[str, Affects] = {key: affects for affects, keys in _KEYS.items() for key in keys.split()}
"""Key of a setting → what it decides."""


def affects(key: str) -> Affects:
    """What a setting decides; one that is not in the table is taken to decide the weights."""
    return AFFECTS.get(key, Affects.WEIGHTS)


def leaves(plain: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(key, value) of every setting of a config that `to_plain` has written."""
    for name, value in plain.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        elif name != "type":
            yield prefix + name, value


def affecting(config: TuneConfig, *kinds: Affects) -> dict[str, Any]:
    """The settings that decide one of these, and their values."""
    return {key: value for key, value in leaves(to_plain(config)) if affects(key) in kinds}


def fixed(config: TuneConfig) -> frozenset[Affects]:
    """What a run that goes on must have as it was, value by value. Answers are asked once it is trained, unless they
    select the checkpoint."""
    by_answers = {Affects.ANSWERS} if config.training.select_by == "metric" else set()
    return frozenset({Affects.WEIGHTS, Affects.CHOICE} | by_answers)
