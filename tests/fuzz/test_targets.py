"""Every target with a few inputs; `python -m tests.fuzz.campaign` gives each as many as its time allows."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import hypothesis
import pytest

from tests.fuzz.campaign import TARGETS
from tests.fuzz.engine import Recorder

DRAWN = 12
CHANGED = 1
"""Of each well-formed input, so many with a few bytes changed."""


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.engine == "hypothesis"])
def test_a_property_holds(name: str) -> None:
    target = TARGETS[name]
    assert target.values is not None
    settings = hypothesis.settings(
        max_examples=DRAWN, derandomize=True, database=None, deadline=None, suppress_health_check=hypothesis.HealthCheck
    )
    settings(hypothesis.given(target.values)(target.check))()


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.engine == "atheris"])
def test_bytes_are_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    draw = random.Random(0)
    target.check(b"")
    for seed in target.seeds():
        target.check(seed)
        for _ in range(CHANGED):
            target.check(_changed(seed, draw))


def _changed(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        changed[draw.randrange(1, len(changed))] = draw.randrange(256)
    return bytes(changed[: draw.choice((len(changed), draw.randrange(1, len(changed))))])


def test_a_finding_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)

    def check(data: bytes) -> None:
        if data.startswith(b"!"):
            raise KeyError(data)

    recorder = Recorder(check, tmp_path, seconds=0.0)
    for data in (b"a", b"!1", b"!2"):
        recorder(data)
    state = json.loads((tmp_path / "state.json").read_text())
    assert state["executions"] == 3
    ((where, what),) = state["findings"].items()
    assert where.startswith("KeyError at test_targets.py:")
    assert "!1" in what
    (kept,) = tmp_path.glob("finding-*.input")
    assert kept.read_bytes() == b"!1"
    assert "KeyError" in kept.with_suffix(".txt").read_text()
    assert ended == [0, 0, 0], "its time is over"
