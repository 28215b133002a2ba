"""One small run, and the cache it filled, shared by all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.runs import Ran, ran


@pytest.fixture(scope="session")
def run(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPTUNE_CACHE", str(folder / "cache"))
        return ran(tiny("llama"), folder)
