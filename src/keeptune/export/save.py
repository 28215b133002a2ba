"""Saving the tuned model as users' other tools expect it."""

from __future__ import annotations

from pathlib import Path

from keeptune.models.load import LoadedModel
from keeptune.store.atomic import atomic_folder


def save_tuned(loaded: LoadedModel, run: Path) -> Path:
    """Write ``adapter/`` in PEFT layout, or ``model/`` in transformers layout, tokenizer beside it.

    Both load in plain `peft` and `transformers`.
    """
    is_adapter = hasattr(loaded.model, "peft_config")
    folder = run / ("adapter" if is_adapter else "model")
    with atomic_folder(folder) as partial:
        loaded.model.save_pretrained(partial)
        loaded.tokenizer.save_pretrained(partial)
        if is_adapter:
            # peft leaves a card with empty headings; the run's own report says what there is to say.
            (partial / "README.md").unlink(missing_ok=True)
    return folder


def saved_tuned(run: Path) -> Path | None:
    """The folder that `save_tuned` wrote, or None."""
    return next((run / name for name in ("adapter", "model") if (run / name).is_dir()), None)
