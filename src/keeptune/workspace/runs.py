"""Find, look up and delete the runs in a folder, so that no other run breaks."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from keeptune.commands import command
from keeptune.errors import RunLocked, StoreError
from keeptune.near_paths import did_you_mean_path, expanded
from keeptune.workspace.json_file import read_json_object
from keeptune.workspace.layout import (
    ABILITIES,
    ADAPTER,
    ADAPTER_CONFIG,
    BEST,
    CHECKPOINT_START,
    CONFIG,
    EXPORTS,
    LOCK,
    MODEL,
    OWN_CACHE,
    QUANTIZATION,
    SAMPLES,
)
from keeptune.workspace.open_run import is_locked
from keeptune.workspace.run_entry import RunEntry, is_run, leaves, read_entry

NOT_RUNS = (ADAPTER, MODEL, SAMPLES, ABILITIES, BEST, OWN_CACHE, EXPORTS, QUANTIZATION)
"""Folders of a run that hold no runs."""
_OWN = ("output", "resume")
"""Settings with the location of the run itself."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """A run that refers to the folder of another one."""

    name: str
    reason: str
    """How, in words."""
    breaks: bool
    """Whether it needs the other run; otherwise it only loses the reference to its origin."""


def find_runs(folder: Path) -> list[RunEntry]:
    """Every run below `folder`, by name; runs inside runs, as those of a study, among them.

    Raises:
        StoreError: no such folder.
    """
    return [read_entry(path, name) for path, name in run_folders(folder)]


def find_run(run: str | os.PathLike[str], folder: Path) -> RunEntry:
    """One run, by its name in `folder` or by its path.

    Raises:
        StoreError: there is none.
    """
    run = os.fspath(run)
    inside = [folder] if run == folder.name else []
    for path in (folder / run, *inside, expanded(run)):
        if path.is_dir() and is_run(path):
            return read_entry(path, run)
    near = did_you_mean_path(folder / run) or did_you_mean_path(run)
    raise StoreError(f"there is no run {run!r} in {folder}", f"{near}`{command('runs list', folder)}` lists them")


def dependents(run: RunEntry, folder: Path) -> list[Dependent]:
    """The runs in `folder` that refer to `run` or are made of it; those inside its own folder go with it.

    Of a run that lies elsewhere, those beside it. Paths in settings are read as from the working directory, and as
    from above the folder of runs: there a run is mostly started.
    """
    target = Path(run.path).resolve()
    home = folder.resolve()
    if home not in target.parents:
        home = _outermost(target).parent
    starts = (Path.cwd(), home.parent)
    found = []
    for path, name in run_folders(home):
        here = path.resolve()
        if here == target or target in here.parents:
            continue
        entry = read_entry(path, name)
        if here in target.parents:
            found.append(Dependent(name, "it is made of this run", True))
        elif setting := next(_settings_inside(path, entry, target, starts), ""):
            told = entry.kind in ("measure", "eval") and entry.state == "finished"
            found.append(Dependent(name, f"its {setting} is in this run", not told))
    return found


def delete_run(run: RunEntry, folder: Path, *, force: bool = False) -> None:
    """Delete a run's folder. Cached answers of its base are kept elsewhere and stay.

    Args:
        force: delete it although other runs need it.

    Raises:
        RunLocked: a process is writing there. StoreError: another run needs it, it is none, or it cannot be deleted.
    """
    path = Path(run.path)
    if path.is_symlink():
        raise StoreError(f"{path} is a link to a folder elsewhere", "name the folder itself")
    path = path.resolve()
    if not any((path / name).exists() for name in (LOCK, CONFIG)):
        # A folder with a rows.json or result.json of the user's own is listed as well.
        raise StoreError(f"{path} has no settings of a run: it may hold other files", "delete it by hand")
    needing = [dependent for dependent in dependents(run, folder) if dependent.breaks]
    if needing and not force:
        told = "; ".join(f"{dependent.name}: {dependent.reason}" for dependent in needing)
        raise StoreError(
            f"{run.name} is needed by {len(needing)} other run{'s' if len(needing) > 1 else ''} ({told})",
            "delete those first, or use --force",
        )
    for inner, name in run_folders(path):
        if inner != path and is_locked(inner):
            raise _busy(name)
    gone = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.old")
    lock = FileLock(path / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise _busy(run.name) from error
    except OSError as error:
        raise _stays(path, error) from error
    try:
        if os.name == "nt":
            # Windows cannot rename a folder with an open file in it.
            lock.release()
        os.replace(path, gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise _stays(gone if gone.exists() else path, error) from error
    finally:
        lock.release()


def run_folders(folder: Path) -> Iterator[tuple[Path, str]]:
    """(path, name) of every run below `folder`, itself among them where it is one; no link is followed.

    Raises:
        StoreError: no such folder.
    """
    if not folder.is_dir():
        raise StoreError(f"there is no folder {folder}", "name the folder of your runs: keeptune runs FOLDER")
    for place, inner, _ in os.walk(folder):
        path = Path(place)
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        if is_run(path):
            inner[:] = [name for name in inner if not (name in NOT_RUNS or name.startswith(CHECKPOINT_START))]
            yield path, path.name if path == folder else path.relative_to(folder).as_posix()


def _outermost(run: Path) -> Path:
    """The run that contains this one, or itself."""
    return next((parent for parent in reversed(run.parents) if is_run(parent)), run)


def _settings_inside(path: Path, entry: RunEntry, target: Path, starts: Sequence[Path]) -> Iterator[str]:
    """Settings of a run, and of its adapter, that name something in the folder `target`."""
    named = dict(leaves(entry.settings))
    adapter = path / ADAPTER / ADAPTER_CONFIG
    if adapter.exists():
        with suppress(StoreError):
            named["adapter's base"] = read_json_object(adapter, "").get("base_model_name_or_path")
    for setting, value in named.items():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and text and setting not in _OWN and _lies_in(text, target, starts):
                yield setting


def _lies_in(text: str, target: Path, starts: Sequence[Path]) -> bool:
    for start in starts:
        # The test rows of a run, which a later one keeps, are named by it, too.
        path = start / expanded(text.removeprefix("run:"))
        try:
            resolved = path.resolve()
        except (OSError, ValueError, RuntimeError):
            continue
        if (resolved == target or target in resolved.parents) and resolved.exists():
            return True
    return False


def _busy(name: str) -> RunLocked:
    return RunLocked(f"{name} is being written by another process", "wait for it, or stop it first")


def _stays(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path} cannot be deleted: {error}", "check who owns it, then delete it by hand")
