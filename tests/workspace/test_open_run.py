"""Run folders: free or refused, locked while written, finished results for ever."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from keeptune.errors import RunExists, RunLocked, StoreError
from keeptune.workspace.layout import CONFIG, COURSE, FORGETTING, LOCK, NOTICES, RESULT, ROWS, STARTED
from keeptune.workspace.open_run import is_locked, lock_of, open_run
from keeptune.workspace.workspace import Workspace


def use(output: Path | str, *, resume: bool = False, name: str = "task-lora") -> Path:
    with open_run(str(output), name, resume=resume) as run:
        (run.path / "used").touch()
        return run.path


def test_a_lock_that_cannot_be_opened_tells_nothing(tmp_path: Path) -> None:
    assert lock_of(tmp_path) is False
    with open_run(str(tmp_path / "run"), "", resume=False) as run:
        assert lock_of(run.path) is True
    (tmp_path / LOCK).mkdir()
    assert lock_of(tmp_path) is None
    assert not is_locked(tmp_path)


def test_a_lock_that_is_a_link_leaves_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "file").chmod(0o600)
    (tmp_path / LOCK).symlink_to("file")
    assert lock_of(tmp_path) is None
    assert (tmp_path / "file").read_text() == "x"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_new_folder_is_made(tmp_path: Path) -> None:
    run = use(tmp_path / "a" / "b")
    assert run == tmp_path / "a" / "b"
    assert (run / "used").exists()


def test_without_a_name_the_first_free_number_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [use(""), use(""), use("", name="other")] == [
        Path("runs/task-lora-1"),
        Path("runs/task-lora-2"),
        Path("runs/other-1"),
    ]


@pytest.mark.parametrize(
    ("files", "resume", "error", "must_say"),
    [
        ([RESULT, CONFIG], False, RunExists, "holds a finished result"),
        ([RESULT, CONFIG], True, RunExists, "holds a finished result"),
        ([CONFIG], False, RunExists, "holds an unfinished run"),
        ([CONFIG, FORGETTING], False, RunExists, "holds a finished result"),
        ([CONFIG, FORGETTING, ROWS], False, RunExists, "holds an unfinished run"),
        (["thesis.tex"], False, RunExists, "is not empty"),
        # The user's own rows: a run would write what it was made of in their place.
        ([ROWS], False, RunExists, "is not empty"),
        ([STARTED], False, RunExists, "is not empty"),
        (["thesis.tex"], True, StoreError, "there is no run to resume"),
        ([], True, StoreError, "there is no run to resume"),
    ],
)
def test_a_folder_in_use_is_refused_untouched(
    tmp_path: Path, files: list[str], resume: bool, error: type[Exception], must_say: str
) -> None:
    for name in files:
        (tmp_path / name).write_text(name)
    with pytest.raises(error, match=must_say) as caught:
        use(tmp_path, resume=resume)
    assert getattr(caught.value, "fix", "")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(files)
    assert all((tmp_path / name).read_text() == name for name in files)


def test_what_a_finished_run_does_not_need_is_deleted_when_it_is_resumed(tmp_path: Path) -> None:
    """It was killed between its result and the end."""
    for name in (RESULT, CONFIG, NOTICES, COURSE, "whole/model/weights", "checkpoint-3/state.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    with pytest.raises(RunExists, match="finished result"):
        use(tmp_path, resume=True)
    assert {entry.name for entry in tmp_path.iterdir()} - {LOCK} == {RESULT, CONFIG}


def test_a_start_that_was_killed_before_its_settings_begins_anew(tmp_path: Path) -> None:
    for name in (LOCK, ROWS, STARTED):
        (tmp_path / name).write_text("{}")
    assert use(tmp_path) == tmp_path


def test_an_unfinished_run_is_resumed(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text("{}")
    assert use(tmp_path, resume=True) == tmp_path


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="is a file"):
        use(tmp_path / "file")
    with pytest.raises(StoreError, match="cannot be made"):
        use(tmp_path / "file" / "run")


HOLDER = """
import sys
from keeptune.workspace.open_run import open_run
with open_run(sys.argv[1], "x", resume=False):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_another_process_keeps_the_folder_for_itself(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(RunLocked, match="another process"):
            use(tmp_path / "run")
        holder.communicate("")
    assert use(tmp_path / "run").exists()


def test_the_lock_is_free_after_a_failure(tmp_path: Path) -> None:
    def fail() -> None:
        with open_run(str(tmp_path / "run"), "x", resume=False):
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert use(tmp_path / "run").exists()


def test_results_are_read_or_refused(tmp_path: Path) -> None:
    run = Workspace(tmp_path)
    with pytest.raises(StoreError, match="cannot be read"):
        run.result()
    (tmp_path / RESULT).write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        run.result()
    (tmp_path / RESULT).write_text('{"a": 1}')
    assert run.result() == {"a": 1}


@pytest.mark.parametrize(
    ("settings", "begun", "must_say"),
    [
        ('{"type": "TuneConfig"}', '{"model": "a"}', r"keeptune tune --output '.*/my run' --resume"),
        ('{"type": "TuneConfig"}', '{"base": "a"}', "the rescue that started it"),
        ('{"type": "CompareRun"}', "{}", "the command that started it"),
        ("[]", "{}", "the command that started it"),
    ],
)
def test_an_unfinished_run_is_refused_with_the_way_on(tmp_path: Path, settings: str, begun: str, must_say: str) -> None:
    folder = tmp_path / "my run"
    folder.mkdir()
    (folder / CONFIG).write_text(settings)
    (folder / STARTED).write_text(begun)
    with pytest.raises(RunExists) as caught:
        use(folder)
    assert re.search(must_say, caught.value.fix)


@pytest.mark.parametrize("earned", [False, True])
def test_a_run_that_is_stopped_keeps_its_folder_for_what_it_earned(tmp_path: Path, earned: bool) -> None:
    def stopped() -> None:
        with open_run(str(tmp_path / "run"), "x", resume=False) as run:
            run.course_file.write_text("{}")
            if earned:
                (run.path / "checkpoint-3").mkdir()
                (run.path / "checkpoint-3" / "state.json").write_text("{}")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert (tmp_path / "run").exists() == earned
