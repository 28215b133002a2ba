"""The part of a prompt that is this row's own: what is left without the instruction that all rows share.

Without the cut, "Summarize the following conversation." would make two short dialogues look alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from keeptune.records import Example

SHARED_BY = 0.9
"""A first (or last) run of words is template where this share of the distinct prompts has it."""
FEWEST_PROMPTS = 5
"""With fewer distinct prompts, what they share may as well be their content."""

Words = tuple[str, ...]


def normalised_words(text: str) -> Words:
    """The words of `text`, case folded, white space gone."""
    return tuple(text.casefold().split())


def prompt_bodies(sides: Sequence[Sequence[Example]]) -> list[list[Words]]:
    """The body of each example of each side (train, test), as normalised words.

    A plain text has no prompt: its body is the text. Each side has its own template, so that train and test
    may be worded differently; where one side's template begins with the other's, the shorter is cut from
    both, or a word that nearly all rows of one side happen to begin with would be cut there alone.
    """
    texts = [[normalised_words(example.prompt_text or example.completion) for example in side] for side in sides]
    heads = _agree([shared_prefix(side) for side in texts])
    backwards = [[words[::-1] for words in side] for side in texts]
    tails = _agree([shared_prefix(side) for side in backwards])
    return [[_cut(words, head, tail) for words in side] for side, head, tail in zip(texts, heads, tails, strict=True)]


def shared_prefix(texts: Sequence[Words]) -> Words | None:
    """The longest first run of words that 90 % of the distinct texts share; None where too few can tell."""
    remaining = list(dict.fromkeys(texts))
    needed = SHARED_BY * len(remaining)
    if len(remaining) < FEWEST_PROMPTS:
        return None
    depth = 0
    while True:
        following = Counter(words[depth] for words in remaining if len(words) > depth)
        word, count = following.most_common(1)[0] if following else ("", 0)
        if count < needed or count == 0:
            return remaining[0][:depth]
        remaining = [words for words in remaining if len(words) > depth and words[depth] == word]
        depth += 1


def _agree(prefixes: Sequence[Words | None]) -> list[Words]:
    known = [prefix for prefix in prefixes if prefix is not None]
    shortest = min(known, key=len, default=())
    return [
        shortest if prefix is None or (shortest and prefix[: len(shortest)] == shortest) else prefix
        for prefix in prefixes
    ]


def _cut(words: Words, head: Words, tail: Words) -> Words:
    start = len(head) if words[: len(head)] == head else 0
    end = len(words) - (len(tail) if tail and words[::-1][: len(tail)] == tail else 0)
    return words[start:end] if start < end else words
