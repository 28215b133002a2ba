"""A TaskFormat: how the rows of a task become prompts. A run keeps it beside its weights, so that the tuned model is
asked as it was trained wherever the weights go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from keeptune.config.schema import DataConfig, ModelConfig
from keeptune.data.labels import written
from keeptune.data.task_rows import Rows
from keeptune.data.template import Template, field_names, parse_template
from keeptune.errors import ConfigError, KeeptuneError
from keeptune.events import Notice, Observer
from keeptune.models.find import find_model
from keeptune.near_paths import expanded
from keeptune.records import Message
from keeptune.records.masked import has_secret, masked_text
from keeptune.workspace.lineage import is_adapter, task_format_of
from keeptune.workspace.workspace import Workspace

SHOWN = 60
"""Characters of a template or a system message that a line shows."""


@dataclass(frozen=True, slots=True)
class TaskFormat:
    """The settings of `DataConfig` by which a row becomes a prompt. None: not set, found from the rows."""

    prompt: str | None = None
    completion: str | None = None
    system: str | None = None
    choices: str | None = None

    def __str__(self) -> str:
        """Every setting, as flags name it: ``--prompt 'Summarize: {dialogue}', --completion summary``."""
        told = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return ", ".join(f"{name} {_shortened(masked_text(value))!r}" for name, value in told if value is not None)

    def turns(self, text: str) -> tuple[Message, ...]:
        """The turns that ask `text` alone: the system message, and the template where it has one field for it."""
        template = self._template
        if template and len(template.fields) == 1:
            text = template.fill({template.fields[0]: text})
        return (*self._system, Message("user", text))

    @property
    def is_known(self) -> bool:
        """Whether a request in this form can be told from others: by the system message or the template's own words."""
        return bool(self.system) or self._has_words

    def is_of(self, turns: Sequence[Message]) -> bool:
        """Whether a request is in this form: one user message that the template could have made, after the system
        message. That may be left out where the template has words of its own."""
        *before, last = turns
        template, system = self._template, tuple(before)
        fits = not (template and template.has_words) or template.fits(last.content)
        return last.role == "user" and fits and (system == self._system or (not system and self._has_words))

    def opening(self, turns: Sequence[Message]) -> tuple[Message, ...]:
        """The turns of a conversation, whose first words are put into this form unless they are in it; one with a
        system message of its own is left as it is."""
        first, *rest = turns
        if first.role != "user":
            return tuple(turns)
        in_form = self._has_words and self.is_of((first,))
        return (*((*self._system, first) if in_form else self.turns(first.content)), *rest)

    @property
    def _system(self) -> tuple[Message, ...]:
        return (Message("system", self.system),) if self.system else ()

    @property
    def _template(self) -> Template | None:
        """None where `prompt` is a field's name."""
        names = field_names(self.prompt) if self.prompt else ()
        return parse_template(self.prompt, names, "--prompt") if self.prompt and names else None

    @property
    def _has_words(self) -> bool:
        template = self._template
        return template is not None and template.has_words


PLAIN = TaskFormat()


def keep_format(data: DataConfig, run: Workspace) -> None:
    """Write the format of these settings beside the weights that `run` holds. One that holds a secret stays in the
    run's own settings: what lies beside weights is passed on."""
    kept = format_of(data)
    if kept != PLAIN and not has_secret(kept):
        run.write_task_format({field.name: getattr(kept, field.name) for field in fields(kept)})


def as_found(data: DataConfig, rows: Rows) -> DataConfig:
    """`data`, with the labels that were found in the rows: what is asked later has the same."""
    return replace(data, choices=written(rows.labels)) if rows.labels else data


def format_of(data: DataConfig) -> TaskFormat:
    """The format that settings name."""
    return TaskFormat(**{field.name: getattr(data, field.name) for field in fields(TaskFormat)})


def as_trained(model: ModelConfig, data: DataConfig, observer: Observer) -> DataConfig:
    """`data`; what it leaves open of the format is as `model` was trained with, and told.

    Args:
        model: weights, or a run (see `of_run`); a model that no run made has no format.
    """
    found = _kept_with(model)
    if found is None:
        return data
    kept, file = found
    names = [field.name for field in fields(kept)]
    taken = {name: getattr(kept, name) for name in names if getattr(data, name) is None and getattr(kept, name)}
    if not taken:
        return data
    observer(
        Notice("format", f"prompted as it was trained, with {TaskFormat(**taken)} (from {file}); flags override it")
    )
    return replace(data, **taken)


def _kept_with(model: ModelConfig) -> tuple[TaskFormat, Path] | None:
    """(format, file that holds it) of these weights: beside them, or in the settings of the run around them."""
    weights = _weights(model)
    if weights is None:
        return None
    found = task_format_of(weights)
    return (_read(*found), found[1]) if found else None


def _weights(model: ModelConfig) -> Path | None:
    path = expanded(model.name)
    if path.is_dir() and (tuned := Workspace(path).weights) and not is_adapter(path):
        return tuned
    try:
        found = find_model(model)
    except KeeptuneError:
        # Loading it says why.
        return None
    return Path(found.adapter) if found.adapter else Path(found.source) if found.local else None


def _read(plain: dict[str, object], file: Path) -> TaskFormat:
    values: dict[str, str | None] = {}
    for field in fields(TaskFormat):
        value = plain.get(field.name)
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"{file}: {field.name} is {value!r}, not a text", "correct it, or delete the file")
        values[field.name] = value
    return TaskFormat(**values)


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
