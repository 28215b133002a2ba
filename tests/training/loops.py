"""Loops over fixed rows, as most tests want them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keeptune.config import TrainingConfig
from keeptune.events import silent
from keeptune.mitigation.objective import Objective
from keeptune.mitigation.row_source import FixedRows
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow
from keeptune.training.fit_memory import MemoryFit
from keeptune.training.gradients import Gradients
from keeptune.training.loop import Loop
from keeptune.training.step import scaler_for
from keeptune.workspace.workspace import Workspace


def loop_over(
    loaded: LoadedModel, rows: Sequence[EncodedRow], config: TrainingConfig, run: Path, *given: Any, **named: Any
) -> Loop:
    """`Loop` over the rows in the order of their epochs, in the folder `run`."""
    return Loop(loaded, FixedRows(rows, config.batch_size, config.seed), config, Workspace(run), *given, **named)


def gradients_of(loaded: LoadedModel) -> Gradients:
    """Of the plain objective, a pass a step."""
    return Gradients(loaded, Objective(), silent, scaler_for(loaded), MemoryFit(1 << 20, 0))
