"""The rule for names of abilities and tasks, from the user, a recipe or a log."""

from __future__ import annotations

LONGEST = 100
RULE = "a name is one line of at most 100 letters, digits, spaces and punctuation, without / and \\, as ner or my-task"


def wrong_name(name: str) -> str:
    """Why `name` is not valid, as the end of a sentence; "" if it is valid."""
    if len(name) > LONGEST:
        return f"has {len(name)} letters"
    if not name.isprintable():
        return "holds a character that cannot be shown"
    if "/" in name or "\\" in name:
        return "contains a path separator"
    if name != name.strip() or not any(letter.isalnum() for letter in name):
        return "is no name"
    return ""
