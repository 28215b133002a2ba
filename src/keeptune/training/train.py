"""The training part of `tune`: load, adapt, loop, save; or read back what an earlier start has trained."""

from __future__ import annotations

import dataclasses
import gc
import importlib.metadata
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from keeptune.config.paths import with_absolute_paths
from keeptune.config.schema import Full, TuneConfig
from keeptune.data.encode import Encoder
from keeptune.data.task_metrics import Metrics
from keeptune.data.task_rows import Rows
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer, silent
from keeptune.export.save import ends_otherwise, save_tuned, saved_tuned
from keeptune.inference.drift import check_same_vocabulary
from keeptune.inference.encoding import encode_train, new_tokens
from keeptune.inference.evaluator import load_for_inference, tell_model
from keeptune.inference.loglikelihood import mean_loss
from keeptune.inference.run import AnswerSettings, answer_items, corpus_scores, score_answers
from keeptune.inference.vllm_engine import stop_server
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.mitigations import Mitigations
from keeptune.models.adapters import attach_adapter, experts_left_out
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.memory import Meter, trim
from keeptune.models.placement import cpu_flags
from keeptune.records import EncodedRow, TrainingSummary, to_plain
from keeptune.scoring.custom import is_custom
from keeptune.training.checkpoint import LoopState
from keeptune.training.defaults import default_epochs, default_lr, default_token_budget
from keeptune.training.equivalent_run import (
    DONE,
    WHOLE,
    equivalent_run,
    interpolation,
    is_candidate,
    take_over,
    trained,
)
from keeptune.training.loop import Loop, Validate
from keeptune.training.replay_data import replay_data
from keeptune.training.resume import deciding_weights, keep_trained_by, refuse_another
from keeptune.version import __version__
from keeptune.workspace.atomic import write_json
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.runs import CONFIG
from keeptune.workspace.written import write_settings

NO_SCORE = 1e12
"""Added to the loss of a validation whose metric is not defined: worse than any score."""
COMPUTING = ("torch", "transformers", "peft")


def train(
    config: TuneConfig,
    run: Path,
    rows: Rows,
    encoder: Encoder,
    metrics: Metrics,
    observer: Observer,
    seconds: dict[str, float],
) -> TrainingSummary:
    """Train, or read what an earlier start of this run has trained."""
    if error := unfit(config):
        raise error
    refuse_another(config, rows, run)
    done = run / DONE
    if done.exists() and saved_tuned(run) is not None:
        return trained(run)
    interpolated = config.mitigation.interpolation != 1.0
    alike = equivalent_run(run, observer) if interpolated or is_candidate(run) else None
    if alike is not None:
        observer(Notice("training", f"the training of {alike.name} is used again"))
    if interpolated or alike is not None:
        keep_settings(config, run)
    if interpolated:
        whole = alike or run / WHOLE
        if alike is None:
            whole.mkdir(exist_ok=True)
            whole_change = dataclasses.replace(
                config, mitigation=dataclasses.replace(config.mitigation, interpolation=1.0)
            )
            train(whole_change, whole, rows, encoder, metrics, observer, seconds)
        return interpolation(config, whole, run)
    if alike is not None:
        return take_over(alike, run)
    began = time.monotonic()
    made = prepared(config, run, rows, encoder, metrics, observer)
    keep_settings(made.config, run)
    keep_trained_by(config, run)
    seconds["load"] = time.monotonic() - began
    state = made.loop()
    seconds["train"] = state.seconds
    save_tuned(made.loop.loaded, run)
    summary = _summary(made, state, rows)
    write_json(done, to_plain(summary))
    del made
    gc.collect()
    trim()
    return summary


NEED = "need the adapter's generation_config.json beside it, or eos_token_id="


@dataclass(frozen=True, slots=True)
class Prepared:
    """A training before its first step."""

    config: TuneConfig
    """With every default filled in."""
    loop: Loop
    parameters: int
    """Of the model, its adapter among them."""


def _held_to(config: TuneConfig) -> LoadedModel | None:
    """The reference that was named, where something is held to it or written by it."""
    mitigation = config.mitigation
    if not mitigation.reference or not (mitigation.kl or mitigation.self_replay):
        return None
    return load_for_inference(dataclasses.replace(config.model, name=mitigation.reference, revision=None))


def prepared(
    config: TuneConfig, run: Path, rows: Rows, encoder: Encoder, metrics: Metrics, observer: Observer
) -> Prepared:
    """Load the model, adapt it, and gather all that is trained on; checkpoints in `run` are gone on with.

    Raises:
        ConfigError: settings that do not fit this model.
    """
    full = isinstance(config.method, Full)
    stop_server()
    loaded = load_model(config.model, train_weights=full)
    if loaded.found.adapter is not None:
        raise ConfigError(f"{config.model.name} is an adapter", "merge it into its base first, then train that")
    other = _held_to(config)
    if other:
        check_same_vocabulary(other, loaded)
    budget = config.training.token_budget or default_token_budget(loaded.placement.device.type)
    mitigations = Mitigations(config.mitigation, encoder, config.training.seed, budget, observer, other)
    train_rows = mitigations.learned_rows(loaded, encode_train(encoder, rows.train, observer))
    old_rows = mitigations.old_rows(other or loaded, len(train_rows), *replay_data(config, rows, encoder, observer))
    base_rows = mitigations.base_rows(other or loaded, len(train_rows) + len(old_rows))
    train_rows += old_rows + base_rows
    of_base = loaded.parameters
    if isinstance(config.method, Full):
        loaded.model.requires_grad_(True)
        mitigations.freeze(loaded)
    else:
        attach_adapter(loaded, config.method, config.training.seed, freeze=config.mitigation.freeze, rows=old_rows)
        if left_out := experts_left_out(loaded):
            observer(Notice("experts", f"the experts, {left_out:,} weights, get no adapter: they are no single layers"))
        if ends_otherwise(loaded):
            ends = list(loaded.end_ids())
            observer(Notice("end", f"answers end with the chat template's end of a turn: other tools {NEED}{ends}"))
    config = _resolved(config, of_base, len(rows.train), budget)
    tell_model(loaded, observer)
    loop = Loop(
        loaded,
        train_rows,
        config.training,
        run,
        _fingerprint(config, loaded, rows, train_rows, other),
        observer,
        objective=mitigations.objective(loaded, train_rows),
        startup_key=_startup_key(config, loaded, rows, train_rows, other, metrics),
    )
    if rows.validation:
        loop.validate = _validator(config, loaded, rows, encoder, metrics, loop, budget)
    return Prepared(config, loop, loaded.parameters)


