"""Read rows from any path or name; the file's ending selects the reader."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from keeptune.data.formats.delimited import is_table, read_tsv
from keeptune.data.formats.hub import is_saved_dataset, read_hub_dataset, read_saved_dataset
from keeptune.data.formats.raw_row import RawRows, failed
from keeptune.data.formats.reading import AS_FOUND, READERS, Reading
from keeptune.near_names import did_you_mean_quoted
from keeptune.near_paths import SURE, expanded, looks_like_path, near_path

STREAMED = (".jsonl", ".ndjson")
"""Endings of files with one row per line."""
ENDS_THE_FILE = ("unclosed-quote", "bad-csv", "truncated", "bad-json", "too-large")
"""Kinds of problems after which no row of a file is known, but of JSON Lines."""
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def read_rows(path: str, role: str, reading: Reading = AS_FOUND) -> RawRows:
    """The rows behind `path`: a file, a workbook's sheet ``file.xlsx:sheet``, a folder, or a hub data set
    ``name[:config][:split]``."""
    here = expanded(path)
    reading = replace(reading, role=role)
    try:
        if here.is_file():
            return _read_file(here, reading)
        if here.is_dir():
            return _read_folder(here, reading)
        name, _, part = path.rpartition(":")
        inside, of_part = expanded(name), replace(reading, part=part)
        if name and inside.is_dir():
            return _read_folder(inside, of_part)
        if name and inside.is_file():
            reader = READERS.get(inside.suffix.lower())
            if reader is not None and reader.has_parts:
                return reader.read(inside, of_part)
            return failed(path, "unknown-split", "a file has no splits", f'leave ":{part}" out')
    except OSError as error:
        return failed(path, "unreadable", f"cannot be read: {error.strerror or error}", "check its permissions")
    if _looks_local(path):
        return _missing(path, here)
    hub_name, *parts = path.split(":")
    tried = f'no file or folder "{path}" in {Path.cwd().name or "/"}'
    return read_hub_dataset(hub_name, parts, role, tried)


def _read_file(path: Path, reading: Reading) -> RawRows:
    reader = READERS.get(path.suffix.lower())
    if reader is not None:
        return reader.read(path, reading)
    if path.suffix.lower() == ".txt" and is_table(path, reading):
        # Excel's "Unicode Text".
        return read_tsv(path, reading)
    ending = f'the ending "{path.suffix}" is' if path.suffix else "a file without an ending is"
    message = f"{ending} not one of {' '.join(READERS)}{did_you_mean_quoted(path.suffix, READERS)}"
    fix = f"unpack it first: gunzip {path.name}" if path.suffix == ".gz" else "rename or convert the file"
    return failed(str(path), "unknown-extension", message, fix)


def _read_folder(folder: Path, reading: Reading) -> RawRows:
    split = reading.part
    if is_saved_dataset(folder):
        return read_saved_dataset(folder, split, reading.role)
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.suffix.lower() in READERS)
    named = [path for path in files if path.stem == (split or reading.role)]
    chosen = named or ([] if split else files)
    if len(chosen) == 1:
        return _read_file(chosen[0], replace(reading, part=None))
    if not chosen:
        what = f'file "{split}" with an ending' if split else "file with an ending"
        message = f"the folder has no {what} of {' '.join(READERS)} and no data set of save_to_disk"
        return failed(str(folder), "no-data", message, "name the file, or the right folder")
    names = ", ".join(path.name for path in chosen[:8])
    return failed(str(folder), "several-files", f"the folder has several data files: {names}", "name one of them")


def _looks_local(path: str) -> bool:
    name, *parts = path.split(":")
    is_path = len(parts) > 2 or any("/" in part or not part for part in parts) or not _HUB_NAME.fullmatch(name)
    if is_path or Path(name).suffix.lower() in {*READERS, ".gz", ".txt", ".xls"}:
        return True
    return not _in_hub_cache(name) and (looks_like_path(name) or (not parts and bool(near_path(name, SURE))))


def _in_hub_cache(name: str) -> bool:
    from huggingface_hub.constants import HF_HUB_CACHE

    return (Path(HF_HUB_CACHE) / f"datasets--{name.replace('/', '--')}").is_dir()


def _missing(path: str, here: Path) -> RawRows:
    near = near_path(path)
    hint = f' (did you mean "{near if "/" in path else Path(near).name}"?)' if near else ""
    folder = "" if here.parent.is_dir() else f', and no folder "{here.parent}"'
    split = f"; the hub's data set of that name is {path}:train" if _HUB_NAME.fullmatch(path) else ""
    return failed(path, "missing-file", f"no such file{folder}{hint}", f"check the path{split}")
