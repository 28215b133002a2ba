"""Prepare a training: load and adapt the model, and gather all rows to learn from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from keeptune.config.schema import Full, TuneConfig
from keeptune.errors import ConfigError
from keeptune.events import Notice
from keeptune.exports.save import ends_otherwise
from keeptune.inference.drift import check_same_vocabulary
from keeptune.inference.encoding import encode_train
from keeptune.inference.engine import close_engines
from keeptune.inference.evaluator import load_for_inference, tell_model
from keeptune.mitigation.active import uses_reference
from keeptune.mitigation.apply import AppliedMitigations
from keeptune.models.adapters import attach_adapter, experts_left_out
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.quantization import NONE, quantised_already
from keeptune.training.defaults import default_epochs, default_lr, default_token_budget
from keeptune.training.fingerprint import checkpoint_fingerprint, startup_key
from keeptune.training.loop import Loop
from keeptune.training.replay_data import guarded_items, replay_data
from keeptune.training.session import Session
from keeptune.training.validation import validator

NEED = "need the adapter's generation_config.json next to it, or eos_token_id="


@dataclass(frozen=True, slots=True)
class Prepared:
    """A training before its first step."""

    config: TuneConfig
    """With every default filled in."""
    loop: Loop
    parameters: int
    """Parameters of the model, its adapter included."""
    learned: int
    """Rows that are learned: the task's and replayed ones."""


def prepared(session: Session) -> Prepared:
    """Load the model, adapt it, and gather all rows to train on. The loop continues from checkpoints in the run folder.

    Raises:
        ConfigError: settings that do not fit this model.
    """
    encoder, rows, observer = session.encoder, session.rows, session.observer
    config = _with_epochs(session.config, len(rows.train))
    close_engines()
    loaded = load_model(config.model, train_weights=isinstance(config.method, Full))
    if loaded.found.adapter is not None:
        raise ConfigError(f"{config.model.name} is an adapter", "merge it into its base first, then train that")
    if loaded.quantization == NONE and getattr(loaded.model, "is_quantized", False):
        raise quantised_already(loaded.found.name)
    other = _reference(config)
    if other:
        check_same_vocabulary(other, loaded)
    budget = config.training.token_budget or default_token_budget(loaded.placement.device.type)
    mitigations = AppliedMitigations(config, encoder, budget, observer, other)
    train_rows = mitigations.learned_rows(loaded, encode_train(encoder, rows.train, observer))
    with session.timed("added_rows"):
        old_rows = mitigations.old_rows(other or loaded, len(train_rows), *replay_data(session))
        base_rows = mitigations.base_rows(other or loaded, [*train_rows, *old_rows], guarded_items(session))
    learned = len(train_rows) + len(old_rows)
    train_rows += old_rows + base_rows
    of_base = loaded.parameters
    if isinstance(config.method, Full):
        loaded.model.requires_grad_(True)
    else:
        attach_adapter(loaded, config.method, config.training.seed, freeze=config.mitigation.freeze, rows=old_rows)
        if left_out := experts_left_out(loaded):
            told = f"MoE experts are fused tensors; no adapter was attached to their {left_out:,} weights"
            if loaded.quantization != NONE:
                told += f", which stay in {loaded.placement.dtype_name}, not in {loaded.quantization}"
            observer(Notice("experts", told))
        if ends_otherwise(loaded):
            ends = list(loaded.end_ids())
            observer(Notice("end", f"answers end with the chat template's end-of-turn token: other tools {NEED}{ends}"))
    mitigations.before_training(loaded)
    session = session.with_config(_resolved(config, of_base, budget))
    tell_model(loaded, observer)
    loop = Loop(
        loaded,
        mitigations.row_source(loaded, train_rows),
        session.config.training,
        session.workspace,
        checkpoint_fingerprint(session, loaded, train_rows, other),
        observer,
        validate=validator(session, loaded, budget) if rows.validation else None,
        objective=mitigations.objective(loaded, train_rows),
        average=mitigations.average(loaded),
        startup_key=startup_key(session, loaded, train_rows, other),
    )
    return Prepared(session.config, loop, loaded.parameters, learned)


def _reference(config: TuneConfig) -> LoadedModel | None:
    """The reference model in the settings, if a mitigation uses it."""
    if not config.mitigation.reference or not uses_reference(config):
        return None
    return load_for_inference(dataclasses.replace(config.model, name=config.mitigation.reference, revision=None))


def _with_epochs(config: TuneConfig, examples: int) -> TuneConfig:
    epochs = default_epochs(examples) if config.training.epochs is None else config.training.epochs
    return dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=epochs))


def _resolved(config: TuneConfig, parameters: int, token_budget: int) -> TuneConfig:
    training = config.training
    return dataclasses.replace(
        config,
        training=dataclasses.replace(
            training,
            lr=default_lr(config.method, parameters) if training.lr is None else training.lr,
            token_budget=token_budget,
        ),
    )
