"""What a training says of another run that it reuses."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keeptune.events import NoticeLog, silent
from keeptune.training import train
from keeptune.workspace.workspace import Workspace


def test_a_reused_training_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, log = Workspace(tmp_path / "other"), NoticeLog(silent)
    monkeypatch.setattr(train, "equivalent_run", lambda *_: other)
    session: Any = SimpleNamespace(workspace=Workspace(tmp_path / "run"), observer=log, notices=log.messages)
    assert [train._equivalent_run(session) for _ in range(2)] == [other, other]
    assert len(log.messages) == 1
