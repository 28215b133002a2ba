"""Holm's step-down correction for several tests at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm_adjust(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values, in the order given: a hypothesis is rejected at α where its own is ≤ α.

    With p₍₁₎ ≤ … ≤ p₍ₖ₎: p̃₍ᵢ₎ = max over j ≤ i of min(1, (k − j + 1)·p₍ⱼ₎). It bounds the chance of any false
    rejection by α under any dependence. Holm 1979, Scandinavian Journal of Statistics 6:65-70.
    """
    for p in p_values:
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"a p-value lies between 0 and 1, not {p}")
    k = len(p_values)
    adjusted = [0.0] * k
    running = 0.0
    for rank, index in enumerate(sorted(range(k), key=lambda i: p_values[i])):
        running = max(running, min(1.0, (k - rank) * p_values[index]))
        adjusted[index] = running
    return tuple(adjusted)
