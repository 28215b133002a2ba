"""Data sets by the library `datasets`: a hub name, or a folder written by `save_to_disk`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keeptune.data.formats.bounds import MOST_BYTES, shown_size, too_large
from keeptune.data.formats.parquet import BATCH, with_class_names
from keeptune.data.formats.raw_row import RawRow, RawRows, failed
from keeptune.data.formats.reading import READERS
from keeptune.errors import first_line
from keeptune.near_names import did_you_mean_quoted
from keeptune.workspace.json_file import read_object

_SPLITS = {
    "train": ("train",),
    "validation": ("validation", "dev", "valid"),
    "test": ("test", "validation", "dev"),
    "replay": ("replay", "train"),
}
"""Role → names of matching splits. Items of `--keep` have their own name as role and use the test split."""
_MARKERS = ("dataset_dict.json", "state.json", "dataset_info.json")


def is_saved_dataset(folder: Path) -> bool:
    """Whether `save_to_disk` wrote this folder."""
    return any((folder / marker).is_file() for marker in _MARKERS)


def read_saved_dataset(folder: Path, split: str | None, role: str) -> RawRows:
    """Rows of a local folder; of a dict of splits, `split` or the one that fits `role`."""
    import datasets

    try:
        _refuse_outside(folder)
        loaded = datasets.load_from_disk(str(folder))
    except Exception as error:  # noqa: BLE001 - datasets and pyarrow raise many kinds for a damaged folder
        message = f"not a readable data set folder: {first_line(error)}"
        return failed(str(folder), "corrupt-dataset", message, "save it again with save_to_disk")
    return _rows(loaded, str(folder), split, role)


def _refuse_outside(folder: Path) -> None:
    """Raise ValueError if the folder names, or links to, files elsewhere: rows would come from there."""
    index = folder / _MARKERS[0]
    named = _names(index, "splits") if index.is_file() else [""]
    tables = [(folder / split, name) for split in named for name in _names(folder / split / _MARKERS[1], "_data_files")]
    home = folder.resolve()
    for place, name in (*((folder, split) for split in named), *tables):
        target = (place / name).resolve()
        # A snapshot of the hub's cache links to the files in it.
        of_cache = target.parent.name == "blobs" and target.parent.parent.name.startswith("datasets--")
        if target != home and home not in target.parents and not of_cache:
            raise ValueError(f"it names {name!r}, which lies outside of it")


def _names(file: Path, key: str) -> list[str]:
    """The names in a list of `datasets`: texts, or objects with a ``filename``."""
    named = read_object(file).get(key) or []
    return [str(each["filename"] if isinstance(each, dict) else each) for each in named]


def read_hub_dataset(name: str, parts: Sequence[str], role: str, tried: str) -> RawRows:
    """Rows of a data set on the hub, or in its cache.

    Offline settings (``HF_HUB_OFFLINE``) are the library's own.

    Args:
        parts: configuration and split; one alone is the split, or the configuration of a data set that has several.
        tried: how `name` was looked for on this machine.
    """
    import datasets

    shown = ":".join((name, *parts))
    config, split = (parts[0] if len(parts) > 1 else None), (parts[-1] if parts else None)
    try:
        try:
            loaded = datasets.load_dataset(name, *([config] if config else []))
        except ValueError as error:
            if "Config name is missing" not in str(error):
                raise
            if not split:
                told = " ".join(line.strip() for line in str(error).splitlines()[:2])
                fix = f"name one, as in {name}:CONFIG or {name}:CONFIG:SPLIT"
                return failed(shown, "several-configs", told, fix)
            loaded, split = datasets.load_dataset(name, split), None
    except Exception as error:  # noqa: BLE001 - the library raises its own, the hub's and the network's errors
        message = f'"{name}" was found neither on this machine ({tried}) nor on the hub: {first_line(error)}'
        fix = f"give a file ({' '.join(READERS)}), a folder, or a hub name that can be reached"
        return failed(shown, "not-found", message, fix)
    return _rows(loaded, shown, split, role)


def _rows(loaded: Any, file: str, split: str | None, role: str) -> RawRows:
    name = split or "train"
    if isinstance(loaded, dict):
        known = tuple(loaded)
        wanted = (split,) if split else _SPLITS.get(role, (role, *_SPLITS["test"]))
        found = next((name for name in wanted if name in known), None)
        if found is None:
            hint = did_you_mean_quoted(split, known) if split else ""
            message = f'no split "{wanted[0]}"{hint}; the splits are {", ".join(known)}'
            return failed(file, "unknown-split", message, f"name one, as in {file.split(':')[0]}:{known[0]}")
        name, loaded = found, loaded[found]
    elif split:
        return failed(file, "unknown-split", "the folder holds one table and no splits", "leave the split out")
    labels = {
        field: tuple(feature.names)
        for field, feature in loaded.features.items()
        if type(feature).__name__ == "ClassLabel" and feature.names
    }
    size = loaded.data.nbytes
    if size > MOST_BYTES:
        problem = too_large(file, f"the data set holds {shown_size(size)}")
        return RawRows((), (problem,))
    # As they are stored: by itself, the library opens the file or the URL that a picture or a sound names.
    batches = loaded.with_format("arrow").iter(batch_size=BATCH)
    plain = (row for batch in batches for row in batch.to_pylist())
    rows = tuple(RawRow(with_class_names(row, labels), file, number) for number, row in enumerate(plain, start=1))
    if not rows:
        return failed(file, "no-rows", "the data set has no rows", "give at least one")
    return RawRows(rows, labels=labels, stem=name)
