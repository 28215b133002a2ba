"""Reasons told once, below the table that refers to them."""

from __future__ import annotations


class Footnotes:
    """Numbers each reason when it is first met."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def number(self, reason: str) -> int:
        """From 1; the same for the same reason."""
        if reason not in self.reasons:
            self.reasons.append(reason)
        return self.reasons.index(reason) + 1
