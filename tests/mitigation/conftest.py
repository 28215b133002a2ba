"""A model that talks, shared by the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mitigation.talking import taught


@pytest.fixture(scope="session")
def talking(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model that writes questions and answers."""
    return taught(tiny("llama"), tmp_path_factory.mktemp("talking"))
