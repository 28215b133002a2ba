"""Every kind of page by the rules of axe-core."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import refuse_violations
from tests.report.conftest import Open, unfold_all
from tests.report.pages import PAGES


@pytest.mark.parametrize("kind", PAGES)
def test_no_rule_is_violated(opened: Open, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(PAGES[kind](), encoding="utf-8")
    page = opened(path)
    unfold_all(page)
    refuse_violations(page)
