"""Every kind of page by the rules of axe-core: WCAG 2.2 at level AA, and what is known to be good practice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.conftest import Open, unfold_all
from tests.report.pages import PAGES

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python for its rules")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,
}
UNCERTAIN = "color-contrast"
"""The rule that cannot see what lies behind a sign or a drawing; `test_text_stands_out_from_its_ground` looks there."""


@pytest.mark.parametrize("kind", PAGES)
def test_no_rule_is_violated(opened: Open, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "page.html"
    path.write_text(PAGES[kind](), encoding="utf-8")
    page = opened(path)
    unfold_all(page)
    # The shade at a table's edge hides its ground from the rule for contrast.
    page.evaluate("for (const each of document.querySelectorAll('.scroll')) each.style.background = 'none'")
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "dark"), (390, "light")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        found = axe.Axe().run(page, options=RULES)
        assert found.violations_count == 0, f"{width}, {scheme}: {found.generate_report()}"
        assert {each["id"] for each in found.response["incomplete"]} <= {UNCERTAIN}
        assert page.evaluate("document.documentElement.scrollWidth") <= width
