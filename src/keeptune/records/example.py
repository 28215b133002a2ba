"""An Example: one row of the user's data, in the one form that everything downstream reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """A prompt and the completion that should follow it."""

    id: str
    """Unique within its file; pairing is by this."""
    prompt: tuple[Message, ...]
    """The turns before the answer. Empty for plain text (language modelling)."""
    completion: str
    """The answer to learn; the first reference where there are several."""
    references: tuple[str, ...] = ()
    """Every accepted answer, `completion` among them; at least one for a scored item."""
    choices: tuple[str, ...] = ()
    """The closed set of answers, where there is one."""
    group: str = ""
    """Items of one group (variants of one problem, functions of one package) never fall on both sides of a
    split, and are one cluster in every interval. Empty means that the item is its own group."""
    task: str = ""
    source: str = ""
    """``file:line`` that the row came from, for messages."""

    @property
    def cluster(self) -> str:
        """The group, or the id where the item stands alone."""
        return self.group or self.id

    @property
    def place(self) -> tuple[str, int | None]:
        """File and line, for messages; the id where the row is from no file."""
        return place_of(self.source) if self.source else (self.id, None)

    @property
    def prompt_text(self) -> str:
        """The prompt as plain text: the contents of its turns, a blank line between them."""
        return "\n\n".join(message.content for message in self.prompt)


def place_of(source: str) -> tuple[str, int | None]:
    """File and line of a ``file:line``; all of it and None where it is none."""
    file, _, line = source.rpartition(":")
    return (file, int(line)) if file and line.isdigit() else (source, None)
