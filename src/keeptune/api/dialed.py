"""A run whose weights are a share of what another training changed: runs that differ in the dial share the training."""

from __future__ import annotations

import json
from pathlib import Path

from keeptune.api.resume import ROWS
from keeptune.config.schema import TuneConfig
from keeptune.errors import StoreError
from keeptune.export.save import saved_tuned
from keeptune.export.save_dialed import save_dialed
from keeptune.models.dial import scales
from keeptune.models.load import load_model
from keeptune.records import TrainingSummary, from_plain, to_plain
from keeptune.store.atomic import write_json
from keeptune.store.runs import read_json_object, read_settings

DONE = "training.json"
WHOLE = "whole"
"""Folder in a run for weights at full strength, where no other run has them."""
FIX = "start a new run in another --output"


def trained(run: Path) -> TrainingSummary:
    """What the loop did in `run`."""
    return from_plain(TrainingSummary, json.loads((run / DONE).read_text(encoding="utf-8")))


def trained_alike(run: Path) -> Path | None:
    """A run beside this one of the same settings and rows, trained to the end, whose weights are at full strength."""
    for other in sorted(run.parent.iterdir()):
        whole = other != run and (other / DONE).exists() and saved_tuned(other) is not None
        if whole and _alike(other, run):
            return other
    return None


def dial(config: TuneConfig, whole: Path, run: Path) -> TrainingSummary:
    """Write the share α of what `whole` changed as the weights of `run`.

    Raises:
        StoreError: `whole` holds no weights.
        ModelError: an adapter that cannot be merged.
    """
    tuned = saved_tuned(whole)
    if tuned is None:
        raise StoreError(f"{whole} holds no weights", FIX)
    lora = tuned.name == "adapter" and scales(read_json_object(tuned / "adapter_config.json", FIX))
    base = None if lora else load_model(config.model, train_weights=True)
    save_dialed(base, tuned, config.mend.dial, run / ("adapter" if lora else "model"))
    summary = trained(whole)
    write_json(run / DONE, to_plain(summary))
    return summary


def _alike(other: Path, run: Path) -> bool:
    made_of = read_json_object(run / ROWS, FIX)
    try:
        undialed = read_settings(other)["mend"]["dial"] == 1.0
        return undialed and read_json_object(other / ROWS, FIX) == made_of
    except (StoreError, KeyError):
        # What cannot be read, or is of an earlier version, is not used again.
        return False
