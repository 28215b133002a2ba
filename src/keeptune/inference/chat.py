"""A conversation with base and tuned side by side, each with its own turns."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.data.encode import Encoder
from keeptune.data.template import field_names
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer, silent
from keeptune.inference.encoding import make_encoder
from keeptune.inference.evaluator import load_for_inference, tell_model
from keeptune.inference.generate import fitting_prompts, generate
from keeptune.inference.task_format import PLAIN, TaskFormat, as_trained, format_of
from keeptune.models.find import base_of_adapter
from keeptune.models.load import LoadedModel
from keeptune.records import Example, Message
from keeptune.records.shown import Shown
from keeptune.workspace.lineage import base_of, of_run

REPLY_TOKENS = 256


@dataclass(slots=True, repr=False)
class Chat(Shown):
    """An open conversation with one model or two."""

    models: dict[str, LoadedModel]
    encoders: dict[str, Encoder]
    """Beside an adapter may lie a chat template of its own, by which the base is not asked."""
    format: TaskFormat = PLAIN
    """How the first turn of each conversation is asked, of both."""
    _turns: dict[str, tuple[Message, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.forget()

    def _line(self) -> str:
        told = (f"{name}: {loaded.found.name}" for name, loaded in self.models.items())
        return f"{', '.join(told)}, {len(next(iter(self._turns.values())))} turns"

    @property
    def names(self) -> tuple[str, ...]:
        """``("base", "tuned")``, or ``("model",)``."""
        return tuple(self.models)

    def forget(self) -> None:
        """Start the conversation anew."""
        self._turns = dict.fromkeys(self.models, ())

    def reply(self, text: str) -> tuple[str, ...]:
        """Each model's answer, in the order of `names`; each sees only its own earlier answers. One that is stopped
        leaves the conversation as it was."""
        replies, said = [], {}
        for name, loaded in self.models.items():
            turns = self._turns[name]
            turns = (*turns, Message("user", text)) if turns else self.format.turns(text)
            room = min(REPLY_TOKENS, loaded.context_length // 2)
            ids = fitting_prompts(loaded, self.encoders[name], [Example("chat", turns, "")], room, silent)
            answer = generate(loaded, ids, room, token_budget=1 << 30)[0].text
            said[name] = (*turns, Message("assistant", answer))
            replies.append(answer)
        self._turns = said
        return tuple(replies)


def begin_chat(model: ModelConfig, data: DataConfig, observer: Observer) -> Chat:
    """Load `model`; where it is an adapter, or the folder of a run, its base beside it.

    Args:
        data: its prompt template and system message, where they are not to be those that the model was trained with.
    """
    named, model = model, of_run(model)
    format = format_of(as_trained(model, data, observer))
    if format.prompt and len(field_names(format.prompt)) > 1:
        observer(Notice("format", "the prompt template has more than one field: your text is used as the whole prompt"))
    encoder = make_encoder(model, DataConfig())
    tuned = load_for_inference(model)
    tell_model(tuned, observer)
    if tuned.found.adapter is not None:
        bare = base_of_adapter(model, tuned.found)
    elif named != model:
        try:
            bare = of_run(dataclasses.replace(model, name=base_of(named.name)))
        except ConfigError as error:
            observer(Notice("base", f"the tuned model answers alone: {error.message}"))
            return Chat({"model": tuned}, {"model": encoder}, format)
    else:
        return Chat({"model": tuned}, {"model": encoder}, format)
    encoders = {"base": make_encoder(bare, DataConfig()), "tuned": encoder}
    return Chat({"base": load_for_inference(bare), "tuned": tuned}, encoders, format)
