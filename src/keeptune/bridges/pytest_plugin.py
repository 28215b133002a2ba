"""The pytest plugin of keeptune: the fixture `assert_kept`. It imports nothing heavy until a test uses the fixture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from keeptune.bridges.assert_kept import AssertKept

OUTCOMES = ("warn", "fail", "pass")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, in a group of their own."""
    group = parser.getgroup("keeptune")
    group.addoption(
        "--keeptune-report",
        metavar="DIR",
        help="Folder for the reports of assert_kept, one a test; without it they are in pytest's temporary folder.",
    )
    group.addoption(
        "--keeptune-inconclusive",
        choices=OUTCOMES,
        default=OUTCOMES[0],
        help="What an inconclusive result of assert_kept does to its test (default: warn).",
    )


@pytest.fixture
def assert_kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AssertKept:
    """Call it with `base`, `tuned` and `keep`: it measures both models, and fails the test for a lost ability."""
    from keeptune.bridges.assert_kept import AssertKept

    named = request.config.getoption("--keeptune-report")
    folder = Path(named) if named else tmp_path_factory.mktemp("keeptune")
    return AssertKept(folder, request.node, request.config.getoption("--keeptune-inconclusive"))
