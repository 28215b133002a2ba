"""The runs of the tests of the API, for experiments too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keeptune.config.settings import SETTINGS
from tests.api.conftest import able_bases as able_bases
from tests.api.conftest import coloured as coloured
from tests.api.conftest import run as run


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> float:
    """A `min_gain` that no candidate reaches, so that all are tried; its range is lifted."""
    monkeypatch.setitem(
        SETTINGS, "mitigation_search.min_gain", replace(SETTINGS["mitigation_search.min_gain"], range=None)
    )
    return 9.0
