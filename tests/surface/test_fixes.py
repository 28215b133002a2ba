"""What an error says to do is done, and the run comes to its end."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from keeptune.cli.main import main
from keeptune.training import loop
from tests.api.runs import write_rows


@pytest.fixture
def words(tmp_path: Path, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    write_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    place = ["--device", "cpu", "--dtype", "float32", "--measure", "none", "--epochs", "1", "--output", "my run"]
    return ["tune", "--model", str(tiny("llama")), "--train", "train.jsonl", "--max-new-tokens", "8", *place]


def fix(capsys: pytest.CaptureFixture[str]) -> str:
    """What the error that was shown says to do."""
    return capsys.readouterr().err.rpartition("→ ")[2].splitlines()[0]


@pytest.mark.parametrize(
    "wrong",
    [
        ["--max-new-tokens", "512"],
        ["--method", "prompt", "--rank", "300", "--max-new-tokens", "300"],
        ["--method", "pissa", "--rank", "64"],
        ["--max-length", "4096"],
        ["--dtype", "float16"],
        ["--method", "prompt", "--freeze", "0.5"],
        ["--epochs", "0"],
        ["--resume"],
    ],
    ids=" ".join,
)
def test_the_flag_that_a_fix_names_helps(words: list[str], wrong: Sequence[str], capsys: pytest.CaptureFixture) -> None:
    assert main([*words, *wrong]) in (1, 2)
    told = fix(capsys)
    flags = re.search(r"(--[a-z-]+) ([\w.]+)", told)
    number = re.search(r"use (\d+) or less", told)
    if f"leave {wrong[-2] if len(wrong) > 1 else wrong[0]} out" in told:
        helped = list(wrong[:-2])
    elif flags:
        helped = [*wrong, *flags.groups()]
    elif number:
        helped = [*wrong[:-1], number[1]]
    else:
        helped = [wrong[0], str(1 + int(told.rpartition("more than ")[2]))]
    assert main([*words, *helped]) == 0, capsys.readouterr().err


def test_broken_checkpoints_are_deleted_as_it_is_said_and_the_run_goes_on(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = loop.save_checkpoint

    def save_and_stop(*args: object) -> None:
        save(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_and_stop)
        assert main(words) == 130
    again = shlex.split(capsys.readouterr().err.rpartition("resume it with")[2].splitlines()[1])[1:]
    for weights in tmp_path.rglob("checkpoint-*/weights.safetensors"):
        weights.write_bytes(b"")
    assert main(again) == 1
    subprocess.run(fix(capsys).partition("starts over: ")[2], shell=True, check=True)
    assert main(again) == 0, capsys.readouterr().err
