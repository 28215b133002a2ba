"""The training part of `tune`: load, adapt, loop, save; or read back what an earlier start has trained."""

from __future__ import annotations

import dataclasses
import gc
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keeptune.api.ask import tell_model
from keeptune.api.prepare import Metrics, Rows, encode_train, new_tokens
from keeptune.api.resume import ROWS, refuse_another
from keeptune.config.schema import Full, TuneConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError, StoreError
from keeptune.evaluation.loglikelihood import mean_loss
from keeptune.evaluation.run import Questioning, answer_items, corpus_scores, score_answers
from keeptune.events import Notice, Observer, silent
from keeptune.export.save import save_tuned, saved_tuned
from keeptune.export.save_dialed import save_dialed
from keeptune.models.adapters import attach_adapter
from keeptune.models.dial import scales
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import TrainingSummary, from_plain, to_plain
from keeptune.store.atomic import write_json
from keeptune.store.hashing import hash_value
from keeptune.store.runs import CONFIG, read_json_object, read_settings
from keeptune.training.checkpoint import LoopState
from keeptune.training.defaults import default_epochs, default_lr
from keeptune.training.loop import Loop, Validate

DONE = "training.json"
WHOLE = "whole"
"""Folder in a run for weights at full strength, where the dial takes a share of them."""


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
    refuse_another(config, rows, run)
    done = run / DONE
    if done.exists() and saved_tuned(run) is not None:
        return _trained(run)
    if config.mend.dial != 1.0:
        whole = _whole(config, run, rows, encoder, metrics, observer, seconds)
        return _dial(config, whole, run)
    began = time.monotonic()
    full = isinstance(config.method, Full)
    loaded = load_model(config.model, train_weights=full)
    if loaded.found.adapter is not None:
        raise ConfigError(f"{config.model.name} is an adapter", "merge it into its base first, then tune that")
    if isinstance(config.method, Full):
        for parameter in loaded.model.parameters():
            parameter.requires_grad_(True)
    else:
        attach_adapter(loaded, config.method, config.training.seed)
    total = loaded.parameters
    config = _resolved(config, total, len(rows.train))
    tell_model(loaded, observer)
    keep_settings(config, run)
    train_rows = encode_train(encoder, rows.train, observer)
    loop = Loop(
        loaded,
        train_rows,
        config.training,
        run,
        _fingerprint(config, loaded, rows),
        observer,
    )
    if rows.validation:
        loop.validate = _validator(config, loaded, rows, encoder, metrics, loop)
    seconds["load"] = time.monotonic() - began
    state = loop()
    seconds["train"] = state.seconds
    save_tuned(loaded, run)
    summary = _summary(config, loaded, loop, state, rows, total)
    write_json(done, to_plain(summary))
    del loop, loaded
    gc.collect()
    return summary


def _trained(run: Path) -> TrainingSummary:
    return from_plain(TrainingSummary, json.loads((run / DONE).read_text(encoding="utf-8")))


def _whole(
    config: TuneConfig,
    run: Path,
    rows: Rows,
    encoder: Encoder,
    metrics: Metrics,
    observer: Observer,
    seconds: dict[str, float],
) -> Path:
    """The run whose weights are dialed: one beside this that was trained alike, or one that is trained here."""
    keep_settings(config, run)
    for other in sorted(run.parent.iterdir()):
        alike = other != run and (other / DONE).exists() and saved_tuned(other) is not None
        if alike and _made_of(other) == _made_of(run) and read_settings(other)["mend"]["dial"] == 1.0:
            observer(Notice("dial", f"the training of {other.name} is used again: only the dial differs"))
            return other
    whole = run / WHOLE
    whole.mkdir(exist_ok=True)
    undialed = dataclasses.replace(config, mend=dataclasses.replace(config.mend, dial=1.0))
    train(undialed, whole, rows, encoder, metrics, observer, seconds)
    return whole


def _made_of(run: Path) -> dict[str, Any]:
    return read_json_object(run / ROWS, "start a new run in another --output")


def _dial(config: TuneConfig, whole: Path, run: Path) -> TrainingSummary:
    tuned = saved_tuned(whole)
    if tuned is None:
        raise StoreError(f"{whole} holds no weights", "start a new run in another --output")
    lora = tuned.name == "adapter" and scales(read_json_object(tuned / "adapter_config.json", "train it again"))
    base = None if lora else load_model(config.model, train_weights=True)
    save_dialed(base, tuned, config.mend.dial, run / ("adapter" if lora else "model"))
    summary = _trained(whole)
    write_json(run / DONE, to_plain(summary))
    return summary


def _resolved(config: TuneConfig, parameters: int, examples: int) -> TuneConfig:
    training = config.training
    return dataclasses.replace(
        config,
        training=dataclasses.replace(
            training,
            lr=default_lr(config.method, parameters) if training.lr is None else training.lr,
            epochs=default_epochs(examples) if training.epochs is None else training.epochs,
        ),
    )


def keep_settings(config: TuneConfig, run: Path) -> None:
    """Write what the run is made of, once."""
    if not (run / CONFIG).exists():
        write_json(run / CONFIG, to_plain(dataclasses.replace(config, output=str(run), resume=False)))


def _fingerprint(config: TuneConfig, loaded: LoadedModel, rows: Rows) -> str:
    """What a checkpoint belongs to: the same weights come out only if all of this is the same."""
    training = dataclasses.replace(config.training, max_minutes=None, checkpoint_minutes=0.0)
    return hash_value(
        [
            to_plain(config.method),
            to_plain(training),
            loaded.hash,
            loaded.placement.device.type,
            loaded.placement.dtype_name,
            rows.hashes(),
            config.data.max_length,
            config.data.too_long,
            config.data.loss_on,
        ]
    )


def _validator(
    config: TuneConfig, loaded: LoadedModel, rows: Rows, encoder: Encoder, metrics: Metrics, loop: Loop
) -> Validate:
    validation = [encoder.scored_row(example, example.completion) for example in rows.validation]
    budget = config.training.token_budget
    asked = Questioning(encoder, new_tokens(config.evaluation, encoder, rows.train), config.evaluation.token_budget)

    def validate() -> tuple[float, Mapping[str, float]]:
        with loop.autocast():
            loss = mean_loss(loaded, validation, budget)
            if config.training.select_by == "loss":
                return loss, {"loss": loss}
            answers = answer_items(loaded, asked, rows.validation, metrics.metrics, silent, "validation")
        records = score_answers(rows.validation, answers, metrics.metrics)
        scores = corpus_scores(records, metrics.metrics)
        primary = scores.get(metrics.primary.name, loss)
        return (-primary if metrics.primary.higher_is_better else primary), {"loss": loss, **scores}

    return validate


def _summary(
    config: TuneConfig, loaded: LoadedModel, loop: Loop, state: LoopState, rows: Rows, total: int
) -> TrainingSummary:
    return TrainingSummary(
        method=config.method.kind,
        examples=len(loop.rows),
        validation_examples=len(rows.validation),
        epochs=state.step / loop.epoch_steps,
        steps=state.step,
        best_step=state.best_step or state.step,
        trainable_parameters=loaded.trainable,
        total_parameters=total,
        tokens=state.tokens,
        completion_tokens=state.completion_tokens,
        seconds=state.seconds,
        tokens_per_second=state.tokens / max(state.seconds, 1e-9),
        loss_curve=state.loss_curve,
        validation_curve=state.validation_curve,
        stopped_by="epochs" if state.step >= loop.steps else "max_minutes",
    )
