"""Decide which files of a folder are loaded and hashed. No other module does.

A file is loaded only if its folder, or an index there, names it; if it lies in that folder, also after links; and if it
is safetensors, unless pickles were allowed. [ADR 2](docs/adr/0002-weights-without-pickle.md).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keeptune.errors import ModelError
from keeptune.workspace.hashing import hash_file, hash_of_hashes
from keeptune.workspace.json_file import read_object
from keeptune.workspace.places import cache_folder
from keeptune.workspace.sums import SUMS, unlike_sums

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLE, PICKLE_INDEX = "pytorch_model.bin", "pytorch_model.bin.index.json"
ADAPTER_WEIGHTS, ADAPTER_PICKLE = "adapter_model.safetensors", "adapter_model.bin"
ADAPTER_CONFIG = "adapter_config.json"
PICKLE_SUFFIXES = (".bin", ".pt", ".pth", ".ckpt")
READ_BESIDE = (".json", ".jinja", ".model", ".spm", ".tokenizer", ".tiktoken", ".txt", ".py")
"""Settings, vocabularies, chat templates, code: everything besides the weights that affects answers."""
_SHARD_OF_A_PROCESS = re.compile(r"shard-\d{5}-model-\d{5}-of-\d{5}\.safetensors")
"""Where one is, transformers takes every safetensors file of the folder, whatever its index says."""
_POINTS_ELSEWHERE = ("megatron_config", "prompt_tuning_init_state_dict_path", "adapters")
"""Settings of an adapter by which peft imports a module, or reads weights from any path."""
AGAIN = "fetch or save the model again"
WHOLE_MODEL = f"{WEIGHTS}, or {INDEX} and the files that it names"


def model_files(folder: Path, *, allow_pickle: bool = False) -> tuple[Path, ...]:
    """The weights of a model's folder, as transformers takes them: some folders hold them twice.

    Raises:
        ModelError: there are none, or they may not be loaded.
    """
    if alien := next((f.name for f in folder.iterdir() if _SHARD_OF_A_PROCESS.fullmatch(f.name)), ""):
        raise ModelError(f"{folder} holds part of a distributed checkpoint, {alien}", "save it with `save_pretrained`")
    settings = read_json(folder / "config.json") if (folder / "config.json").exists() else {}
    named = settings.get("transformers_weights")
    if named is not None:
        return _shards(folder, named) if str(named).endswith(INDEX[5:]) else (_file(folder, named, (".safetensors",)),)
    if (folder / WEIGHTS).exists():
        return (_file(folder, WEIGHTS, (".safetensors",)),)
    if (folder / INDEX).exists():
        return _shards(folder, INDEX)
    _refuse_pickle(folder, (PICKLE, PICKLE_INDEX), WHOLE_MODEL, allowed=allow_pickle)
    if (folder / PICKLE).exists():
        return (_file(folder, PICKLE, PICKLE_SUFFIXES),)
    return _shards(folder, PICKLE_INDEX, (".safetensors", *PICKLE_SUFFIXES))


def adapter_files(folder: Path, *, allow_pickle: bool = False) -> tuple[Path, ...]:
    """The weights of an adapter's folder.

    Raises:
        ModelError: there are none, they may not be loaded, or its settings ask for files or code beyond them.
    """
    settings = read_json(folder / ADAPTER_CONFIG)
    if beyond := [name for name in _POINTS_ELSEWHERE if settings.get(name)]:
        raise ModelError(f"{folder / ADAPTER_CONFIG} asks for files or code beyond its own ({beyond[0]})", AGAIN)
    if (folder / ADAPTER_WEIGHTS).exists():
        return (_file(folder, ADAPTER_WEIGHTS, (".safetensors",)),)
    _refuse_pickle(folder, (ADAPTER_PICKLE,), ADAPTER_WEIGHTS, allowed=allow_pickle)
    return (_file(folder, ADAPTER_PICKLE, PICKLE_SUFFIXES),)


def hash_folder(folder: Path, weights: Iterable[Path]) -> str:
    """SHA-256 over `weights` and all else of `folder` that a loaded model depends on.

    Raises:
        ModelError: one of them is another than the folder's own sums say.
    """
    files = [*weights, *files_beside(folder)]
    try:
        hashes = {path.relative_to(folder).as_posix(): hash_file(path) for path in files}
        unlike = unlike_sums(folder, hashes)
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{folder} cannot be read: {error}", AGAIN) from error
    if unlike:
        wrong = f"{folder / unlike[0]} is not what was saved there: its hash differs from {SUMS}"
        if cache_folder().resolve() in folder.resolve().parents:
            raise ModelError(wrong, f"rm -r {shlex.quote(str(folder))}to have it made again")
        own = f"rm {shlex.quote(str(folder / SUMS))} where it was changed on purpose"
        raise ModelError(wrong, f"fetch, copy or train it again; {own}")
    return hash_of_hashes(hashes)


def files_beside(folder: Path) -> list[Path]:
    """The files of a folder that are read besides its weights.

    Raises:
        ModelError: one of them is no file, as a pipe, from which a reader would wait for ever.
    """
    found = [*folder.iterdir(), *folder.glob("additional_chat_templates/*"), *folder.glob("*/*.py")]
    beside = [path for path in found if path.suffix in READ_BESIDE and not path.is_dir()]
    for path in beside:
        if not path.is_file():
            raise ModelError(f"{path} is not a file", AGAIN)
    return beside


def shards_named(index: Path) -> list[str]:
    """The files that an index of weights names.

    Raises:
        ModelError: it is not an index, or names something that is not a safetensors file next to it.
    """
    return [_checked(name, index, (".safetensors",)) for name in _named(index)]


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, or a ModelError that names the file."""
    try:
        return read_object(path)
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}", AGAIN) from error


