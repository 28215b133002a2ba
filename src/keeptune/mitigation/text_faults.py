"""Find faults of sampled text that make it unfit to learn from."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.data.prompt_body import normalised_words
from keeptune.data.similarity import is_similar, shingles

GRAM = 4
FEWEST_GRAMS = 16
"""Minimum runs of four tokens in a text that is checked for repetition."""
DISTINCT = 0.5
"""Share of distinct runs below which a text repeats itself."""


def text_fault(text: str, ids: Sequence[int], shortest: int = 1) -> str:
    """Why a text is unfit, in a word or two; "" if it is fit.

    Args:
        ids: its tokens, the end token left out.
        shortest: tokens that it must have.
    """
    if not text.strip():
        return "empty"
    if len(ids) < shortest:
        return "too short"
    if "\N{REPLACEMENT CHARACTER}" in text:
        return "broken characters"
    return "repetitive" if distinct_share(ids) < DISTINCT else ""


def distinct_share(ids: Sequence[int]) -> float:
    """Share of distinct runs of four tokens; 1 if there are too few."""
    grams = list(zip(*(ids[start:] for start in range(GRAM)), strict=False))
    return len(set(grams)) / len(grams) if len(grams) >= FEWEST_GRAMS else 1.0


def copies(prompt: str, answer: str) -> bool:
    """Whether an answer repeats its prompt: the same words, or nearly (Jaccard similarity 0.8)."""
    return is_similar(*(shingles(normalised_words(text)) for text in (prompt, answer)))
