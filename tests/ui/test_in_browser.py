"""The pages in a real browser: nothing is complained of, and nothing asked for outside this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from keeptune.ui.server import Ui
from tests.browser import PATIENCE, browser, refuse_violations
from tests.ui.conftest import begun, shown, steps, tell

__all__ = ["browser"]

pytest.importorskip("uvicorn")

Open = Callable[..., Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Opens an address of the pages; at the end, nothing was complained of and no other server asked."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_page(ui: Ui, path: str, width: int = 1280, refused: str = "none") -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: refused in message.text or complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: request.url.startswith(ui.url) or complaints.append(request.url))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(ui.url.rstrip("/") + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def expect(found: Any) -> Any:
    from playwright.sync_api import expect

    return expect(found)


def test_the_list_sorts_and_leads_to_a_report_and_to_runs_side_by_side(opened: Open, ui: Ui) -> None:
    page = opened(ui, "/", 390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("button", name="gain", exact=True).click()
    names = page.locator("tbody th a").all_inner_texts()
    assert names.index("tickets-2") < names.index("tickets-1") < names.index("stopped")
    send = page.get_by_role("button", name="side by side")
    assert send.is_disabled()
    for name in ("tickets-1", "tickets-2"):
        page.get_by_label(f"Choose {name}").check()
    send.click()
    expect(page.locator("h1")).to_have_text("2 runs side by side")
    page.get_by_role("link", name="tickets-1").click()
    report = page.frame_locator("iframe")
    expect(report.locator("h1")).to_contain_text("rouge1 rose from 23.5 to 39.1")
    expect(report.locator("#items > li")).to_have_count(20)
    page.get_by_role("link", name="Mitigation search").click()
    expect(page.locator("g.method")).to_have_count(3)


def test_a_running_run_grows_while_its_page_is_open(opened: Open, tmp_path: Path) -> None:
    run = begun(tmp_path / "runs" / "live")
    with FileLock(run / ".lock"), shown(tmp_path / "runs") as ui:
        tell(run, {"first_step": 0, "steps": 40}, *steps(1, 5))
        page = opened(ui, "/run/live")
        expect(page.locator("#live")).to_contain_text("step 5 of 40")
        tell(run, *steps(6, 9), {"step": 9, "validation": {"loss": 0.5}})
        expect(page.locator("#live")).to_contain_text("step 9 of 40")
        assert len(page.locator("polyline").first.get_attribute("points").split()) == 9
        expect(page.locator("figcaption")).to_contain_text("validation 0.500 → 0.500")


def test_a_run_that_is_gone_or_not_reached_is_no_longer_said_to_run(opened: Open, tmp_path: Path) -> None:
    run = begun(tmp_path / "runs" / "live")
    with FileLock(run / ".lock"):
        with shown(tmp_path / "runs") as ui:
            left = opened(ui, "/run/live", refused="Failed to load resource")
            expect(left.locator("#live")).to_contain_text("running")
        expect(left.locator("#live")).to_contain_text("Not reached since")
        with shown(tmp_path / "runs") as ui:
            page = opened(ui, "/run/live", refused="Failed to load resource")
            run.rename(run.with_name("other"))
            expect(page.locator("#live")).to_contain_text("This run is no longer there.")


def test_base_and_tuned_answer_one_prompt_beside_each_other(opened: Open, chatty: Path) -> None:
    with shown(chatty) as ui:
        page = opened(ui, "/chat/tiny-1", refused="409 (Conflict)")
        send = page.get_by_role("button", name="Ask both")
        expect(send).to_be_enabled()
        page.get_by_label("Prompt").fill("red <b>")
        page.keyboard.press("Enter")
        expect(page.locator(".asked")).to_have_text("red <b>")
        expect(send).to_be_enabled()
        base, tuned = (page.locator(f".side.{name} .said").all_inner_texts() for name in ("base", "tuned"))
        assert all(base + tuned)
        assert base != tuned
        assert page.locator(".failed").count() == 0
        expect(page.locator(".said p").first).to_have_text(re.compile(r"^cut after \d+ tokens$"))
        page.get_by_role("button", name="Begin anew").click()
        expect(page.locator("#turns > li")).to_have_count(0)
        other = opened(ui, "/chat/tiny-2")
        other.get_by_label("Prompt").fill("green")
        other.keyboard.press("Enter")
        expect(other.locator(".asked")).to_have_text("green")
        page.get_by_label("Prompt").fill("green")
        page.keyboard.press("Enter")
        expect(page.locator(".failed").first).to_contain_text("the chat of another run was opened meanwhile")
        expect(other.get_by_role("button", name="Ask both")).to_be_enabled()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/report/tickets-1",
        "/run/stopped",
        "/search/tickets-1",
        "/beside?run=tickets-1&run=tickets-2",
        "/chat/tickets-2",
        "/run/cut",
    ],
)
def test_no_rule_of_accessibility_is_violated(opened: Open, ui: Ui, path: str) -> None:
    # The report in its frame is a page of its own.
    unseen = ["frame-tested"] if path.startswith("/report/") else []
    refuse_violations(opened(ui, path, refused="Failed to load resource"), *unseen)
