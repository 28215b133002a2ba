"""What is said after Ctrl-C."""

from __future__ import annotations

from pathlib import Path

import pytest

from keeptune.cli.interrupted import resume_hint
from keeptune.events import CheckpointSaved, Event, silent


def interrupted(output: str, verb: str, *events: Event) -> None:
    with resume_hint(silent, output, verb) as observer:
        for event in events:
            observer(event)
        raise KeyboardInterrupt


@pytest.mark.parametrize("inside", ["checkpoint-8", "whole/checkpoint-8", "rungs/plain/checkpoint-8"])
def test_the_whole_run_is_named_not_a_training_inside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], inside: str
) -> None:
    run = tmp_path / "runs" / "mine"
    checkpoint = run / inside
    checkpoint.mkdir(parents=True)
    for folder in {run, checkpoint.parent}:
        (folder / "config.json").write_text("{}")
    with pytest.raises(KeyboardInterrupt):
        interrupted("", "tune", CheckpointSaved(8, str(checkpoint)))
    assert f"keeptune tune --config {run / 'config.json'} --resume" in capsys.readouterr().err


def test_another_verb_goes_on_by_its_own_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(KeyboardInterrupt):
        interrupted(str(tmp_path), "rescue")
    assert f"keeptune rescue with --output {tmp_path} --resume" in capsys.readouterr().err
