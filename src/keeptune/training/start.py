"""The model from which a training starts: as given, or an adapter merged into its base."""

from __future__ import annotations

from dataclasses import replace

from keeptune.config.paths import absolute
from keeptune.config.schema import ModelConfig
from keeptune.errors import StoreError
from keeptune.exports.save import save_merged
from keeptune.models.find import find_model, hash_model
from keeptune.models.load import load_model
from keeptune.workspace.lineage import of_run
from keeptune.workspace.workspace import Workspace

FIX = "resume from the same one, or start a new run in another --output"


def merged_start(model: ModelConfig, run: Workspace) -> ModelConfig:
    """`model`; an adapter is merged into its base, and the merged weights stay in the run folder as the base of the new
    adapter."""
    found = of_run(model)
    if find_model(found).adapter is None:
        return found
    refuse_another_start(found, run)
    folder = run.start_model
    if not folder.is_dir():
        save_merged(load_model(found, train_weights=True), folder)
    return replace(model, name=str(folder), revision=None)


def refuse_another_start(model: ModelConfig, run: Workspace, role: str = "model") -> None:
    """Write the start of a new run, or compare it for a resumed run.

    Args:
        role: ``model``, which is trained or repaired, or its ``base``.

    Raises:
        StoreError: the run was started from another model.
    """
    kept, found = run.started_from(), hash_model(find_model(model))
    if role not in kept:
        kept |= {role: absolute(model.name), f"{role} hash": found}
        run.write_started_from(kept)
    if kept.get(f"{role} hash") != found:
        raise StoreError(f"{run} was started with the {role} {kept[role]}, not {model.name} as it is now", FIX)
