"""The one name of a task: in the folder of its run, in lists of runs and wherever else a task is named."""

from __future__ import annotations

from pathlib import PurePath, PurePosixPath

GENERIC = ("train", "training", "rows", "data", "dataset", "mix", "recipe")
"""Names of files that say nothing of the task; their folder's does."""
FILES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".yaml", ".yml")


def task_name(data: str) -> str:
    """A short name for a task from where its rows are: ``dialogsum`` of ``data/dialogsum/train.jsonl``, ``reviews`` of
    ``/somewhere/reviews.csv``; of the hub's data sets their names."""
    path = PurePosixPath(data.replace("\\", "/"))
    if path.suffix.lower() in FILES:
        return (
            path.parent.name if path.stem.lower() in GENERIC and path.parent.name not in ("", ".", "..") else path.stem
        )
    is_path = path.is_absolute() or data.startswith((".", "~")) or bool(PurePath(data).drive)
    return path.name if is_path else data
