"""Find the fields for prompt and completion, from their names or from the user's settings."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from keeptune.commands import options
from keeptune.config.schema import DataConfig
from keeptune.data.field_names import CONTEXTS, KEPT, PROMPTS
from keeptune.data.labels import AUTO, NONE, named_labels
from keeptune.data.template import Template, field_or_template
from keeptune.errors import DataError
from keeptune.near_names import did_you_mean_quoted

Layout = Literal["pair", "messages", "conversations", "text", "template"]


@dataclass(frozen=True, slots=True)
class Mapping:
    """How the fields of a row are read."""

    layout: Layout
    prompt: tuple[str, ...] = ()
    """Fields joined in order, with a blank line between them; an optional one may be empty."""
    optional: frozenset[str] = frozenset()
    completion: str = ""
    prompt_template: Template | None = None
    completion_template: Template | None = None
    kept: Map[str, str] = field(default_factory=dict)
    """Optional part (id, references, choices, group, task) → its field."""

    @property
    def needed(self) -> frozenset[str]:
        """The fields that every row must have."""
        fields = {*self.prompt, self.completion} - self.optional - {""}
        for template in (self.prompt_template, self.completion_template):
            fields |= set(template.fields if template else ())
        return frozenset(fields)

    def __str__(self) -> str:
        """One sentence: ``prompt ← dialogue, completion ← summary``."""
        if self.layout == "text":
            sentence = f"completion ← {self.completion}, no prompt (plain text)"
        elif self.layout in ("messages", "conversations"):
            turns = f"{self.completion} before the last answer"
            sentence = f"prompt ← {turns}, completion ← the last answer of {self.completion}"
        else:
            prompt = " + ".join(self.prompt) or _describe(self.prompt_template)
            completion = self.completion or _describe(self.completion_template)
            sentence = f"prompt ← {prompt}, completion ← {completion}"
        kept = [part if part == name else f"{part} ← {name}" for part, name in self.kept.items()]
        return sentence + (f"; kept: {', '.join(kept)}" if kept else "")


def detect(fields: Sequence[str], config: DataConfig, where: str, every: Sequence[str] | None = None) -> Mapping:
    """The Mapping for rows with `fields`; `config.prompt` and `config.completion` go before the names.

    `every` names the fields that any row has: what is optional may be absent from most rows.

    Raises:
        DataError: the field names are unknown or ambiguous. The message names them and a way out.
    """
    every = fields if every is None else every
    told = bool(config.prompt or config.completion)
    mapping = _told(every, config, where) if told else _found(fields, every, where)
    used = {*mapping.prompt, mapping.completion}
    kept = {part: part for part in KEPT if part in every and part not in used}
    if config.group:
        if config.group not in every:
            message = f'{where}: the rows have no field "{config.group}"{did_you_mean_quoted(config.group, every)}'
            raise DataError(message, f"--group takes one of {', '.join(every)}")
        kept["group"] = config.group
    if config.choices not in (None, AUTO):
        kept.pop("choices", None)
        if not named_labels(str(config.choices)) and config.choices not in (NONE, mapping.completion):
            if config.choices not in every:
                message = (
                    f'{where}: the rows have no field "{config.choices}"{did_you_mean_quoted(config.choices, every)}'
                )
                fix = f"--choices takes a list such as yes,no; none; or one of {', '.join(every)}"
                raise DataError(message, fix)
            kept["choices"] = str(config.choices)
    return replace(mapping, kept=kept)


def _found(fields: Sequence[str], every: Sequence[str], where: str) -> Mapping:
    names = {name.lower(): name for name in reversed(fields)}
    if "prompt" in names and "completion" in names:
        return Mapping("pair", (names["prompt"],), completion=names["completion"])
    for layout in ("messages", "conversations"):
        if layout in names:
            return Mapping(layout, completion=names[layout])
    readings = pair_readings(fields, every)
    with_instruction = [reading for reading in readings if reading.prompt[0].lower() == "instruction"]
    asked = ("question", "query", "prompt")
    beside = [reading for reading in readings if reading.prompt[-1].lower() in asked]
    if len(readings) > 1 and (beside or not with_instruction):
        shown = "; or ".join(str(reading) for reading in readings)
        raise DataError(f"{where}: the fields are ambiguous: {shown}", _way_out(readings[0]))
    if readings:
        return (with_instruction or readings)[0]
    if "text" in names:
        return Mapping("text", completion=names["text"])
    raise _unknown(fields, where)


def pair_readings(fields: Sequence[str], every: Sequence[str]) -> list[Mapping]:
    """All ways to read the fields as a prompt and a completion by their names."""
    names = {name.lower(): name for name in reversed(fields)}
    optional = {name.lower(): name for name in reversed(every)}
    readings: list[Mapping] = []
    for prompt, completions in PROMPTS:
        completion = next((names[name] for name in completions if name in names), None)
        if prompt not in names or completion is None:
            continue
        context = [optional[name] for name in CONTEXTS.get(prompt, ()) if name in optional][:1]
        parts = [names[prompt], *context] if prompt == "instruction" else [*context, names[prompt]]
        readings.append(Mapping("pair", tuple(parts), frozenset(context), completion))
    return readings


def _told(fields: Sequence[str], config: DataConfig, where: str) -> Mapping:
    prompt = answer = None
    if config.prompt:
        prompt = field_or_template(config.prompt, fields, f"{where}: --prompt")
    if config.completion:
        answer = field_or_template(config.completion, fields, f"{where}: --completion")
    field_of_prompt = field_of_answer = ""
    if answer is None:
        names = {name for _, answers in PROMPTS for name in answers} - {"references"}
        way_out = "say which field is the answer: --completion FIELD"
        field_of_answer = _other_half(fields, names, prompt, "answer", where, way_out)
    elif answer.parts == ((True, answer.fields[0]),):
        field_of_answer, answer = answer.fields[0], None
    if prompt is None:
        names = {name for name, _ in PROMPTS}
        used = answer or Template(((True, field_of_answer),))
        way_out = '--prompt "Summarize: {field}" sets the prompt'
        field_of_prompt = _other_half(fields, names, used, "prompt", where, way_out)
    context = [name for name in fields if name.lower() in CONTEXTS.get(field_of_prompt.lower(), ())][:1]
    context = [name for name in context if name not in (field_of_answer, *(answer.fields if answer else ()))]
    parts = [field_of_prompt, *context] if field_of_prompt.lower() == "instruction" else [*context, field_of_prompt]
    return Mapping(
        "template",
        tuple(part for part in parts if part),
        frozenset(context),
        completion=field_of_answer,
        prompt_template=prompt,
        completion_template=answer,
    )


def _other_half(
    fields: Sequence[str], names: set[str], told: Template | None, part: str, where: str, way_out: str
) -> str:
    """The only field with a known name that the given half does not use."""
    used = told.fields if told else ()
    found = [name for name in fields if name.lower() in names and name not in used]
    if len(found) == 1:
        return found[0]
    what = f"more than one field may be the {part}: {', '.join(found)}" if found else _listed(fields)
    raise DataError(f"{where}: {what}", way_out)


def _unknown(fields: Sequence[str], where: str) -> DataError:
    known = {name for prompt, answers in PROMPTS for name in (prompt, *answers)} | {
        "messages",
        "conversations",
    }
    hints = [f'"{name}"{hint}' for name in fields if name not in known and (hint := did_you_mean_quoted(name, known))]
    message = f"{where}: which fields are prompt and completion? {_listed(fields)}"
    if hints:
        message += f"; {', '.join(hints)}"
    others = [name for name in fields if name.strip() and name.lower() not in KEPT]
    if len(others) < 2:
        return DataError(message, "each row needs a prompt and its answer, or plain text in a field named text")
    way_out = options("tune", prompt=field_template(others[0], "Summarize: "), completion=others[-1])
    return DataError(message, f"say it: {way_out}")


def _way_out(reading: Mapping) -> str:
    return f"say which: {options('tune', prompt=field_template(reading.prompt[-1]), completion=reading.completion)}"


def field_template(field: str, before: str = "") -> str:
    """A template of one field; the bare name if it contains braces."""
    return field if {"{", "}"} & set(field) or field != field.strip() else f"{before}{{{field}}}"


def _listed(fields: Sequence[str]) -> str:
    return f"the fields are {', '.join(fields)}" if fields else "the rows have no fields"


def _describe(template: Template | None) -> str:
    text = "".join(f"{{{part}}}" if is_field else part for is_field, part in (template.parts if template else ()))
    text = " ".join(text.split())
    return f'"{text if len(text) <= 60 else text[:57] + "…"}"'