def _refuse_pickle(folder: Path, pickles: tuple[str, ...], safe: str, *, allowed: bool) -> None:
    """Raise ModelError for a folder without `safe` weights: it has none, or `pickles`, which the user did not allow."""
    found = [name for name in pickles if (folder / name).exists()]
    if not found:
        raise ModelError(f"{folder} holds no weights ({safe})", AGAIN)
    if not allowed:
        raise ModelError(
            f"{folder} holds weights as pickle only ({', '.join(found)}), which can run code when loaded",
            "convert them to safetensors, or pass --allow-pickle if you trust their origin",
        )


def _shards(folder: Path, index: Any, suffixes: tuple[str, ...] = (".safetensors",)) -> tuple[Path, ...]:
    file = _file(folder, index, (".json",))
    return tuple(_file(folder, name, suffixes, str(file)) for name in _named(file))


def _named(index: Path) -> list[Any]:
    names = read_json(index).get("weight_map")
    if not isinstance(names, dict) or not names or not all(isinstance(name, str) for name in names.values()):
        raise ModelError(f"{index} names no files of weights", AGAIN)
    return sorted(set(names.values()))


def _file(folder: Path, name: Any, suffixes: tuple[str, ...], named_by: str = "") -> Path:
    path = folder / _checked(name, named_by or folder, suffixes)
    if path.exists() and not path.is_file():
        raise ModelError(f"{path} is not a file", AGAIN)
    home, target = folder.resolve(), path.resolve()
    # The hub's cache keeps each file once, under its hash, in models--OWNER--NAME/blobs: its snapshots link there, so
    # do folders of `local_dir` that older versions of huggingface_hub made.
    of_cache = target.parent.name == "blobs" and target.parent.parent.name.startswith("models--")
    if home not in target.parents and not of_cache:
        raise ModelError(f"{path} is a link to {target}, outside of its folder", "put the file itself there")
    return path


def _checked(name: Any, named_by: Path | str, suffixes: tuple[str, ...]) -> str:
    if not isinstance(name, str) or re.search(r"[/\\\0]", name) or Path(name).suffix not in suffixes:
        wanted = " or ".join(suffixes)
        raise ModelError(f"{named_by} names {name!r}, which is not a {wanted} file next to it", AGAIN)
    return name
