"""A training divided over several processes by FSDP2 is that of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.runs import with_base
from tests.training.launched import KEEP, ROWS, SHORT, assert_alike, ended, started


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    return with_base(tmp_path_factory.mktemp("home"), tiny("llama"))


@pytest.mark.parametrize(("method", "count"), [("full", 2), ("lora", 3)])
def test_a_divided_run_is_that_of_one(home: Path, method: str, count: int) -> None:
    """By default: with the restoring gradient of the KL, α and the measurement of an ability."""
    line = f"tune --model base --method {method} {'--dropout 0' if method == 'lora' else ''} {ROWS} {KEEP} {SHORT}"
    one, several = f"{method}-one", f"{method}-{count}"
    codes, said = ended(started(f"{line} --output {one}", home, 1), home)
    assert codes[0] in (0, 3, 4), said
    again, told = ended(started(f"{line} --fsdp --output {several}", home, count), home)
    assert again == [codes[0], *[0] * (count - 1)], told
    assert_alike(home / one, home / several)
