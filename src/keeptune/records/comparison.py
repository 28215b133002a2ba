"""A Comparison: one metric, before and after, on the same items."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.records.interval import MaybeInterval, negated


@dataclass(frozen=True, slots=True)
class Comparison:
    """`after` − `before`, paired by item."""

    metric: str
    before_name: str
    after_name: str
    items: int
    clusters: int
    before: float
    """Corpus score, in the metric's own unit (points out of 100; nats per token for a loss)."""
    after: float
    difference: MaybeInterval
    """after − before with its 95 % interval."""
    rose: int
    """Items whose own score went up (wrong→right where the metric is binary)."""
    fell: int
    unchanged: int
    higher_is_better: bool
    trained_on: int | None = None
    """Items that are among the rows that the tuned model was trained on; None where that is not known."""

    @property
    def gain(self) -> MaybeInterval:
        """The difference, signed so that below 0 is worse: before − after of a loss."""
        return self.difference if self.higher_is_better else negated(self.difference)
