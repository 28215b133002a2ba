"""A row as the model reads it: the text of its very tokens, with what is learned apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.data.encode import Encoder
from keeptune.records import Example


@dataclass(frozen=True, slots=True)
class RenderedRow:
    """One row of train."""

    item_id: str
    parts: tuple[tuple[bool, str], ...]
    """(whether it is learned, the text), in order."""
    tokens: int
    """Tokens of the row, as it is cut; 0 where no tokenizer could be loaded."""
    cut: int
    """Tokens taken out to fit the length limit."""


def render_rows(examples: Sequence[Example], encoder: Encoder | None, count: int = 3) -> tuple[RenderedRow, ...]:
    """`count` of the examples, from the first to the last; rows that are dropped for their length left out."""
    count = min(count, len(examples))
    places = dict.fromkeys(round(n * (len(examples) - 1) / max(1, count - 1)) for n in range(count))
    shown = (_rendered(examples[place], encoder) for place in places)
    return tuple(row for row in shown if row is not None)


def _rendered(example: Example, encoder: Encoder | None) -> RenderedRow | None:
    if encoder is None:
        return RenderedRow(example.id, ((False, example.prompt_text), (True, example.completion)), 0, 0)
    row = encoder.row(example)
    if row is None:
        return None
    learned, parts, at = row.targets or row.ids, [], 0
    if row.targets:
        parts.append((False, _text(encoder, row.ids)))
    for start, end in row.spans:
        parts += [(False, _text(encoder, learned[at:start])), (True, _text(encoder, learned[start:end]))]
        at = end
    parts.append((False, _text(encoder, learned[at:])))
    filled = tuple(part for part in parts if part[1])
    return RenderedRow(example.id, filled, len(row.ids) + len(row.targets), row.cut)


def _text(encoder: Encoder, ids: Sequence[int]) -> str:
    written = encoder.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return str(written)
