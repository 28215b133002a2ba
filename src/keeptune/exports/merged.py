"""Whole weights on disk, as other tools read them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import torch

from keeptune.config.schema import ModelConfig
from keeptune.exports.exported_card import Use, adapt_card
from keeptune.exports.format import Source
from keeptune.exports.save import save_merged
from keeptune.models.load import load_model

CARD = "README.md"


def write_merged(model: ModelConfig, dtype: str, folder: Path) -> None:
    """Write a model in transformers' layout, an adapter folded in: in float32, and only then cast. It is done in main
    memory, since a GPU that holds the model in fewer bits need not hold it so.

    Raises:
        ConfigError: the adapter cannot be merged.
    """
    loaded = load_model(replace(model, device="cpu", dtype="float32"), train_weights=True)
    save_merged(loaded, folder, getattr(torch, dtype))


def copy_beside(source: Source, folder: Path, use: Use | None = None) -> None:
    """Copy what goes with the weights wherever they go.

    Args:
        use: for the model card; None: as the run's own weights are used.
    """
    for file in source.run.beside_weights():
        shutil.copy2(file, folder)
        if use is not None and file.name == CARD:
            adapt_card(folder / CARD, use)
