"""Checkpoints: everything to resume a run as if it had never stopped, in safetensors and JSON without pickle."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from keeptune.commands import joined
from keeptune.errors import CorruptCheckpoint
from keeptune.mitigation.mitigation import WeightAverage
from keeptune.mitigation.row_source import RowSource
from keeptune.models.weights import trainable_weights
from keeptune.records import from_plain, to_plain
from keeptune.training.step import Update
from keeptune.workspace.atomic import atomic_folder, remove_partials
from keeptune.workspace.hashing import hash_files
from keeptune.workspace.workspace import Workspace

KEEP = 2
SCALER, ROWS, AVERAGE = "scaler.json", "row_source.json", "average.safetensors"


@dataclass(frozen=True, slots=True)
class LoopState:
    """The state of the loop, without weights."""

    step: int
    seconds: float
    """Training time so far, without pauses."""
    best_step: int
    best_score: float | None
    """Lowest validation loss, or highest metric negated: lower is better."""
    tokens: int
    completion_tokens: int
    loss_curve: tuple[tuple[float, ...], ...]
    validation_curve: tuple[tuple[float, ...], ...]
    fingerprint: str
    """Hash of config, data and model, by which a checkpoint of another run is refused."""
    token_budget: int = 0
    """Tokens per pass in the steps so far; 0 before the first."""
    ready: float = 0.0
    """Of `seconds`, those before the first step."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The objects that change during the loop, which a checkpoint saves in addition to the state."""

    model: Any
    update: Update
    scaler: torch.amp.GradScaler
    """Scaler of float16 gradients; disabled and not saved for other dtypes."""
    rows: RowSource
    average: WeightAverage | None = None


