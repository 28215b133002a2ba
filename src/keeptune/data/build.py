"""Build one Example from one raw row and a Mapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from string import ascii_uppercase
from typing import Any, TypeVar

from keeptune.data.detect import Mapping
from keeptune.data.field_names import SEVERAL_ANSWERS
from keeptune.data.formats.json_text import DECODER
from keeptune.data.template import Template
from keeptune.data.text_value import RowFault, as_filled_text, as_text, as_texts
from keeptune.data.turns import is_turns, read_turns, refuse_tools, split_last_answer
from keeptune.records import Example, Message

T = TypeVar("T")
MOST_CHARACTERS = 20_000_000
"""Maximum characters of a prompt or completion from a template."""


class _Reader:
    """Reads the parts of a row one by one and collects their faults."""

    def __init__(self, row: dict[str, Any], mapping: Mapping) -> None:
        self.row, self.mapping = row, mapping
        self.faults: list[RowFault] = []

    def part(self, read: Callable[[dict[str, Any], Mapping], T], default: T) -> T:
        """The result of `read`, or `default` if the row has a fault there."""
        try:
            return read(self.row, self.mapping)
        except RowFault as fault:
            self.faults.append(fault)
            return default

    def texts(self, name: str) -> tuple[str, ...]:
        """The optional list `name`; empty if the rows have none."""
        nothing: tuple[str, ...] = ()
        field = self.mapping.kept.get(name)
        return self.part(lambda row, _: as_texts(row.get(field), field), nothing) if field else nothing

    def label(self, name: str) -> str:
        """The optional text `name`; "" if the row has none."""
        field = self.mapping.kept.get(name)
        if field is None or self.row.get(field) is None:
            return ""
        return self.part(lambda row, _: as_text(row[field], field), "")


def build_example(
    row: dict[str, Any], mapping: Mapping, fallback_id: str, choices: Sequence[str], source: str
) -> Example | list[RowFault]:
    """The Example, or all faults of the row.

    `choices` are the classes that the file declares for the completion's field, used if the row has none.
    """
    reader = _Reader(row, mapping)
    prompt: tuple[Message, ...] = ()
    answers: tuple[str, ...] = ()
    if mapping.layout in ("messages", "conversations"):
        prompt, answers = reader.part(_conversation, (prompt, answers))
    else:
        prompt = reader.part(_prompt, prompt)
        answers = reader.part(_answers, answers)
    nothing: tuple[tuple[str, ...], dict[str, str]] = ((), {})
    allowed, named = reader.part(_choices, nothing)
    allowed = allowed or tuple(choices)
    if answers and answers[0] not in allowed and answers[0] in named:
        answers = (named[answers[0]],)
    references = tuple(dict.fromkeys((*answers, *reader.texts("references"))))
    names = {name: reader.label(name) for name in ("id", "group", "task")}
    if answers and allowed and answers[0] not in allowed:
        shown = ", ".join(allowed[:8]) + (" …" if len(allowed) > 8 else "")
        message = f'the completion "{_short(answers[0])}" is not one of its choices: {shown}'
        reader.faults.append(RowFault("not-a-choice", message, "write the completion exactly as in choices"))
    if reader.faults:
        return reader.faults
    return Example(
        id=names["id"] or fallback_id,
        prompt=prompt,
        completion=answers[0],
        references=references,
        choices=allowed,
        group=names["group"],
        task=names["task"],
        source=source,
    )


def with_system(example: Example, system: str | None) -> Example:
    """`example` with the setting's system message first; a row's own follows it in the same turn.

    Plain text has no turns and stays as it is.
    """
    if not system or not example.prompt:
        return example
    first, *others = example.prompt
    if first.role == "system":
        turns = (Message("system", f"{system}\n\n{first.content}"), *others)
    else:
        turns = (Message("system", system), first, *others)
    return replace(example, prompt=turns)


def _conversation(row: dict[str, Any], mapping: Mapping) -> tuple[tuple[Message, ...], tuple[str, ...]]:
    field = mapping.completion
    refuse_tools(row)
    turns, answer = split_last_answer(read_turns(row[field], field), field)
    return turns, (answer,)


def _prompt(row: dict[str, Any], mapping: Mapping) -> tuple[Message, ...]:
    if mapping.layout == "text":
        return ()
    if mapping.prompt_template is not None:
        text = _fill(mapping.prompt_template, row, "prompt")
        return (Message("user", text),)
    if len(mapping.prompt) == 1 and is_turns(row[mapping.prompt[0]]):
        refuse_tools(row)
        return read_turns(row[mapping.prompt[0]], mapping.prompt[0])
    parts = []
    for field in mapping.prompt:
        if field not in mapping.optional:
            parts.append(as_filled_text(row[field], field, "prompt"))
        elif row.get(field) is not None and (text := as_text(row[field], field)).strip():
            parts.append(text)
    return (Message("user", "\n\n".join(parts)),)


def _choices(row: dict[str, Any], mapping: Mapping) -> tuple[tuple[str, ...], dict[str, str]]:
    """The closed set, and name → member, as an answer may give it: the ``label`` beside each ``text`` (as ARC has
    them), or else A, B, C … (as MMLU)."""
    field = mapping.kept.get("choices")
    if field is None:
        return (), {}
    value, names = row.get(field), ascii_uppercase
    if isinstance(value, str):
        value = _listed(value, field)
    if isinstance(value, dict) and isinstance(value.get("text"), list) and isinstance(value.get("label"), list):
        value, names = value["text"], value["label"]
    texts = as_texts(value, field)
    return texts, {str(name): as_text(text, field) for name, text in zip(names, value or (), strict=False)}


def _listed(text: str, field: str) -> list[Any]:
    """The list in a cell of a table: JSON, or separated by ``|``, ``;`` or ``,``."""
    if text.lstrip().startswith("["):
        try:
            listed = DECODER.decode(text.strip())
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list):
            return listed
    for mark in "|;,":
        if len(parts := [part.strip() for part in text.split(mark) if part.strip()]) > 1:
            return list(parts)
    raise RowFault("wrong-type", f'"{field}" is text, not a list of texts', "write it as a list, or as a|b|c")


def _answers(row: dict[str, Any], mapping: Mapping) -> tuple[str, ...]:
    """The completion, then further accepted answers in the same field."""
    if mapping.completion_template is not None:
        return (_fill(mapping.completion_template, row, "completion"),)
    field = mapping.completion
    value = row[field]
    if is_turns(value):
        turns = read_turns(value, field)
        if len(turns) != 1 or turns[0].role != "assistant":
            fix = "move the others to the prompt"
            raise RowFault("wrong-type", f'"{field}" must be one assistant turn', fix)
        return (turns[0].content,)
    if isinstance(value, dict) and isinstance(value.get("text"), (list, tuple)):
        value = value["text"]
    elif field.lower() not in SEVERAL_ANSWERS or not isinstance(value, (list, tuple)):
        return (as_filled_text(value, field, "completion"),)
    if texts := as_texts(value, field):
        return texts
    message = f'"{field}" is an empty list: the completion would be empty'
    raise RowFault("empty-completion", message, "leave the row out, or write what should be answered")


def _fill(template: Template, row: dict[str, Any], part: str) -> str:
    values = {field: as_text(row[field], field) for field in template.fields}
    size = template.size(values)
    if size > MOST_CHARACTERS:
        message = f"the template makes a {part} of {size:,} characters, and the limit is {MOST_CHARACTERS:,}"
        raise RowFault("too-large", message, "shorten the template, or leave the row out")
    text = template.fill(values)
    empty = [field for field, value in values.items() if not value.strip()]
    if len(empty) < len(values) and text.strip():
        return text
    raise RowFault(f"empty-{part}", f"{' and '.join(empty)}: empty, and so is the {part}", "fill it in")


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"
