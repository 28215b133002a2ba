"""The language of an answer, by its script and its function words."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from keeptune.forgetting.function_words import function_words

READ_CHARACTERS = 2_000
LEAST_WORDS = 2
"""Minimum function words of one language, which must also be more than of any other: "Los Angeles" is not Spanish."""
LEAST_SHARE = 0.1
"""Share of all words: running text has a third or more."""
USUAL = 0.05
"""A language is expected if at least this share of the identified texts is in it."""

_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = {
    "CYRILLIC": "a language in Cyrillic script",
    "GREEK": "Greek",
    "ARABIC": "a language in Arabic script",
    "HEBREW": "Hebrew",
    "DEVANAGARI": "a language in Devanagari script",
    "BENGALI": "Bengali",
    "TAMIL": "Tamil",
    "THAI": "Thai",
    "HANGUL": "Korean",
    "HIRAGANA": "Japanese",
    "KATAKANA": "Japanese",
    "CJK": "Chinese",
}


def language_of(text: str) -> str:
    """Name of the language; "" if it cannot be identified, as for names, numbers, single words and code."""
    words = _WORD.findall(text[:READ_CHARACTERS].casefold())
    scripts = Counter(_script(letter) for word in words for letter in word)
    if scripts["Japanese"]:  # Chinese characters stand in Japanese text, too
        scripts["Japanese"] += scripts.pop("Chinese", 0)
    script, letters = max(scripts.items(), key=lambda each: each[1], default=("", 0))
    if script:
        return script if 2 * letters > scripts.total() else ""
    hits = {name: sum(word in known for word in words) for name, known in function_words().items()}
    (best, most), (_, second) = sorted(hits.items(), key=lambda each: -each[1])[:2]
    return best if most >= LEAST_WORDS and most > second and most >= LEAST_SHARE * len(words) else ""


def usual_languages(texts: Iterable[str]) -> frozenset[str]:
    """Those of more than a few of the texts."""
    found = Counter(language for text in texts if (language := language_of(text)))
    return frozenset(language for language, times in found.items() if times >= USUAL * found.total())


def _script(letter: str) -> str:
    """The script; "" for Latin and unknown ones."""
    return "" if letter < "\u0370" else _SCRIPTS.get(unicodedata.name(letter, "").split(" ")[0], "")
