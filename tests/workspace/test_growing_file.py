"""A file that grows: what was written before a stop is there after it, and nothing else is taken for it."""

from __future__ import annotations

import errno
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keeptune.errors import RunLocked, StoreError
from keeptune.workspace.growing_file import GrowingFile, locked_file
from keeptune.workspace.score_cache import unfinished_answers


def written(path: Path, *ids: str) -> None:
    with GrowingFile(path, "key") as file:
        for name in ids:
            file.add(name, {"text": f"{name}\u2028é"})


def read(path: Path) -> list[str]:
    with GrowingFile(path, "key") as file:
        return list(file.records)


def test_records_are_there_again(tmp_path: Path) -> None:
    written(tmp_path / "a.part", "one", "two")
    written(tmp_path / "a.part", "three")
    assert read(tmp_path / "a.part") == ["one", "two", "three"]


@pytest.mark.parametrize("cut", [1, 20])
def test_a_line_that_was_cut_is_made_again(tmp_path: Path, cut: int) -> None:
    file = tmp_path / "a.part"
    written(file, "one", "two")
    file.write_bytes(file.read_bytes()[:-cut])
    assert read(file) == ["one"]
    written(file, "two")
    assert read(file) == ["one", "two"]


def test_a_line_without_a_record_is_no_record(tmp_path: Path) -> None:
    file = tmp_path / "a.part"
    written(file, "one")
    check = hashlib.sha256(json.dumps(["two", None]).encode()).hexdigest()[:16]
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps({"id": "two", "check": check}) + "\n")
    assert read(file) == ["one"]


def test_a_line_that_was_edited_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "a.part"
    written(file, "one", "two", "three")
    file.write_bytes(file.read_bytes().replace(b'"two', b'"few'))
    assert read(file) == ["one"]


@pytest.mark.parametrize("content", [b"{}\n", b"[[[[", b'{"key": "other"}\n', b"\xff\n"])
def test_a_file_of_something_else_is_refused_and_stays(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "a.part"
    file.write_bytes(content)
    with pytest.raises(StoreError, match="another model"):
        GrowingFile(file, "key")
    assert file.read_bytes() == content


def test_a_full_disk_is_told_or_left_out(tmp_path: Path) -> None:
    class Full:
        def write(self, _: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None: ...

    def full(needed: bool) -> GrowingFile:
        file: Any = GrowingFile(tmp_path / f"{needed}.part", "key", needed=needed)
        file._handle = Full()
        return file

    with pytest.raises(StoreError, match="No space left"):
        full(True).add("one", {})
    file = full(False)
    file.add("one", {})
    assert list(file.records) == ["one"]


HOLD = """
import sys, time
from pathlib import Path
from keeptune.workspace.growing_file import locked_file
with locked_file(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    target = tmp_path / "answers.jsonl"
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(target)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunLocked, match="another process"), locked_file(target):
            pass
    finally:
        holder.kill()
        holder.wait()
    with locked_file(target):
        pass
    assert list(tmp_path.iterdir()) == []


def stopped_after_one() -> None:
    with unfinished_answers("k") as kept:
        assert kept is not None
        kept.add("0", {"text": "a"})
        raise KeyboardInterrupt


def test_the_cache_keeps_what_is_unfinished_and_is_never_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(KeyboardInterrupt):
        stopped_after_one()
    with unfinished_answers("k") as kept, unfinished_answers("k") as other:
        assert kept is not None
        assert list(kept.records) == ["0"]
        assert other is None
    with unfinished_answers("k") as kept:
        assert kept is not None
        assert not kept.records
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "file"))
    with unfinished_answers("k") as kept:
        assert kept is None
