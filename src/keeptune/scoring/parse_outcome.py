"""How an answer could be read."""

from __future__ import annotations

from enum import Enum


class ParseOutcome(Enum):
    """Whether a generated answer follows the asked format."""

    STRICT = "strict"
    """Exactly the asked format."""
    LENIENT = "lenient"
    """Another format, but what is meant is clear."""
    FAILED = "failed"
    """What is meant cannot be told."""


def outcome_counts(outcome: ParseOutcome) -> dict[str, float]:
    """Additive counts ``parse_strict``, ``parse_lenient``, ``parse_failed``: what was unreadable shows."""
    return {f"parse_{each.value}": float(each is outcome) for each in ParseOutcome}
