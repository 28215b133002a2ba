"""Common field names of data sets and their meaning."""

from __future__ import annotations

from keeptune.records import Role

PROMPTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("prompt", ("completion", "response", "answer", "answers", "output", "references")),
    ("instruction", ("output", "response", "completion", "answer")),
    ("question", ("answer", "answers", "response", "output", "completion")),
    ("query", ("response", "answer", "answers", "output", "completion")),
    ("input", ("output", "completion", "response", "answer", "target")),
    ("input", ("label_text", "label")),
    ("source", ("target",)),
    ("source", ("summary",)),
    ("dialogue", ("summary",)),
    ("dialog", ("summary",)),
    ("document", ("summary",)),
    ("article", ("highlights", "summary")),
    ("article", ("label_text", "label")),
    ("passage", ("summary",)),
    ("text", ("summary",)),
    ("text", ("label_text", "label")),
    ("text", ("target",)),
    ("sentence", ("label_text", "label")),
    ("sentence", ("corrections", "correction")),
    ("code", ("docstring", "summary")),
    ("meaning_representation", ("human_reference",)),
)
"""(prompt field, completion fields that mean the same, preferred first): a line is a reading."""

CONTEXTS = {"question": ("context", "passage"), "instruction": ("input", "context")}
"""Prompt field → fields that are put with it: the passage before a question, the input after an instruction."""

SEVERAL_ANSWERS = frozenset({"answers", "references", "corrections"})
"""Completion fields that may hold a list: the first entry is learned, all are accepted."""

KEPT = ("id", "references", "choices", "group", "task")
"""Optional fields that are kept beside prompt and completion."""

ROLES: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bot": "assistant",
}
"""Names of a turn's speaker, and the role that each is."""
