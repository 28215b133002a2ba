"""A cache entry carries its hash; a cache that fails is left out with one line."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from keeptune.errors import StoreError
from keeptune.events import Event, Notice
from keeptune.records import Answer, EncodedRow
from keeptune.training.startup_cache import Startup, keep_startup, read_startup
from keeptune.workspace import atomic
from keeptune.workspace.atomic import atomic_folder, write_text
from keeptune.workspace.places import cache_folder
from keeptune.workspace.score_cache import keep_answers, read_answers
from keeptune.workspace.text_cache import cached_text

ANSWERS = [Answer("a", None, reference_loglikelihood=-3.5, reference_tokens=2), Answer("b", "x\u2028y")]
START = Startup(True, 5, {"loss": 2.0}, 0.5)


class Told(list[str]):
    def __call__(self, event: Event, /) -> None:
        assert isinstance(event, Notice)
        self.append(event.message)


def kept(name: str, told: Told) -> bool:
    """Whether the cache still gives what was put there."""
    if name == "answers":
        return read_answers("key", ["a", "b"], told) == ANSWERS
    if name == "start":
        return read_startup("key", told) == START
    fresh: list[int] = []
    cached_text(["key"], EncodedRow, lambda: fresh.append(1) or [EncodedRow("a", (1,), (), ((0, 1),), 0)], told)
    return not fresh


def keep(told: Told) -> None:
    keep_answers("key", ANSWERS, told)
    keep_startup("key", START, told)
    kept("text", told)


NAMES = ("answers", "start", "text")
DAMAGES: dict[str, Any] = {
    "an edited number": lambda file: file.write_text(
        file.read_text().replace("3.5", "0.5").replace("2.0", "1.0").replace("[1]", "[2]")
    ),
    "cut off": lambda file: file.write_bytes(file.read_bytes()[:-5]),
    "a line less": lambda file: file.write_bytes(b"\n".join(file.read_bytes().split(b"\n")[:-2]) + b"\n"),
    "empty": lambda file: file.write_bytes(b""),
    "no text": lambda file: file.write_bytes(b"\xff\xfe"),
    "nested": lambda file: file.write_text("[" * 9999),
    "a pipe": lambda file: (file.unlink(), os.mkfifo(file)),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_left_out_and_told(name: str, damage: str) -> None:
    told = Told()
    keep(told)
    assert all(kept(each, told) for each in NAMES)
    assert told == []
    for file in [path for path in cache_folder().rglob("*.jsonl") if path.is_file()]:
        DAMAGES[damage](file)
    assert not kept(name, told)
    assert "cache" in told[0]


@pytest.mark.parametrize("error", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_cache_that_cannot_be_written_is_told_and_no_error(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError(error, os.strerror(error))

    told = Told()
    monkeypatch.setattr(atomic.os, "replace", fails)
    keep(told)
    assert len(told) == 3
    assert all(os.strerror(error) in each and "\n" not in each for each in told)
    assert not list(cache_folder().rglob("*.partial"))


def test_a_cache_in_the_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "file"))
    told = Told()
    keep(told)
    assert not kept("answers", told)
    assert told


def test_a_full_disk_is_one_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors import SafetensorError

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreError, match="No space left"), atomic_folder(tmp_path / "model"):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
    with pytest.raises(StoreError, match="No space left"), atomic_folder(tmp_path / "model"):
        full()
    with monkeypatch.context() as patched:
        patched.setattr(atomic.os, "fsync", full)
        with pytest.raises(StoreError, match="No space left"):
            write_text(tmp_path / "a.txt", "x")
    assert list(tmp_path.iterdir()) == []
    # What is no fault of the disk stays what it is.
    with pytest.raises(SafetensorError), atomic_folder(tmp_path / "model"):
        raise SafetensorError("Error while deserializing header")
