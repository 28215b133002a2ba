"""The rule for names that the user, a recipe or a log gives to an ability or a task."""

from __future__ import annotations

LONGEST = 100
RULE = "a name is one line of at most 100 letters, digits, spaces and punctuation, without / and \\, as ner or my-task"


def wrong_name(name: str) -> str:
    """What is wrong with `name`, to go on after it; "" where it is one."""
    if len(name) > LONGEST:
        return f"has {len(name)} letters"
    if not name.isprintable():
        return "holds a character that cannot be shown"
    if "/" in name or "\\" in name:
        return "contains a path separator"
    if name != name.strip() or not any(letter.isalnum() for letter in name):
        return "is no name"
    return ""
