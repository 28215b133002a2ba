"""Text that the bare base writes for a training, cached on disk by its hash."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from keeptune.errors import ModelError
from keeptune.events import Observer, silent
from keeptune.inference.base_text import sample_answers, sample_text
from keeptune.models.computing import computing_key
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow
from keeptune.workspace.text_cache import cached_text

BASE_TEXT_SEED = 1_000_003
"""Added to a run's seed. Drift is measured on text sampled with another seed (0), so never on the text of KL."""


def base_rows(
    loaded: LoadedModel, count: int, max_new_tokens: int, seed: int, observer: Observer = silent
) -> list[EncodedRow]:
    """`count` rows of role ``base``: text drawn from the base for KL alone (`sample_text`). Kept on disk.

    Raises:
        ModelError: the base has an adapter.
    """
    what = ["base", count, max_new_tokens, seed]
    return _kept(loaded, what, lambda: sample_text(loaded, count, max_new_tokens, BASE_TEXT_SEED + seed), observer)


def answered_rows(
    loaded: LoadedModel, prompts: Sequence[tuple[int, ...]], max_new_tokens: int, seed: int, observer: Observer = silent
) -> list[EncodedRow]:
    """Rows of role ``base``: an answer drawn from the base to each of `prompts`. Kept on disk.

    Raises:
        ModelError: the base has an adapter.
    """
    what = ["base answers", prompts, max_new_tokens, seed]
    return _kept(loaded, what, lambda: sample_answers(loaded, prompts, max_new_tokens, BASE_TEXT_SEED + seed), observer)


def _kept(
    loaded: LoadedModel, what: list[Any], draw: Callable[[], list[EncodedRow]], observer: Observer
) -> list[EncodedRow]:
    refuse_adapter(loaded)
    drawn = cached_text([*identity(loaded), *what], EncodedRow, draw, observer)
    return [replace(row, role="base") for row in drawn]


def identity(loaded: LoadedModel) -> list[Any]:
    """Everything on which the text depends."""
    weights = str(next(loaded.model.parameters()).dtype)
    return [loaded.hash, loaded.placement.device.type, weights, computing_key(loaded)]


def refuse_adapter(loaded: LoadedModel) -> None:
    """Raise ModelError if `loaded` has an adapter."""
    if hasattr(loaded.model, "peft_config"):
        raise ModelError(f"{loaded.found.name} has an adapter", "sample from the base before attaching an adapter")
