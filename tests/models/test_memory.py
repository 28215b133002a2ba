"""How much memory there is, and which errors mean that it is not enough."""

from __future__ import annotations

import pytest
import torch

from keeptune.models import memory
from keeptune.models.memory import Meter, not_enough, out_of_memory


def test_processes_of_one_machine_share_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_of_machine", lambda: 900)
    monkeypatch.setattr(memory, "_of_group", lambda: None)
    assert Meter(torch.device("cpu")).free() == 900
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    assert Meter(torch.device("cpu")).free() == 300
    monkeypatch.setattr(memory, "_of_machine", lambda: None)
    assert Meter(torch.device("cpu")).free() is None


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("of a GPU"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("can't start new thread"), True),
        (RuntimeError("shapes do not match"), False),
        (ImportError("no module named x"), False),
    ],
)
def test_which_errors_mean_too_little_memory(error: Exception, means: bool) -> None:
    assert out_of_memory(error) is means


def test_an_error_without_words_is_named() -> None:
    assert "MemoryError" in str(not_enough(MemoryError()))
