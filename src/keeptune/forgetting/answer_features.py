"""The style of an answer as numbers: n-grams, length, form, and how much it copies from the prompt."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import HashingVectorizer

FloatArray = NDArray[np.float64]

READ_CHARACTERS = 1_000
"""Characters read from the start of an answer; its length is that of the whole answer."""
PROMPT_CHARACTERS = 8_000
"""Characters read from the end of a prompt, where the item follows any examples."""

_TOKEN = re.compile(r"\w+|[^\w\s]")
_LINE_END = " ↵ "
"""A line end as a token of its own."""
_EXACT_LENGTHS = 24
_LENGTH_BINS = _EXACT_LENGTHS + 72
_COPY_WINDOW = 8
_COPY_WINDOWS = 48
_COLUMNS = 2**17
TEXT_COLUMNS = 2 * _COLUMNS
"""Of `characters` and `words` together."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer and its prompt."""

    prompt: str
    output: str


class AnswerFeatures(NamedTuple):
    """Blocks of features with one row per answer."""

    characters: csr_matrix
    """[answers, hashed] counts of runs of 2 to 4 characters."""
    words: csr_matrix
    """[answers, hashed] counts of runs of 1 to 3 words. Words from the prompt are replaced by a mark, which removes the
    topic."""
    lengths: csr_matrix
    """[answers, bins] one-hot: every length below 24 characters has a bin, then six to an octave."""
    form: FloatArray
    """[answers, 14] shares and logarithms; see `_form`."""
    distinct: FloatArray
    """[answers] share of distinct runs of 4 characters: near 0 if an answer repeats itself."""


def answer_features(answers: Sequence[Shown]) -> AnswerFeatures:
    """All blocks. Nothing is fitted, so the features of an answer do not depend on other answers."""
    texts = [_readable(answer.output[:READ_CHARACTERS]) for answer in answers]
    known: dict[str, frozenset[str]] = {}
    masked, form = [], np.zeros((len(answers), 14))
    for row, (answer, text) in enumerate(zip(answers, texts, strict=True)):
        prompt = answer.prompt[-PROMPT_CHARACTERS:].casefold()
        if prompt not in known:
            known[prompt] = frozenset(_TOKEN.findall(prompt))
        tokens = _TOKEN.findall(text.replace("\n", _LINE_END))
        copied = [token[0].isalnum() and token.casefold() in known[prompt] for token in tokens]
        masked.append(" ".join(_mask(t) if c else t for t, c in zip(tokens, copied, strict=True)))
        form[row] = _form(answer.output, text, tokens, copied, prompt)
    return AnswerFeatures(
        characters=_hashed("char", (2, 4)).transform(texts),
        words=_hashed("word", (1, 3)).transform(masked),
        lengths=length_features(answers),
        form=form,
        distinct=np.array([_distinct(text) for text in texts]),
    )


def length_features(answers: Sequence[Shown]) -> csr_matrix:
    """The one-hot lengths alone."""
    bins = [_length_bin(len(answer.output)) for answer in answers]
    rows = np.arange(len(answers))
    return csr_matrix((np.ones(len(answers)), (rows, bins)), shape=(len(answers), _LENGTH_BINS))


def _length_bin(length: int) -> int:
    if length < _EXACT_LENGTHS:
        return length
    return min(_EXACT_LENGTHS + int(6 * math.log2(length / _EXACT_LENGTHS)), _LENGTH_BINS - 1)


def _hashed(analyzer: str, runs: tuple[int, int]) -> HashingVectorizer:
    return HashingVectorizer(
        analyzer=analyzer,
        ngram_range=runs,
        n_features=_COLUMNS,
        lowercase=False,
        norm=None,
        alternate_sign=False,
        token_pattern=r"\S+" if analyzer == "word" else None,
    )


def _distinct(text: str) -> float:
    runs = [text[i : i + 4] for i in range(max(len(text) - 3, 1))]
    return len(set(runs)) / len(runs)


def _readable(text: str) -> str:
    """Without lone surrogates, which cannot be hashed."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _mask(token: str) -> str:
    """A copied word's shape: a number, a name or the first word of a sentence, or another word."""
    return "¤9" if token[0].isdigit() else "¤A" if token[0].isupper() else "¤a"


def _form(output: str, text: str, tokens: Sequence[str], copied: Sequence[bool], prompt: str) -> list[float]:
    characters = max(len(text), 1)
    words = sum(token[0].isalnum() for token in tokens)
    last = text.rstrip()[-1:]
    return [
        math.log1p(len(output)),
        math.log1p(words),
        math.log1p(text.count("\n")),
        sum(map(len, tokens)) / max(len(tokens), 1),
        sum(copied) / max(words, 1),
        _copied_runs(text.casefold(), prompt),
        sum(map(str.isupper, text)) / characters,
        sum(map(str.isdigit, text)) / characters,
        (len(tokens) - words) / max(len(tokens), 1),
        (text.count(":") + text.count(";")) / characters,
        sum(text.count(mark) for mark in "()[]{}<>") / characters,
        sum(text.count(mark) for mark in "*#`|_•-") / characters,
        float(text.lstrip()[:1].isupper()),
        float(bool(last) and not last.isalnum()),
    ]


def _copied_runs(text: str, prompt: str) -> float:
    """Share of the answer's runs of 8 characters that occur in the prompt, from at most 48 positions."""
    places = max(len(text) - _COPY_WINDOW + 1, 0)
    starts = range(0, places, -(-places // _COPY_WINDOWS)) if places else range(0)
    return sum(text[i : i + _COPY_WINDOW] in prompt for i in starts) / len(starts) if starts else 0.0
