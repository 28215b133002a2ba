"""Create and lock run folders. A finished result is never overwritten."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from keeptune.commands import command
from keeptune.errors import RunExists, RunLocked, StoreError
from keeptune.near_paths import did_you_mean_path, expanded
from keeptune.records import to_plain
from keeptune.workspace.atomic import remove_partials
from keeptune.workspace.layout import BEGUN, CONFIG, COURSE, LOCK, NOTICES, REPRODUCES, START
from keeptune.workspace.lineage import code_named_by
from keeptune.workspace.path_part import readable_part
from keeptune.workspace.workspace import Workspace


@contextmanager
def open_run(output: str, default_name: str, *, resume: bool) -> Iterator[Workspace]:
    """The run folder, locked against other processes in the block.

    Args:
        output: the folder that the user named, or "" for the first free ``runs/<default_name>-<n>``.
        resume: go on with an unfinished run there.

    Raises:
        RunExists: a result, or an unfinished run, is there already.
        RunLocked: another process is writing there.
    """
    folder = expanded(output) if output else _first_free(readable_part(default_name))
    if resume and Workspace(folder).is_finished and Workspace(folder).intermediates():
        with locked_folder(folder, fresh=False):
            # Of a start that was killed right after it had written the result.
            Workspace(folder).remove_intermediates()
    refuse_taken(str(folder), resume=resume)
    with locked_folder(folder, fresh=not resume):
        _check_free(folder, resume=resume)
        if resume:
            remove_partials(folder)
        yield Workspace(folder)


def goes_on(output: str, settings: Any) -> bool:
    """Whether `output` has an unfinished run with exactly these settings, which the same command continues."""
    try:
        return bool(output) and Workspace(expanded(output)).settings() == to_plain(settings)
    except StoreError:
        return False


def refuse_taken(output: str, *, resume: bool) -> None:
    """Refuse a folder that is not possible for a run; "" is a free one.

    Raises:
        StoreError, RunExists: as `open_run`.
    """
    folder = expanded(output)
    try:
        if output:
            _check_free(folder, resume=resume)
    except OSError as error:
        raise _no_place(folder, error) from error


@contextmanager
def locked_folder(folder: Path, *, fresh: bool) -> Iterator[None]:
    """`folder`, made where it is missing, locked against other processes while the block runs.

    Args:
        fresh: nothing was there before. If the block is refused or stopped before anything was trained or answered,
            nothing is left behind.

    Raises:
        StoreError: it cannot be made, or something in it is a link to a place outside.
        RunLocked: another process is writing there.
    """
    try:
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        before = set(folder.iterdir()) if folder.is_dir() else set()
        folder.mkdir(parents=True, exist_ok=True)
        refuse_ways_out(folder)
    except OSError as error:
        raise _no_place(folder, error) from error
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunLocked(f"another process is writing to {folder}", "wait for it, or name another --output") from error
    except OSError as error:
        raise _no_place(folder, error) from error
    try:
        yield
    except BaseException:
        if fresh and _holds_nothing(folder):
            for entry in set(folder.iterdir()) - before:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
            lock.release()
            for path in made:
                with suppress(OSError):
                    path.rmdir()
        raise
    finally:
        lock.release()


def _holds_nothing(folder: Path) -> bool:
    """Whether it contains only settings and hashes of the inputs."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return all(file.name in (*BEGUN, CONFIG, NOTICES, COURSE) or file.parts[0] == START for file in files)


def is_locked(folder: Path) -> bool:
    """Whether a process is known to be writing to this run now."""
    return lock_of(folder) is True


def lock_of(folder: Path) -> bool | None:
    """Whether a process is writing to this run now; None where that cannot be told, as of a folder of another user or
    on a disk that is mounted to be read."""
    if not (folder / LOCK).exists():
        return False
    try:
        with FileLock(folder / LOCK).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return None


def refuse_ways_out(folder: Path) -> None:
    """Writing through a link would write outside the run folder, reading would read there, and reading a pipe would
    wait for ever.

    Raises:
        StoreError: something in the folder is a link to a place outside of it, or no file.
    """
    home = folder.resolve()
    for place, folders, files in os.walk(folder):
        for entry in (Path(place) / name for name in (*folders, *files)):
            if entry.is_symlink() and home not in entry.resolve().parents:
                raise StoreError(f"{entry} is a link to a place outside of its run", "put what it names there instead")
            if entry.exists() and not (entry.is_dir() or entry.is_file()):
                raise StoreError(f"{entry} is not a file", "delete it")


def _no_place(folder: Path, error: OSError) -> StoreError:
    return StoreError(f"the run folder {folder} cannot be made: {error.strerror}", "name another with --output")


def _check_free(folder: Path, *, resume: bool) -> None:
    if folder.is_file():
        raise StoreError(f"{folder} is a file, not a folder", "name another --output")
    run = Workspace(folder)
    if run.is_finished:
        raise RunExists(f"{folder} holds a finished result", "name another --output; results are never overwritten")
    if run.has_settings and not resume and not _only_asked(run):
        raise RunExists(f"{folder} holds an unfinished run", f"{_goes_on_by(run)}, or name another --output")
    if resume and not run.has_settings:
        raise StoreError(
            f"there is no run to resume in {folder}",
            f"{did_you_mean_path(folder)}check --output, or leave --resume out",
        )
    found = {entry.name for entry in folder.iterdir()} if folder.is_dir() and not resume else set()
    # Without the lock of a start that was killed, a rows.json is the user's own.
    if found - ({*BEGUN, CONFIG} if found & {LOCK, REPRODUCES} else set()):
        raise RunExists(f"{folder} is not empty", "name an empty or new folder with --output")


def _goes_on_by(run: Workspace) -> str:
    """How this unfinished run is resumed: of a `tune` the command, which needs nothing but the folder."""
    try:
        settings, begun = run.settings(), run.started_from()
    except StoreError:
        return "the command that started it resumes it"
    if settings.get("type") != "TuneConfig" or run.is_study:
        return "the command that started it resumes it"
    if "base" in begun:
        return "the rescue that started it resumes it, with --resume"
    if code_named_by(settings):
        return "the command that started it resumes it, with --resume"
    return f"resume it by {command('tune', output=run.path, resume=True)}"


def _only_asked(run: Workspace) -> bool:
    """Whether a `measure` or `eval` was broken off here, which begin anew: what they have is in the cache."""
    try:
        settings = run.settings()
    except StoreError:
        return False
    of_eval = settings.keys() == {"model", "data", "evaluation"}
    return _holds_nothing(run.path) and (of_eval or settings.get("type") == "MeasureRun")


def _first_free(name: str) -> Path:
    number = 1
    while (Path("runs") / f"{name}-{number}").exists():
        number += 1
    return Path("runs") / f"{name}-{number}"
