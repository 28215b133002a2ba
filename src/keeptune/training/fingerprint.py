"""Hashes of everything a training depends on, for checkpoints and for the startup cache."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from keeptune.models.computing import computing_key
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, to_plain
from keeptune.scoring.custom import is_custom
from keeptune.scoring.table import plugins_of
from keeptune.training.resume import deciding_weights
from keeptune.training.session import Session
from keeptune.version import __version__
from keeptune.workspace.hashing import hash_value


def checkpoint_fingerprint(
    session: Session, loaded: LoadedModel, trained: Sequence[EncodedRow], reference: LoadedModel | None
) -> str:
    """Identity of a checkpoint: equal weights need all of this to be equal."""
    hashes = session.rows.hashes()
    return hash_value(
        [
            deciding_weights(session.config),
            loaded.hash,
            loaded.placement.device.type,
            loaded.placement.dtype_name,
            [hashes[role] for role in ("train", "validation")],
            [row.item_id if row.role == "task" else to_plain(row) for row in trained],
            *([reference.hash] if reference else []),
        ]
    )


def startup_key(
    session: Session, loaded: LoadedModel, trained: Sequence[EncodedRow], reference: LoadedModel | None
) -> str:
    """The cache key of what is measured before the first step. It holds all that the weights depend on but the
    learning rate, the validation's settings, and the software and hardware. Empty for a metric of the user's or a
    plugin, whose code may change."""
    config = session.config
    names = [metric.name for metric in session.metrics.metrics]
    if plugins_of(names) or any(map(is_custom, names)):
        return ""
    any_rate = dataclasses.replace(config, training=dataclasses.replace(config.training, lr=None, lr_factor=1.0))
    return hash_value(
        [
            __version__,
            computing_key(loaded),
            checkpoint_fingerprint(session.with_config(any_rate), loaded, trained, reference),
            config.training.torch_compile,
            config.training.gradient_checkpointing,
            to_plain(config.evaluation),
            [metric.name for metric in session.metrics.metrics],
        ]
    )
