"""Publishing an export on the hub, with its model card."""

from __future__ import annotations

import os
import re
from pathlib import Path

from keeptune.errors import ConfigError, StoreError, first_line
from keeptune.models.weight_files import ADAPTER_CONFIG, read_json

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
BASE = re.compile(rf"{NAME.pattern}|gpt2|[a-z0-9]+(?:-[a-z0-9]+)+")
"""Older models have no owner in their name."""


def refuse_name(name: str) -> None:
    """Raise ConfigError for what cannot be a name on the hub."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name on the hub", "give OWNER/NAME")


def files_of(folder: Path) -> list[tuple[str, int]]:
    """(path, bytes) of each file that is uploaded."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in found]


def push(folder: Path, name: str, *, private: bool) -> str:
    """Upload all of `folder` as one commit to the repository `name`, which is made if it is not there. → its address

    Raises:
        StoreError: the hub is not reached, or refuses it; or the repository is there, and public, and `private`.
    """
    from huggingface_hub import HfApi

    api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    try:
        api.create_repo(name, private=private, exist_ok=True)
        # One that was there stays as it was.
        public = private and api.model_info(name).private is False
        message = "Exported by keeptune"
        made = None if public else api.upload_folder(repo_id=name, folder_path=folder, commit_message=message)
    except Exception as error:  # each version of the client has other classes for a network that fails
        raise StoreError(
            f"{name} cannot be uploaded: {first_line(error)}",
            f"look at HF_TOKEN and HF_HUB_OFFLINE; the files are in {folder}, and `hf upload` takes them, too",
        ) from error
    if made is None:
        raise StoreError(
            f"{name} is there already, and public: nothing was uploaded",
            f"make it private on the hub, or name another with --push-to-hub; the files are in {folder}",
        )
    return str(made.commit_url)


def refuse_local_base(adapter: Path) -> None:
    """Raise ConfigError for an adapter whose base is a folder of this machine: nobody else could load it."""
    base = read_json(adapter / ADAPTER_CONFIG).get("base_model_name_or_path")
    if not isinstance(base, str) or Path(base).exists() or not BASE.fullmatch(base):
        raise ConfigError(
            f"the adapter names a base that only this machine has: {base}",
            "export whole weights (safetensors), or tune from the base by its name on the hub",
        )
