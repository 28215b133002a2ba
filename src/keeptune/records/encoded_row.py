"""An EncodedRow: one row as token ids, with the tokens to learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RowRole = Literal["task", "replay", "base"]
"""What a row is in a training: the task's own, an old task's that is replayed, or the base's text for KL alone."""


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """One row as token ids.

    `spans` are half-open ranges of the tokens to learn: positions in `ids` for a decoder-only model, and in
    `targets` for an encoder-decoder, whose `ids` are the encoder's input.
    """

    item_id: str
    ids: tuple[int, ...]
    targets: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]
    cut: int
    """Tokens taken out to fit the length limit."""
    role: RowRole = "task"

    @property
    def length(self) -> int:
        """Tokens of the row, both sides together."""
        return len(self.ids) + len(self.targets)

    @property
    def learned(self) -> int:
        """Tokens that carry loss."""
        return sum(stop - start for start, stop in self.spans)
