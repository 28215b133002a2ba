"""Saving the tuned model as users' other tools expect it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers.utils import GENERATION_CONFIG_NAME

from keeptune.errors import ConfigError
from keeptune.models.find import hub_snapshot
from keeptune.models.load import LoadedModel
from keeptune.models.weights import cast_weights, fold_adapter
from keeptune.workspace.atomic import atomic_folder, write_json
from keeptune.workspace.sums import write_sums
from keeptune.workspace.workspace import Workspace

ADAPTER_CONFIG = "adapter_config.json"


def save_tuned(loaded: LoadedModel, run: Workspace) -> Path:
    """Write ``adapter/`` in PEFT layout, or ``model/`` in transformers layout, tokenizer beside it.

    Both load in plain `peft` and `transformers`.
    """
    is_adapter = hasattr(loaded.model, "peft_config")
    folder = run.adapter if is_adapter else run.model
    with atomic_folder(folder) as partial:
        _name_no_code(loaded)
        if loaded.initial_adapter is None:
            loaded.save(partial)
        else:
            _save_on_whole_base(loaded, loaded.initial_adapter, partial)
        loaded.tokenizer.save_pretrained(partial)
        if is_adapter:
            # peft leaves a card with empty headings; the run's own report says what there is to say.
            (partial / "README.md").unlink(missing_ok=True)
            _settle(partial / ADAPTER_CONFIG)
        _end_answers_as_learned(loaded, partial)
        write_sums(partial)
    return folder


def _settle(file: Path) -> None:
    """Make an adapter's settings the same bytes each time, wherever they are written. peft holds names of modules in
    sets, which have another order in each process. A base that lies in the hub's cache is named as on the hub: its path
    there is this machine's alone."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    for name, value in settings.items():
        if name.endswith(("_modules", "_to_save")) and isinstance(value, list):
            settings[name] = sorted(value)
    base = settings.get("base_model_name_or_path")
    if base and (found := hub_snapshot(Path(base))):
        settings["base_model_name_or_path"], settings["revision"] = found
    write_json(file, settings)


def ends_otherwise(loaded: LoadedModel) -> bool:
    """Whether answers end with a token that the model's own generation config does not name."""
    return loaded.end_ids() != loaded.own_end_ids()


def save_merged(loaded: LoadedModel, folder: Path, dtype: torch.dtype | None = None) -> None:
    """Write a model with its adapter folded in, if it has one, in transformers layout, tokenizer beside it.

    Args:
        dtype: of the file; None: as the weights are.

    Raises:
        ConfigError: an adapter that cannot be merged.
    """
    if hasattr(loaded.model, "peft_config") and not fold_adapter(loaded):
        raise ConfigError(
            f"the adapter of {loaded.found.name} cannot be merged with its base", "start from its base, or from another"
        )
    if dtype is not None:
        cast_weights(loaded.model, dtype)
    with atomic_folder(folder) as partial:
        _name_no_code(loaded)
        loaded.save(partial)
        loaded.tokenizer.save_pretrained(partial)
        _end_answers_as_learned(loaded, partial)
        write_sums(partial)


def _end_answers_as_learned(loaded: LoadedModel, folder: Path) -> None:
    """Other tools stop at the tokens of the generation config alone. For an adapter peft takes the base's; this one is
    there to be given to it.

    In the file: transformers refuses to save a config that was changed where some other value in it is odd.
    """
    if not ends_otherwise(loaded):
        return
    file = folder / GENERATION_CONFIG_NAME
    if not file.exists():
        loaded.inner.generation_config.to_json_file(file)
    settings = json.loads(file.read_text(encoding="utf-8"))
    write_json(file, {**settings, "eos_token_id": list(loaded.end_ids())})


def _name_no_code(loaded: LoadedModel) -> None:
    """Of an architecture that transformers has, the code that was once beside the weights is not needed, nor saved."""
    if type(loaded.inner).__module__.startswith("transformers."):
        vars(loaded.inner.config).pop("auto_map", None)


def _save_on_whole_base(loaded: LoadedModel, initial: Mapping[str, torch.Tensor], folder: Path) -> None:
    """An adapter that began as a part of the base, as a LoRA of twice its rank on the base as it was."""
    with tempfile.TemporaryDirectory() as parent:
        # peft makes an adapter of the folder's name for a moment.
        first = Path(parent) / "initial"
        first.mkdir()
        save_file(dict(initial), first / "adapter_model.safetensors")
        loaded.model.save_pretrained(folder, path_initial_model_for_weight_conversion=str(first))
