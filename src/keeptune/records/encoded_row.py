"""An EncodedRow: one row as token ids, with the tokens to learn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

RowRole = Literal["task", "replay", "base"]
"""What a row is in a training: the task's own, an old task's that is replayed, or the base's text for KL alone."""


@dataclass(frozen=True, slots=True)
class TeacherInput:
    """The tokens to learn of a row behind what a teacher reads before them: worked examples, say, or a hint.

    Ids, targets and spans as those of `EncodedRow`; the spans cover the same tokens in the same order.
    """

    ids: tuple[int, ...]
    targets: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


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
    teacher: TeacherInput | None = None
    """What a teacher reads, where a loss term asks one; None: the row itself."""
    weights: tuple[float, ...] = ()
    """How much each token to learn counts in the task's loss; empty: 1 each."""

    def __post_init__(self) -> None:
        if self.weights and len(self.weights) != self.learned:
            raise ValueError(f"{self.item_id}: {len(self.weights)} weights for {self.learned} tokens to learn")
        if self.teacher is not None and self._to_learn != self.for_teacher._to_learn:
            raise ValueError(f"{self.item_id}: the teacher has other tokens to learn than the student")

    @property
    def _to_learn(self) -> list[int]:
        side = self.targets or self.ids
        return [token for start, stop in self.spans for token in side[start:stop]]

    @property
    def for_teacher(self) -> EncodedRow:
        """The row as a teacher reads it."""
        if self.teacher is None:
            return self
        return replace(self, ids=self.teacher.ids, targets=self.teacher.targets, spans=self.teacher.spans, teacher=None)

    @property
    def length(self) -> int:
        """Tokens of the row, both sides together."""
        return len(self.ids) + len(self.targets)

    @property
    def learned(self) -> int:
        """Tokens that carry loss."""
        return sum(stop - start for start, stop in self.spans)
