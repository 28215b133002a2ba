"""Footnotes: each reason once, below the table that refers to it."""

from __future__ import annotations


class Footnotes:
    """Numbers reasons in the order of their first use."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def number(self, reason: str) -> int:
        """The number of `reason`, from 1."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        return self.reasons.index(reason) + 1