def _resolved(config: TuneConfig, parameters: int, examples: int, token_budget: int) -> TuneConfig:
    training = config.training
    return dataclasses.replace(
        config,
        training=dataclasses.replace(
            training,
            lr=default_lr(config.method, parameters) if training.lr is None else training.lr,
            epochs=default_epochs(examples) if training.epochs is None else training.epochs,
            token_budget=token_budget,
        ),
    )


def keep_settings(config: TuneConfig, run: Path) -> None:
    """Write what the run is made of, once."""
    if not (run / CONFIG).exists():
        write_config(config, run)


def write_config(config: TuneConfig, run: Path) -> None:
    """The settings of `run`, so that it can go on from any folder."""
    write_settings(run / CONFIG, with_absolute_paths(dataclasses.replace(config, output=str(run), resume=False)))


def _fingerprint(
    config: TuneConfig,
    loaded: LoadedModel,
    rows: Rows,
    trained: Sequence[EncodedRow],
    reference: LoadedModel | None,
) -> str:
    """What a checkpoint belongs to: the same weights come out only if all of this is the same."""
    return hash_value(
        [
            deciding_weights(config),
            loaded.hash,
            loaded.placement.device.type,
            loaded.placement.dtype_name,
            [rows.hashes()[role] for role in ("train", "validation")],
            [row.item_id if row.role == "task" else to_plain(row) for row in trained],
            *([reference.hash] if reference else []),
        ]
    )


def _startup_key(
    config: TuneConfig,
    loaded: LoadedModel,
    rows: Rows,
    trained: Sequence[EncodedRow],
    reference: LoadedModel | None,
    metrics: Metrics,
) -> str:
    """What the way to the first step depends on: all that the weights do but the rate, the questions that a validation
    asks, and what computes. None for a user's own metric, whose file may change."""
    if any(is_custom(metric.name) for metric in metrics.metrics):
        return ""
    training, device = config.training, loaded.placement.device
    any_rate = dataclasses.replace(config, training=dataclasses.replace(training, lr=None, lr_factor=1.0))
    return hash_value(
        [
            __version__,
            [importlib.metadata.version(name) for name in COMPUTING],
            torch.cuda.get_device_name(device) if device.type == "cuda" else cpu_flags(),
            torch.get_num_threads(),
            _fingerprint(any_rate, loaded, rows, trained, reference),
            training.torch_compile,
            to_plain(config.evaluation),
            [metric.name for metric in metrics.metrics],
        ]
    )


def _validator(
    config: TuneConfig, loaded: LoadedModel, rows: Rows, encoder: Encoder, metrics: Metrics, loop: Loop, budget: int
) -> Validate:
    validation = [encoder.scored_row(example, example.completion) for example in rows.validation]
    asked = AnswerSettings(encoder, new_tokens(config.evaluation, encoder, rows.train), config.evaluation.token_budget)

    def validate() -> tuple[float, Mapping[str, float]]:
        with loaded.placement.autocast():
            loss = mean_loss(loaded, validation, budget, loop.observer)
            if config.training.select_by == "loss":
                return loss, {"loss": loss}
            answers = answer_items(loaded, asked, rows.validation, metrics.metrics, silent, "validation")
        records = score_answers(rows.validation, answers, metrics.metrics)
        scores = corpus_scores(records, metrics.metrics)
        primary = scores.get(metrics.primary.name)
        if primary is None:
            return NO_SCORE + loss, {"loss": loss, **scores}
        return (-primary if metrics.primary.higher_is_better else primary), {"loss": loss, **scores}

    return validate


def _summary(made: Prepared, state: LoopState, rows: Rows) -> TrainingSummary:
    loop = made.loop
    return TrainingSummary(
        method=made.config.method.kind,
        examples=len(loop.rows),
        validation_examples=len(rows.validation),
        epochs=state.step / loop.epoch_steps,
        steps=state.step,
        best_step=state.best_step or state.step,
        trainable_parameters=loop.loaded.trainable,
        total_parameters=made.parameters,
        tokens=state.tokens,
        completion_tokens=state.completion_tokens,
        seconds=state.seconds,
        tokens_per_second=state.tokens / max(state.seconds, 1e-9),
        loss_curve=state.loss_curve,
        validation_curve=state.validation_curve,
        stopped_by="epochs" if state.step >= loop.steps else "max_minutes",
        forecast=loop.forecast,
        peak_bytes=Meter(loop.loaded.placement.device).peak(),
        lr=loop.lr,
    )
