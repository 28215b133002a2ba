"""Writers that fail or are killed leave what was there before, whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from keeptune.errors import RunExists, StoreError
from keeptune.workspace.atomic import atomic_folder, remove_partials, write_json, write_jsonl, write_text
from keeptune.workspace.json_file import read_json_lines


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_text_is_written_whole_into_new_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c.txt", "ünï ☃\n")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "ünï ☃\n".encode()
    assert names(tmp_path / "a" / "b") == ["c.txt"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [1, float("-inf")]}])
def test_json_without_a_value_is_refused_and_the_old_file_stays(tmp_path: Path, value: object) -> None:
    file = tmp_path / "result.json"
    write_json(file, {"good": 1})
    before = file.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        write_json(file, value)
    with pytest.raises(ValueError, match="JSON"):
        write_jsonl(file, [1, value])
    assert file.read_bytes() == before
    assert names(tmp_path) == ["result.json"]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "result.json"
    write_json(file, 1)

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="no space"):
        write_json(file, 2)
    assert json.loads(file.read_text()) == 1
    assert names(tmp_path) == ["result.json"]


def test_jsonl_is_a_value_a_line(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"text": "two\nlines \u2028 é"}, 2])
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").split("\n")
    assert [json.loads(line) for line in lines[:-1]] == [{"text": "two\nlines \u2028 é"}, 2]
    assert lines[-1] == ""
    assert read_json_lines(tmp_path / "a.jsonl") == [{"text": "two\nlines \u2028 é"}, 2]


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "adapter"
    with atomic_folder(target) as partial:
        (partial / "one").write_text("1")
        assert not target.exists()
    assert names(target) == ["one"]
    with atomic_folder(target) as partial:
        (partial / "two").write_text("2")
        assert names(target) == ["one"], "the old folder is there until the new one is whole"
    assert names(target) == ["two"]
    assert names(tmp_path) == ["adapter"]


def test_a_fresh_folder_takes_the_place_of_nothing(tmp_path: Path) -> None:
    """Of two that are made at once, or of files that came there meanwhile."""
    for target in (tmp_path / "new", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with atomic_folder(target, fresh=True) as partial:
            (partial / "one").write_text("1")
        with pytest.raises(RunExists, match="was made meanwhile"), atomic_folder(target, fresh=True) as partial:
            (partial / "two").write_text("2")
        assert names(target) == ["one"]
    assert names(tmp_path) == ["empty", "new"]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "adapter"
    with atomic_folder(target) as partial:
        (partial / "one").write_text("1")

    def fail() -> None:
        with atomic_folder(target) as partial:
            (partial / "two").write_text("2")
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert names(target) == ["one"]
    assert names(tmp_path) == ["adapter"]


KILLED = """
import os, signal, sys
from pathlib import Path
from keeptune.workspace.atomic import atomic_folder
with atomic_folder(Path(sys.argv[1])) as partial:
    (partial / "half").write_text("x")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_only_put_aside_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, replaced = tmp_path / "best", os.replace
    (folder / "inner").mkdir(parents=True)

    def fails(source: Path, target: Path) -> None:
        if str(source).endswith(".partial"):
            raise OSError("no space")
        replaced(source, target)

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="no space"), atomic_folder(folder):
        pass
    assert names(tmp_path) == ["best"]
    # As where the process was ended between the two.
    folder.rename(tmp_path / ".best.0123abcd.old")
    (tmp_path / ".best.4567abcd.partial").mkdir()
    monkeypatch.undo()
    remove_partials(tmp_path)
    assert (names(tmp_path), names(folder)) == (["best"], ["inner"])


def test_what_a_killed_writer_leaves_is_swept_away(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "checkpoint-1")], check=False)
    assert done.returncode == -signal.SIGKILL
    left = names(tmp_path)
    assert len(left) == 1
    assert left[0].startswith(".checkpoint-1.")
    (tmp_path / ".result.json.0123.partial").write_text("half")
    (tmp_path / ".lock").write_text("")
    (tmp_path / "kept.partial").write_text("a user's own file")
    remove_partials(tmp_path)
    assert names(tmp_path) == [".lock", "kept.partial"]
