"""Packages that are installed for one test: modules and entry points in a folder that is put on the path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def install_plugin(
    folder: Path, name: str, modules: Mapping[str, str], groups: Mapping[str, Mapping[str, str]], version: str = "1.0"
) -> Path:
    """Write a package as pip installs one, and return the folder that belongs on the path.

    Args:
        modules: file → its text.
        groups: group of entry points → name → ``module:object``.
    """
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, entries in groups.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()), ""]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    for file, text in modules.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return folder
