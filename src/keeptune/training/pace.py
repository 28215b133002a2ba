"""The speed of the last steps, and a forecast for the rest."""

from __future__ import annotations

from collections import deque

LAST = 20
"""Steps over which the speed is averaged."""


class Pace:
    """Tokens and seconds of the last steps."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, float]] = deque(maxlen=LAST)

    def add(self, tokens: int, seconds: float) -> None:
        """Count a step."""
        self._steps.append((tokens, seconds))

    def tokens_per_second(self) -> float:
        """Mean over the last steps."""
        tokens, seconds = self._sums(0)
        return tokens / seconds

    def seconds_for_steps(self, steps: int) -> float:
        """Seconds for this many further steps."""
        return steps * self._sums(0)[1] / len(self._steps)

    def seconds_for_tokens(self, tokens: float) -> float:
        """Seconds for this many further tokens, from the steps after the first, which allocates memory."""
        counted, seconds = self._sums(len(self._steps) > 1)
        return tokens * seconds / counted

    def _sums(self, first: int) -> tuple[float, float]:
        tokens, seconds = zip(*list(self._steps)[first:], strict=True)
        return sum(tokens), sum(seconds)