def load_trainable(model: Any, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    """Copy `weights` into the model's trainable parameters, in place."""
    own = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if own.keys() != weights.keys():
        raise CorruptCheckpoint(f"{path} holds other weights than this model trains", "start a new run")
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(weights[name])


def save_weights(folder: Path, model: Any) -> None:
    """Write only the trainable weights to `folder`, atomically."""
    with atomic_folder(folder) as partial:
        _save(partial / "weights.safetensors", trainable_weights(model))
        (partial / "hash").write_text(_content_hash(partial), encoding="utf-8")


def save_best(run: Workspace, model: Any, step: int) -> None:
    """Write the weights after `step`, the best so far, and drop those that neither they nor a checkpoint need."""
    save_weights(run.best(step), model)
    _drop_bests(run)


def check_whole(folder: Path) -> None:
    """Raise CorruptCheckpoint if the folder differs from what was written."""
    if not _is_whole(folder):
        raise CorruptCheckpoint(
            f"{folder} is damaged: it does not match its own hash", "start a new run in another --output"
        )


def read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """Weights written by `save_weights`.

    Raises:
        CorruptCheckpoint: they differ from what was written.
    """
    check_whole(folder)
    return _load(folder / "weights.safetensors")


def save_checkpoint(run: Workspace, trained: Trained, state: LoopState) -> Path:
    """Write ``checkpoint-<step>`` and drop all but the newest `KEEP`."""
    folder = run.checkpoint(state.step)
    with atomic_folder(folder) as partial:
        _save(partial / "weights.safetensors", trainable_weights(trained.model))
        _save(partial / "optimizer.safetensors", trained.update.state())
        _save(partial / "random.safetensors", _random_tensors())
        if trained.average:
            _save(partial / AVERAGE, trained.average.state())
        for name, kept in ((SCALER, trained.scaler.state_dict()), (ROWS, trained.rows.state())):
            if kept:
                (partial / name).write_text(json.dumps(kept), encoding="utf-8")
        (partial / "state.json").write_text(json.dumps(to_plain(state)), encoding="utf-8")
        (partial / "hash").write_text(_content_hash(partial), encoding="utf-8")
    for _, old in run.checkpoints()[:-KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    _drop_bests(run)
    return folder


def load_checkpoint(run: Workspace, trained: Trained, fingerprint: str) -> LoopState | None:
    """Restore the newest complete checkpoint into `trained` and the random generators; None without checkpoints.

    Raises:
        CorruptCheckpoint: it belongs to another run, or no checkpoint is complete.
    """
    remove_partials(run.path)
    found = run.checkpoints()
    if not found:
        _forget_bests(run, 0)
        return None
    for _, folder in reversed(found):
        if _is_whole(folder):
            state = _restore(folder, trained, fingerprint)
            _forget_bests(run, state.best_step)
            return state
    delete = joined(["rm", "-r", *(str(path) for _, path in found)])
    raise CorruptCheckpoint(
        f"no checkpoint under {run} is whole ({', '.join(path.name for _, path in found)})",
        f"delete them and resume, and the training starts over: {delete}",
    )


def _restore(folder: Path, trained: Trained, fingerprint: str) -> LoopState:
    try:
        state = from_plain(LoopState, json.loads((folder / "state.json").read_text(encoding="utf-8")))
    except ValueError as error:
        raise CorruptCheckpoint(
            f"{folder} is of another version: {error}", "start a new run in another --output"
        ) from error
    if state.fingerprint != fingerprint:
        raise CorruptCheckpoint(
            f"{folder} was made with other settings, data or model than this run, or by another version of keeptune or "
            "of a plugin",
            "resume with the same ones, or start a new run in another --output",
        )
    load_trainable(trained.model, _load(folder / "weights.safetensors"), folder)
    trained.update.restore(_load(folder / "optimizer.safetensors"))
    for name, restore in ((SCALER, trained.scaler.load_state_dict), (ROWS, trained.rows.restore)):
        if (folder / name).exists():
            restore(json.loads((folder / name).read_text(encoding="utf-8")))
    if trained.average:
        trained.average.restore(_load(folder / AVERAGE))
    _restore_random(_load(folder / "random.safetensors"))
    return state


def _drop_bests(run: Workspace) -> None:
    """Keep the newest best weights, and those that were the best at each checkpoint."""
    bests = run.bests()
    ends = [step for step, _ in (*run.checkpoints(), *bests[-1:])]
    needed = {max((step for step, _ in bests if step <= end), default=0) for end in ends}
    for step, folder in bests:
        if step not in needed:
            shutil.rmtree(folder, ignore_errors=True)


def _forget_bests(run: Workspace, last: int) -> None:
    """Drop the best weights of steps after `last`, which a start that broke off before its checkpoint left behind."""
    remove_partials(run.best(last).parent)
    for step, folder in run.bests():
        if step > last:
            shutil.rmtree(folder, ignore_errors=True)


def _save(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Copy the second of two tensors with one storage, which safetensors refuses. Others are not copied, to save
    memory."""
    written: dict[str, torch.Tensor] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        held = tensor.detach().cpu().contiguous()
        storage = held.untyped_storage().data_ptr()
        written[name] = held.clone() if storage in storages else held
        storages.add(storage)
    save_file(written, path)


def _load(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise CorruptCheckpoint(f"{path} cannot be read: {error}", "delete it and resume from an older one") from error


def _content_hash(folder: Path) -> str:
    return hash_files(path for path in folder.iterdir() if path.name != "hash")


def _is_whole(folder: Path) -> bool:
    mark = folder / "hash"
    try:
        return mark.read_bytes() == _content_hash(folder).encode()
    except OSError:
        return False


def _random_tensors() -> dict[str, torch.Tensor]:
    tensors = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    if torch.backends.mps.is_available():
        tensors["mps"] = torch.mps.get_rng_state()
    return tensors


def _restore_random(tensors: Mapping[str, torch.Tensor]) -> None:
    torch.set_rng_state(tensors["cpu"])
    if "cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["cuda"])
    if "mps" in tensors and torch.backends.mps.is_available():
        torch.mps.set_rng_state(tensors["mps"])
