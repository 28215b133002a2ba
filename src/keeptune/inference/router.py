"""Base and tuned served together from one copy of the weights: each request says which of the two answers."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import Observer, silent
from keeptune.inference.encoding import make_encoder
from keeptune.inference.evaluator import tell_model
from keeptune.inference.generate import fitting_prompts, generate
from keeptune.inference.task_format import PLAIN, TaskFormat, as_trained, format_of
from keeptune.models.find import base_of_adapter
from keeptune.models.load import LoadedModel, load_model, with_tokenizer_of
from keeptune.records import Example
from keeptune.records.shown import Shown
from keeptune.workspace.lineage import of_run

Route = Literal["base", "tuned"]
ROOM = 256


@dataclass(frozen=True, slots=True, repr=False)
class Router(Shown):
    """A base with an adapter that is put on for the tuned task's requests alone: all others are answered as if nothing
    had been tuned, so nothing is forgotten."""

    encoders: Mapping[Route, Encoder]
    """Beside an adapter may lie a chat template of its own, by which the base is not asked."""
    loaded: LoadedModel
    bare: LoadedModel
    """The same weights with the base's own tokenizer: an adapter may bring another, by which answers end otherwise."""
    format: TaskFormat = PLAIN
    """How the tuned task's requests are asked; all others are asked as they are."""

    def _line(self) -> str:
        return f"{self.loaded.found.name} on {self.loaded.found.source}"

    def answer(self, prompts: Sequence[str], route: Route, max_new_tokens: int = ROOM) -> tuple[str, ...]:
        """Greedy answers of the base, or of the tuned model."""
        format = self.format if route == "tuned" else PLAIN
        examples = [Example(f"request-{n}", format.turns(text), "") for n, text in enumerate(prompts)]
        loaded = self.bare if route == "base" else self.loaded
        ids = fitting_prompts(loaded, self.encoders[route], examples, max_new_tokens, silent)
        with loaded.as_base() if route == "base" else contextlib.nullcontext():
            answers = generate(loaded, ids, max_new_tokens, token_budget=16384)
        return tuple(answer.text for answer in answers)


def load_router(model: ModelConfig, observer: Observer) -> Router:
    """Load an adapter, or the run of `tune` that made one, on its base.

    Raises:
        ConfigError: no adapter; full weights have no base within them.
    """
    model = of_run(model)
    loaded = load_model(model)
    if loaded.found.adapter is None:
        raise ConfigError(f"{model.name} is not an adapter", "tune with --method lora, or serve both models separately")
    loaded.refuse_changed_base()
    loaded.model.eval()
    tell_model(loaded, observer)
    base = base_of_adapter(model, loaded.found)
    encoders: dict[Route, Encoder] = {
        "base": make_encoder(base, DataConfig()),
        "tuned": make_encoder(model, DataConfig()),
    }
    bare = with_tokenizer_of(loaded, base)
    return Router(encoders, loaded, bare, format_of(as_trained(model, DataConfig(), observer)))
