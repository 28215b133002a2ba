"""Saving a model that keeps a share of its trained change, as users' other tools expect it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load, save_file

from keeptune.config.schema import ModelConfig
from keeptune.errors import ModelError
from keeptune.models.interpolate import interpolate, match_weights
from keeptune.models.interpolation import UP, can_scale, make_interpolation, scales_saved, weights_of
from keeptune.models.layer_alphas import Alpha, alphas_by_name
from keeptune.models.load import LoadedModel, load_model
from keeptune.models.saved_weights import SavedWeights
from keeptune.models.weight_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, READ_BESIDE, adapter_files
from keeptune.models.weights import fold_adapter
from keeptune.workspace.atomic import atomic_folder
from keeptune.workspace.sums import write_sums

DEFAULT = ModelConfig()


def save_interpolated(
    base: LoadedModel | Path | None,
    tuned: LoadedModel | Path,
    alpha: Alpha,
    folder: Path,
    config: ModelConfig = DEFAULT,
) -> None:
    """Write W₀ + α (W − W₀) to `folder`, the tuned model's tokenizer beside it.

    Of a LoRA an adapter, its B multiplied by α; of anything else full weights, in the wider dtype of the two: another
    adapter is folded in before, in float32 where it is given as a folder. A folder of full weights is read and written
    file by file, so that it need not fit into memory.

    Args:
        base: may be None for a LoRA.
        tuned: a loaded model; or a folder of a model or adapter, made by any tool. A loaded one is as it was
            afterwards, but that an adapter which is no LoRA has been folded into it.
        config: what may be loaded, pickles or code of others, where a folder must be.

    Raises:
        ModelError: base and tuned do not fit each other, or an adapter cannot be merged with its base.
        ConfigError: a mapping that does not name every layer.
    """
    if isinstance(tuned, Path) and (tuned / ADAPTER_CONFIG).exists() and not scales_saved(tuned):
        tuned = _load(tuned, config)
    if isinstance(tuned, Path) and isinstance(base, Path) and not _fit(base, tuned):
        in_memory = _load(base, config)
        base = in_memory if alike(in_memory, tuned) else base
    if isinstance(tuned, Path) and isinstance(base, LoadedModel) and not alike(base, tuned):
        tuned = _load(tuned, config)
    with atomic_folder(folder) as partial:
        if isinstance(tuned, LoadedModel):
            _save_loaded(base, tuned, alpha, partial, config)
        elif (tuned / ADAPTER_CONFIG).exists():
            (weights,) = adapter_files(tuned)
            _copy_without_weights(tuned, partial)
            shutil.copy2(weights, partial / ADAPTER_WEIGHTS)
            _scale_adapter(partial / ADAPTER_WEIGHTS, alpha)
        elif base is None:
            raise ModelError(f"{tuned} cannot be interpolated without its base", "give the base that was tuned")
        else:
            _copy_without_weights(tuned, partial)
            _save_between(base, SavedWeights(tuned), alpha, partial)
        write_sums(partial)


def _load(folder: Path, config: ModelConfig) -> LoadedModel:
    return load_model(replace(config, name=str(folder), revision=None, device="cpu", dtype="float32"))


def _fit(base: Path, tuned: Path) -> bool:
    """Whether each weight of `tuned` has its counterpart in the files of `base`: older tools have written other names.
    An adapter needs none."""
    if (tuned / ADAPTER_CONFIG).exists():
        return True
    before, after = SavedWeights(base), SavedWeights(tuned)
    if before.keys() == after.keys():
        return True
    try:
        match_weights(before, after)
    except ModelError:
        return False
    return True


def alike(loaded: LoadedModel, folder: Path) -> bool:
    """Whether weights have the same names in memory as on disk, which is not so in every architecture."""
    return (folder / ADAPTER_CONFIG).exists() or SavedWeights(folder).keys() <= weights_of(loaded).keys()


def _save_loaded(
    base: LoadedModel | Path | None, tuned: LoadedModel, alpha: Alpha, folder: Path, config: ModelConfig
) -> None:
    tuned.tokenizer.save_pretrained(folder)
    if can_scale(tuned):
        tuned.save(folder)
        (folder / "README.md").unlink(missing_ok=True)
        _scale_adapter(folder / ADAPTER_WEIGHTS, alpha)
        return
    if hasattr(tuned.model, "peft_config"):
        fold_adapter(tuned)
    if isinstance(base, Path) and not alike(tuned, base):
        base = _load(base, config)
    interpolation = make_interpolation(tuned, base)
    try:
        interpolation(alpha)
        tuned.save(folder)
    finally:
        interpolation(1)


def _scale_adapter(file: Path, alpha: Alpha) -> None:
    # From bytes: a file that is mapped into memory must not be written over.
    weights = load(file.read_bytes())
    for name, share in alphas_by_name(alpha, filter(UP.search, weights)).items():
        if share != 1:
            weights[name] = weights[name] * share
    save_file(weights, file, metadata={"format": "pt"})


def _save_between(base: LoadedModel | Path, tuned: SavedWeights, alpha: Alpha, folder: Path) -> None:
    before = weights_of(base)
    matched = match_weights(before, tuned)
    shares = alphas_by_name(alpha, before)
    for file, names in tuned.files.items():
        weights = {
            name: interpolate(before[matched[name]].cpu(), tuned[name], shares[matched[name]]).contiguous()
            for name in names
        }
        save_file(weights, folder / file, metadata={"format": "pt"})


def _copy_without_weights(source: Path, folder: Path) -> None:
    """Settings, tokenizer, chat templates, code and the index of the weights' files: what a model is loaded with."""
    for entry in source.iterdir():
        if entry.name == "additional_chat_templates":
            shutil.copytree(entry, folder / entry.name)
        elif entry.is_file() and entry.suffix in READ_BESIDE:
            shutil.copy2(entry, folder)
