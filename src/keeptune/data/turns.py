"""Conversations: lists of turns, `messages` (role, content) or sharegpt's `conversations` (from, value)."""

from __future__ import annotations

from typing import Any, NoReturn

from keeptune.data.field_names import ROLES
from keeptune.data.formats.json_text import kind_of
from keeptune.data.text_value import RowFault, as_filled_text
from keeptune.near_names import did_you_mean_quoted
from keeptune.records import Message

TOOLS = ("tools", "functions")
"""Fields of a row that offer tools to the model."""
CALLS = ("tool_calls", "function_call")
"""Fields of a turn that call one."""
TOOL_ROLES = frozenset({"tool", "function", "observation", "function_call", "tool_call", "ipython"})
"""Speakers that are no part of a conversation of texts."""


def read_turns(value: Any, field: str) -> tuple[Message, ...]:
    """Every turn as a Message.

    Raises:
        RowFault: no list of turns, an unknown role, an empty turn, or a system turn that is not the first.
    """
    if not isinstance(value, (list, tuple)):
        raise RowFault("wrong-type", f'"{field}" is {kind_of(value)}, not a list of turns', "write it as a list")
    if not value:
        raise RowFault("no-turns", f'"{field}" is an empty list', "leave the row out")
    turns = tuple(_read_turn(turn, f"{field}[{place}]") for place, turn in enumerate(value))
    for place, turn in enumerate(turns):
        if turn.role == "system" and place > 0:
            raise RowFault("system-not-first", f"{field}[{place}] is a system turn", "put the system turn first")
    return turns


def split_last_answer(turns: tuple[Message, ...], field: str) -> tuple[tuple[Message, ...], str]:
    """The turns before the last answer, and that answer.

    Raises:
        RowFault: no answer, turns after the last answer, or nothing that is answered.
    """
    roles = [turn.role for turn in turns]
    if "assistant" not in roles:
        raise RowFault("no-assistant", f'"{field}" has no assistant turn to learn', "add the answer as the last turn")
    if roles[-1] != "assistant":
        message = f'"{field}" ends with a {roles[-1]} turn'
        raise RowFault("assistant-not-last", message, "end it with the assistant's answer, or cut what follows it")
    if "user" not in roles:
        raise RowFault("empty-prompt", f'"{field}" has no user turn before the answer', "add the turn that it answers")
    return turns[:-1], turns[-1].content


def is_turns(value: Any) -> bool:
    """Whether a prompt or completion is written as turns rather than as text."""
    return isinstance(value, (list, tuple)) and bool(value) and all(isinstance(turn, dict) for turn in value)


def refuse_tools(row: dict[str, Any]) -> None:
    """Rows that offer or call tools are for the chat template of one model, and their calls are no text.

    Raises:
        RowFault: the row has a field of tools that is not empty.
    """
    for field in TOOLS:
        if row.get(field):
            _refuse(f'"{field}"', "offers tools")


def _refuse(what: str, does: str) -> NoReturn:
    message = f"the row {does} ({what}), which keeptune does not train or score: answers are text here"
    fix = "write the call as text into content, or leave such rows out, as --skip-bad does"
    raise RowFault("tools", message, fix)


def _read_turn(turn: Any, place: str) -> Message:
    if not isinstance(turn, dict):
        fix = 'write each turn as {"role": "user", "content": …}'
        raise RowFault("wrong-type", f"{place} is {kind_of(turn)}, not an object", fix)
    for field in CALLS:
        if turn.get(field):
            _refuse(f"{place}.{field}", "calls tools")
    said = turn.get("role", turn.get("from"))
    if isinstance(said, str) and said.casefold() in TOOL_ROLES:
        _refuse(f'{place} has the role "{said}"', "holds a tool's result")
    speaker_key = "role" if "role" in turn else "from"
    text_key = "content" if "content" in turn else "value"
    for key, names in ((speaker_key, '"role"'), (text_key, '"content"')):
        if key not in turn:
            raise RowFault("missing-field", f"{place} has no {names}", 'a turn needs "role" and "content"')
    speaker = turn[speaker_key]
    role = ROLES.get(speaker.lower()) if isinstance(speaker, str) else None
    if role is None:
        hint = did_you_mean_quoted(speaker, ROLES) if isinstance(speaker, str) else ""
        raise RowFault("unknown-role", f"{place} has the role {speaker!r}{hint}", "use system, user or assistant")
    content = _join_parts(turn[text_key])
    part = "completion" if role == "assistant" else "prompt"
    return Message(role, as_filled_text(content, f"{place}.{text_key}", part))


def _join_parts(content: Any) -> Any:
    """Content written as a list of text parts, joined; anything else as it is."""
    if is_turns(content) and all(part.get("type") == "text" for part in content):
        texts = [part.get("text") for part in content]
        if all(isinstance(text, str) for text in texts):
            return "".join(texts)
    return content
