"""Names of tasks and models, used for run folders, lists of runs and everywhere else."""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath

from keeptune.config.paths import absolute
from keeptune.workspace.layout import ADAPTER, MODEL

GENERIC = ("train", "training", "rows", "data", "dataset", "mix", "recipe")
"""File names that do not name the task; their folder's name does."""
FILES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".xlsx", ".parquet", ".yaml", ".yml")


def task_name(*data: str | None) -> str:
    """A short name for a task from where its rows are: ``dialogsum`` of ``data/dialogsum/train.jsonl``, ``reviews`` of
    ``/somewhere/reviews.csv``; of the hub's data sets their names.

    A file has one name, whether its path is relative, as a user gives it, or absolute, as a run keeps it.

    Args:
        data: train, then test; the first that is given names the task.
    """
    named = absolute(next(filter(None, data), ""))
    path = PurePosixPath(named.replace("\\", "/"))
    if path.suffix.lower() in FILES:
        return (
            path.parent.name if path.stem.lower() in GENERIC and path.parent.name not in ("", ".", "..") else path.stem
        )
    is_path = path.is_absolute() or named.startswith((".", "~")) or bool(PurePath(named).drive)
    return path.name if is_path else named


def short_model(name: str) -> str:
    """A model's name without parent folders; weights in a run have the run's name."""
    path = Path(name)
    return path.parent.name if path.name in (MODEL, ADAPTER) else path.name
