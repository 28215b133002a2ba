"""The text of an answer as it is written, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

HALF = "�"
"""What a tokenizer writes for a character whose last bytes are not there yet."""
LEAD = 8
"""Tokens of a prompt that are looked at for a whole character."""


class Written:
    """The tokens so far, and what of their text was told.

    What may yet change is held back: half a character, white space that may be the end, and what a stop may begin with.
    """

    def __init__(
        self, tokenizer: Any, stops: tuple[str, ...], before: Sequence[int] = (), *, streams: bool, trims: bool
    ) -> None:
        """
        Args:
            before: the prompt, where its text goes on: a first token alone would be written without its space.
            streams: text is told as it is made, not as a whole.
            trims: without white space around it, as answers are scored.
        """
        self._tokenizer = tokenizer
        self._stops = stops
        self._before = before
        self._streams = streams
        self._trims = trims
        self._ids: list[int] = []
        self._told = ""
        self._stopped: str | None = None
        """The text before the stop that came."""

    @property
    def tokens(self) -> int:
        """New tokens, the end token not counted."""
        return len(self._ids)

    def add(self, token: int) -> tuple[str, bool]:
        """The text that is new, and whether a stop has come."""
        self._ids.append(token)
        if not (self._streams or self._stops):
            return "", False
        text = self._text()
        first = min((at for at in map(text.find, self._stops) if at >= 0), default=-1)
        if first >= 0:
            self._stopped = text[:first]
            return "", True
        return (self._tell(text[: len(text) - self._unsure(text)]) if self._streams else ""), False

    def end(self) -> str:
        """The text that was not told yet."""
        text = self._text() if self._stopped is None else self._stopped
        return self._tell(text.rstrip() if self._trims else text)

    def _text(self) -> str:
        lead, shown = self._lead
        return self._decoded([*lead, *self._ids])[len(shown) :]

    @cached_property
    def _lead(self) -> tuple[Sequence[int], str]:
        """The fewest tokens at the end of the prompt that are whole characters, and these."""
        ends = [self._before[-n:] for n in range(1, min(LEAD, len(self._before)) + 1)]
        found = ((end, self._decoded(end)) for end in ends)
        return next(((end, text) for end, text in found if text and HALF not in text), ((), ""))

    def _decoded(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text

    def _tell(self, text: str) -> str:
        shown = text.lstrip() if self._trims else text
        new, self._told = shown[len(self._told) :], max(shown, self._told, key=len)
        return new

    def _unsure(self, text: str) -> int:
        """Characters at its end that may yet change."""
        sure = text.rstrip(HALF)
        begun = max((_begun(sure, stop) for stop in self._stops), default=0)
        sure = sure[: len(sure) - begun]
        return len(text) - len(sure.rstrip() if self._trims else sure)


def _begun(text: str, stop: str) -> int:
    """Length of the longest end of `text` that `stop` begins with."""
    return next((n for n in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:n])), 0)
