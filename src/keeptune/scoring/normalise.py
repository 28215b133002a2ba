"""Text normalisation of the SQuAD v1.1 evaluation script.

Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text", arXiv:1606.05250, and
its ``evaluate-v1.1.py``. Two quirks of the script are kept, so that scores can be compared: punctuation is
removed without leaving a space ("5.1" becomes "51"), and only the English articles are dropped.
"""

from __future__ import annotations

import re
import string

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)


def squad_normalise(text: str) -> str:
    """Lower case, ASCII punctuation out, articles out, white space collapsed: in that order."""
    lowered = text.lower()
    bare = "".join(character for character in lowered if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def same_answer(output: str, reference: str) -> bool:
    """Whether both are the same once normalised; a reference of which that leaves nothing ("A", "+") as it is
    written, but for case and white space around it."""
    normalised = squad_normalise(reference)
    if normalised:
        return squad_normalise(output) == normalised
    return output.strip().casefold() == reference.strip().casefold()


def squad_tokens(text: str) -> list[str]:
    """The words of the normalised text."""
    return squad_normalise(text).split()
