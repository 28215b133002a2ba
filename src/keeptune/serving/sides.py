"""Base and tuned, ready to be asked: from one copy of the weights where the tuned one is an adapter."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.events import Notice, Observer
from keeptune.inference.encoding import NEW_TOKENS, make_encoder
from keeptune.inference.evaluator import load_for_inference, tell_model
from keeptune.inference.generate import set_aside
from keeptune.inference.router import Route
from keeptune.inference.task_format import PLAIN, TaskFormat, as_trained, format_of
from keeptune.models.find import base_of_adapter, find_model
from keeptune.models.load import LoadedModel, load_model, with_tokenizer_of
from keeptune.records import Example, Message
from keeptune.serving.asked import Asked
from keeptune.serving.refused import Refused
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.lineage import base_of, of_run

NO_LIMIT = 1 << 30
"""The context of a model that has any number of positions."""
TOO_LONG = "context_length_exceeded"


@dataclass(frozen=True, slots=True)
class Side:
    """The base or the tuned model."""

    name: Route
    loaded: LoadedModel
    encoder: Encoder
    format: TaskFormat = PLAIN
    """How the trained task's rows became prompts."""
    bare: bool = False
    """The weights have an adapter, which is not the base's."""

    def as_asked(self) -> AbstractContextManager[None]:
        """In the block, the weights are this side's."""
        return self.loaded.as_base() if self.bare else contextlib.nullcontext()

    @property
    def fingerprint(self) -> str:
        """Of the weights that answer."""
        return f"fp_{hash_value(self.loaded.hash)[:12]}{'_base' if self.bare else ''}"

    @property
    def positions(self) -> int:
        """Tokens of a prompt and its answer, at most."""
        context = self.loaded.context_length
        return 2 * self.encoder.max_length if context >= NO_LIMIT else context - self.loaded.soft_prompt

    def prompt(self, asked: Asked) -> tuple[tuple[int, ...], int]:
        """The ids of a request's prompt, and the new tokens that its answer may have.

        Raises:
            Refused: it is empty, or longer than the model allows.
        """
        if isinstance(asked.prompt, str):
            ids = self.encoder.text(asked.prompt)
        else:
            turns: tuple[Message, ...] = self.format.opening(asked.prompt)
            ids, _ = self.encoder.prompt(Example("the request", turns, ""), limit=1 << 40)
        if not ids:
            raise Refused(400, "the prompt has no tokens", param=_param(asked))
        limit, positions = self.encoder.max_length, self.positions
        if len(ids) > limit:
            told = f"the prompt has {len(ids)} tokens, the limit is {limit}"
            raise Refused(400, f"{told}; the server's --max-length sets it", param=_param(asked), code=TOO_LONG)
        room = asked.max_tokens or min(NEW_TOKENS[1], positions // 2, max(positions - len(ids), 1))
        if len(ids) + room > positions:
            told = f"the prompt has {len(ids)} tokens and the answer may have {room}"
            raise Refused(400, f"{told}: the limit of both is {positions}", param=_param(asked), code=TOO_LONG)
        return ids, room


def load_sides(
    model: ModelConfig, base: str | None, data: DataConfig, observer: Observer, *, folded: bool
) -> Mapping[str, Side]:
    """Load what `model` names, a run, an adapter or full weights, and its base.

    Args:
        base: the base's name, where the tuned model does not name it itself.
        data: the prompt template and the system message, where they are not to be those that the model was trained
            with, and the longest prompt.

    Raises:
        ConfigError: no base is known.
    """
    named, model = model, of_run(model)
    found = find_model(model)
    lengths = DataConfig(max_length=data.max_length)
    format = format_of(as_trained(model, data, observer))
    if found.adapter is not None and base is None:
        bare = base_of_adapter(model, found)
    else:
        bare = replace(of_run(replace(model, name=base or base_of(named.name))), revision=None)
    encoders = make_encoder(bare, lengths), make_encoder(model, lengths)
    if found.adapter is not None and base is None and not folded:
        loaded = load_model(model)
        if not loaded.changed_base:
            tell_model(loaded, observer)
            _tell_set_aside(loaded, observer)
            return {
                "base": Side("base", with_tokenizer_of(loaded, bare), encoders[0], bare=True),
                "tuned": Side("tuned", loaded, encoders[1], format),
            }
        observer(Notice("base", "the adapter changes weights of its base, so base and tuned are loaded apart"))
        del loaded
    two = []
    for each in (bare, model):
        loaded = load_for_inference(each)
        tell_model(loaded, observer)
        two.append(loaded)
    _tell_set_aside(two[1], observer)
    return {"base": Side("base", two[0], encoders[0]), "tuned": Side("tuned", two[1], encoders[1], format)}


def _tell_set_aside(loaded: LoadedModel, observer: Observer) -> None:
    if unused := set_aside(loaded):
        listed = ", ".join(f"{name}={value}" for name, value in unused.items())
        observer(
            Notice(
                "generation", f"answers are greedy unless a request asks otherwise; the model's own {listed} not used"
            )
        )


def _param(asked: Asked) -> str:
    return "prompt" if isinstance(asked.prompt, str) else "messages"
