"""Pages in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import PATIENCE, browser

__all__ = ["browser"]

Open = Callable[..., Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Opens a page; at the end, nothing was complained of and nothing asked for but the file itself."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(path: Path, width: int = 1280, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce", **options)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url == path.as_uri() or complaints.append(request.url))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def unfold_all(page: Any) -> None:
    """Open all that is folded, as a reader would who reads everything."""
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
