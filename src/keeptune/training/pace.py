"""How fast the last steps were, and what that says of the rest."""

from __future__ import annotations

from collections import deque

LAST = 20
"""Steps that the speed is a mean over."""


class Pace:
    """Tokens and seconds of the last steps."""

    def __init__(self) -> None:
        self._steps: deque[tuple[int, float]] = deque(maxlen=LAST)

    def add(self, tokens: int, seconds: float) -> None:
        """Count a step."""
        self._steps.append((tokens, seconds))

    def tokens_per_second(self) -> float:
        """Over the last steps."""
        tokens, seconds = self._sums(0)
        return tokens / seconds

    def seconds_for_steps(self, steps: int) -> float:
        """What so many further steps will take."""
        return steps * self._sums(0)[1] / len(self._steps)

    def seconds_for_tokens(self, tokens: float) -> float:
        """What so many further tokens will take, by the steps after the first, in which memory is taken."""
        counted, seconds = self._sums(len(self._steps) > 1)
        return tokens * seconds / counted

    def _sums(self, first: int) -> tuple[float, float]:
        tokens, seconds = zip(*list(self._steps)[first:], strict=True)
        return sum(tokens), sum(seconds)
