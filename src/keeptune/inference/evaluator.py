"""Asking a model about a run's items: the base once, from the cache after that; the tuned from its files."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.config.schema import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.data.task_metrics import Metrics
from keeptune.events import EvaluationDone, ModelLoaded, Notice, Observer
from keeptune.inference.answers import AnswerSettings, answer_items, corpus_scores, score_answers
from keeptune.inference.engine import ENGINES
from keeptune.inference.generate import set_aside
from keeptune.models.adapters import experts_left_out
from keeptune.models.computing import computing_key
from keeptune.models.find import find_model
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.memory import trim
from keeptune.models.placement import place
from keeptune.models.quantization import NONE
from keeptune.models.weights import cast_weights, fold_adapter
from keeptune.records import Answer, EvalRecord, Example
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.score_cache import keep_answers, read_answers, unfinished_answers

ANSWERS_VERSION = 2
"""Changes whenever the same model would answer the same items otherwise than before: kept answers are then left."""


@dataclass(slots=True)
class Evaluator:
    """Asks models the same items in the same way. At most one model is held at a time, loaded when needed."""

    encoder: Encoder
    metrics: Metrics
    max_new_tokens: int
    token_budget: int
    observer: Observer

    def evaluate(
        self, loaded: LoadedModel, items: Sequence[Example], asked: Sequence[Example], name: str, *, cache: bool
    ) -> list[EvalRecord]:
        """Records of `items`; the model is shown `asked`, the same items, with shots before them perhaps."""
        began = time.monotonic()
        key = hash_value(
            [
                ANSWERS_VERSION,
                loaded.hash,
                loaded.placement.device.type,
                loaded.placement.dtype_name,
                computing_key(loaded),
                [loaded.engine, ENGINES.origin(loaded.engine)],
                *([] if loaded.end_ids() == loaded.own_end_ids() else [loaded.end_ids()]),
                [(e.id, [(m.role, m.content) for m in e.prompt], e.completion, e.choices) for e in asked],
                sorted({metric.needs for metric in self.metrics.metrics}),
                self.max_new_tokens,
                self.token_budget,
                self.encoder.max_length,
            ]
        )
        answers: list[Answer] | None = read_answers(key, [e.id for e in asked], self.observer) if cache else None
        cached = answers is not None
        if answers is None:
            with unfinished_answers(key) as kept:
                answer_settings = AnswerSettings(self.encoder, self.max_new_tokens, self.token_budget, kept)
                answers = answer_items(loaded, answer_settings, asked, self.metrics.metrics, self.observer, name)
            trim()
        records = score_answers(items, answers, self.metrics.metrics)
        if cache and not cached:
            # After the scoring, which names the item where a likelihood is not finite.
            keep_answers(key, answers, self.observer)
        scores = corpus_scores(records, self.metrics.metrics)
        self.observer(EvaluationDone(name, len(records), time.monotonic() - began, scores, cached))
        return records

    def load(self, config: ModelConfig) -> LoadedModel:
        """A model as it is on disk, an adapter folded in where that can be done."""
        loaded = load_for_inference(config)
        tell_model(loaded, self.observer)
        unused = set_aside(loaded)
        if unused and any(metric.needs == "output" for metric in self.metrics.metrics):
            listed = ", ".join(f"{name}={value}" for name, value in unused.items())
            self.observer(Notice("generation", f"greedy decoding; the model's own {listed} not used"))
        return loaded


def load_for_inference(config: ModelConfig) -> LoadedModel:
    """Load; an adapter is folded in float32 and only then cast, so that small changes are not rounded away: in main
    memory, since a GPU may hold the cast weights alone. On a quantised base it stays beside it, as it was trained."""
    if find_model(config).adapter is None or config.quantization != NONE:
        loaded = load_model(config)
    else:
        placement = place(config.device, config.dtype)
        loaded = load_model(replace(config, device="cpu", dtype="float32"), train_weights=True)
        fold_adapter(loaded)
        cast_weights(loaded.model, placement.dtype)
        loaded.model.to(placement.device)
        loaded.placement = placement
    loaded.model.eval()
    gc.collect()
    return replace(loaded, engine=config.engine)


def tell_model(loaded: LoadedModel, observer: Observer) -> None:
    """Tell which model, where and in what numbers."""
    place = loaded.placement
    observer(
        ModelLoaded(
            loaded.found.name,
            loaded.parameters,
            loaded.trainable,
            str(place.device),
            _numbers(loaded),
            place.reason,
        )
    )


def _numbers(loaded: LoadedModel) -> str:
    computed, held = loaded.placement.dtype_name, loaded.quantization
    if held == NONE:
        return computed
    whole = experts_left_out(loaded)
    return f"{held}{f' but for {whole:,} weights of MoE experts' if whole else ''}, computed in {computed}"
