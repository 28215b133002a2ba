"""Text that the bare base writes for a training, cached on disk by its hash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat

from keeptune.errors import ModelError
from keeptune.events import Observer, silent
from keeptune.inference.base_text import sample_answers, sample_text
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow
from keeptune.workspace.text_cache import cached_text

BASE_TEXT_SEED = 1_000_003
"""Added to a run's seed. Drift is measured on text sampled with another seed (0), so never on the text of KL."""
PARTS = (16, 16, 32, 64)
"""Texts that are drawn and cached together: few where few are needed, then more, which costs less for each."""
APART = 10_007
"""Between the seeds of two parts."""


def base_rows(
    loaded: LoadedModel, count: int, max_new_tokens: int, seed: int, observer: Observer = silent
) -> list[EncodedRow]:
    """`count` rows of role ``base``: text drawn from the base for KL alone (`sample_text`). Fewer rows are the first of
    more. Kept on disk.

    Raises:
        ModelError: the base has an adapter.
    """
    refuse_adapter(loaded)
    rows: list[EncodedRow] = []
    for of_part, size in _parts(seed, count):
        rows += cached_text(
            [*identity(loaded), "base", max_new_tokens, size, of_part],
            EncodedRow,
            lambda: sample_text(loaded, size, max_new_tokens, of_part),  # noqa: B023
            observer,
        )
    return [replace(row, item_id=f"base-text-{at}", role="base") for at, row in enumerate(rows[:count])]


def answered_rows(
    loaded: LoadedModel,
    prompts: Sequence[tuple[int, ...]],
    count: int,
    max_new_tokens: int,
    seed: int,
    observer: Observer = silent,
) -> list[EncodedRow]:
    """Rows of role ``base``: an answer drawn from the base to each of the first `count` prompts. Kept on disk.

    Raises:
        ModelError: the base has an adapter.
    """
    refuse_adapter(loaded)
    rows: list[EncodedRow] = []
    for of_part, size in _parts(seed, min(count, len(prompts))):
        asked = prompts[len(rows) : len(rows) + size]
        rows += cached_text(
            [*identity(loaded), "base answers", asked, max_new_tokens, of_part],
            EncodedRow,
            lambda: sample_answers(loaded, asked, max_new_tokens, of_part),  # noqa: B023
            observer,
        )
    return [replace(row, item_id=f"base-answer-{at}", role="base") for at, row in enumerate(rows[:count])]


def _parts(seed: int, count: int) -> Iterator[tuple[int, int]]:
    """(seed, size) of each part, until they are `count` together or more."""
    done = 0
    for size in chain(PARTS, repeat(PARTS[-1])):
        if done >= count:
            return
        yield BASE_TEXT_SEED + seed + APART * done, size
        done += size


def identity(loaded: LoadedModel) -> list[str]:
    """Everything on which the text depends."""
    weights = str(next(loaded.model.parameters()).dtype)
    return [loaded.hash, loaded.placement.device.type, weights]


def refuse_adapter(loaded: LoadedModel) -> None:
    """Raise ModelError if `loaded` has an adapter."""
    if hasattr(loaded.model, "peft_config"):
        raise ModelError(f"{loaded.found.name} has an adapter", "sample from the base before attaching an adapter")
