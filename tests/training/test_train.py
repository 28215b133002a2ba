"""The training inside a run that changes the weights afterwards, or another run's that it reuses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keeptune.config import TuneConfig
from keeptune.events import NoticeLog, silent
from keeptune.training import train
from keeptune.workspace.sums import write_sums
from keeptune.workspace.workspace import Workspace


def test_a_reused_training_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, log = Workspace(tmp_path / "other"), NoticeLog(silent)
    monkeypatch.setattr(train, "equivalent_run", lambda *_: other)
    session: Any = SimpleNamespace(workspace=Workspace(tmp_path / "run"), observer=log, notices=log.messages)
    assert [train._equivalent_run(session) for _ in range(2)] == [other, other]
    assert len(log.messages) == 1


@dataclass(frozen=True)
class Settings:
    """What `whole_training` needs of a session."""

    config: TuneConfig
    workspace: Workspace


def test_a_whole_training_keeps_its_weights_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def trained(session: Any) -> None:
        assert session.config.mitigation.interpolation == 1
        for folder in (session.workspace.checkpoint(3), session.workspace.best(3), session.workspace.model):
            folder.mkdir(parents=True)

    for name, does in (("check_origin", lambda _: None), ("_equivalent_run", lambda _: None), ("train", trained)):
        monkeypatch.setattr(train, name, does)
    config = TuneConfig()
    config = replace(config, mitigation=replace(config.mitigation, interpolation="auto"))
    session: Any = Settings(config, Workspace(tmp_path))
    whole = train.whole_training(session)
    assert [entry.name for entry in whole.path.iterdir()] == ["model"]


@pytest.mark.parametrize("harm", ["changed", "gone", "sums"])
def test_damaged_weights_of_an_earlier_start_are_made_again(tmp_path: Path, harm: str) -> None:
    run, log = Workspace(tmp_path), NoticeLog(silent)
    session: Any = SimpleNamespace(workspace=run, observer=log)
    assert not train._left_damaged(session), "there are none"
    run.adapter.mkdir()
    weights = run.adapter / "adapter_model.safetensors"
    weights.write_bytes(b"weights")
    write_sums(run.adapter)
    assert not train._left_damaged(session)
    assert not log.messages
    sums = run.adapter / "SHA256SUMS"
    if harm == "gone":
        weights.unlink()
    elif harm == "changed":
        weights.write_bytes(b"weight")
    else:
        sums.write_bytes(b"\xff" + sums.read_bytes()[1:])
    assert train._left_damaged(session)
    assert not run.adapter.exists()
    assert str(sums if harm == "sums" else weights) in log.messages[0]
