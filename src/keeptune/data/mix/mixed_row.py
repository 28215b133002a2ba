"""One row of ``mix.jsonl``: prompt and completion, or messages, with its source."""

from __future__ import annotations

from typing import Any

from keeptune.records import Example, Message

Row = dict[str, Any]


def needs_messages(example: Example) -> bool:
    """Whether more than one user turn comes before the answer, so that a prompt of one text cannot hold it."""
    return len(example.prompt) > 1 or (bool(example.prompt) and example.prompt[0].role != "user")


def to_row(example: Example, name: str, line: int) -> Row:
    """`example` of the source `name`: as ``prompt`` and ``completion``, or as ``messages`` where it needs them.

    Ids and groups of two sources cannot clash.
    """
    row: Row = {"id": f"{name}/{line}", "source": name}
    if needs_messages(example):
        row["messages"] = [{"role": turn.role, "content": turn.content} for turn in example.prompt]
        row["messages"].append({"role": "assistant", "content": example.completion})
    else:
        row |= {"prompt": example.prompt_text, "completion": example.completion}
    if example.references != (example.completion,):
        row["references"] = example.references
    if example.choices:
        row["choices"] = example.choices
    if example.group:
        row["group"] = f"{name}/{example.group}"
    if example.task:
        row["task"] = example.task
    return row


def as_messages(row: Row) -> Row:
    """The same row with ``messages``, for a mix where some rows need them: all rows of a file have one layout."""
    if "messages" in row:
        return row
    asked = [{"role": "user", "content": row["prompt"]}] if row["prompt"] else []
    answer = {"role": "assistant", "content": row["completion"]}
    others = {name: value for name, value in row.items() if name not in ("id", "source", "prompt", "completion")}
    return {"id": row["id"], "source": row["source"], "messages": [*asked, answer], **others}


def to_example(row: Row, source: str = "") -> Example:
    """The Example of a row in either form; `source` is its ``file:line``.

    Raises:
        KeyError: the row is not from a mix.
    """
    *asked, answer = as_messages(row)["messages"]
    completion = answer["content"]
    return Example(
        id=row["id"],
        prompt=tuple(Message(turn["role"], turn["content"]) for turn in asked),
        completion=completion,
        references=tuple(row.get("references", (completion,))),
        choices=tuple(row.get("choices", ())),
        group=row.get("group", ""),
        task=str(row.get("task", row["source"])),
        source=source,
    )
