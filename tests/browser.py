"""A real browser for the tests of pages, and the rules of axe-core: WCAG 2.2 at level AA, and known good practice."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

PATIENCE = 180_000
"""Milliseconds: a busy machine fails no test."""
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,
}
UNCERTAIN = "color-contrast"
"""The rule that cannot see what lies behind a sign or a drawing; `test_text_stands_out_from_its_ground` looks there."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Debian's Chromium, or another that is installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright to drive a browser")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("needs Chromium, and none is installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], timeout=PATIENCE)
        sync_api.expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


SCREENS = ((1280, "light"), (1280, "dark"), (390, "dark"), (390, "light"))
"""Width in CSS pixels, and colour scheme: a desktop and a phone."""


def refuse_violations(page: Any, *unseen: str) -> None:
    """Assert that a page keeps to the rules and fits, on a desktop and a phone, light and dark.

    Args:
        unseen: rules that cannot see all of this page.
    """
    # The shade at a table's edge hides its ground from the rule for contrast.
    page.evaluate("for (const each of document.querySelectorAll('.scroll')) each.style.background = 'none'")
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=scheme)
        refuse_violations_as_it_is(page, *unseen)


def refuse_violations_as_it_is(page: Any, *unseen: str) -> None:
    """The same, on one screen."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = axe.Axe().run(page, options=RULES)
    assert found.violations_count == 0, f"{page.url}, {page.viewport_size}: {found.generate_report()}"
    assert {each["id"] for each in found.response["incomplete"]} <= {UNCERTAIN, *unseen}
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
