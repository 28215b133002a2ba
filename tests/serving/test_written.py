"""Text as it is written, by a tokenizer that writes the first token of all without its space."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers import Tokenizer, decoders
from tokenizers.models import WordLevel

from keeptune.serving.written import Written

TOKENS = ("▁a", "▁red", "house", "<0xC3>", "<0xA9>", "<0x0A>")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    found = Tokenizer(WordLevel({token: number for number, token in enumerate(TOKENS)}, TOKENS[0]))
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    found.decoder = decoders.Sequence(steps)
    return found


def written(tokenizer: Any, before: str, after: str, *, streams: bool) -> str:
    found = Written(tokenizer, (), ids(before), streams=streams, trims=False)
    return "".join(found.add(token)[0] for token in ids(after)) + found.end()


def ids(tokens: str) -> list[int]:
    return [TOKENS.index(token) for token in tokens.split()]


@pytest.mark.parametrize("streams", [True, False])
@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("", "▁red house", "redhouse"),
        ("▁a", "▁red house", " redhouse"),
        ("▁a", "house ▁red", "house red"),
        ("▁red house " * 9, "▁a", " a"),
        # Half a character alone is not taken for the end of the prompt.
        ("▁a <0xC3> <0xA9>", "<0xC3> <0xA9> ▁a", "é a"),
        ("<0xC3> <0xA9> " * 9, "<0x0A> ▁a", "\n a"),
    ],
)
def test_a_text_goes_on_from_its_prompt(tokenizer: Any, before: str, after: str, text: str, streams: bool) -> None:
    assert written(tokenizer, before, after, streams=streams) == text
