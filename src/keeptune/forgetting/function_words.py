"""Function words by language: short words that names and terms are not made of."""

from __future__ import annotations

from functools import cache

from keeptune.texts import read_texts


@cache
def function_words() -> dict[str, frozenset[str]]:
    """Language → its words."""
    read = read_texts("forgetting/function_words.yaml", dict[str, str])
    return {language: frozenset(words.split()) for language, words in read.items()}


@cache
def all_function_words() -> frozenset[str]:
    return frozenset[str]().union(*function_words().values())
