"""The page in a real browser: what a reader does with it, and what hostile answers cannot do."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from keeptune.report.ending import ending_of_measure
from keeptune.report.html import write_html
from keeptune.report.visible import visible
from tests.browser import PATIENCE
from tests.report.conftest import Open, unfold_all
from tests.report.forgetting_reports import (
    HOSTILE,
    ability_pairs,
    forgetting_report,
    hostile_pairs,
    record,
    task_pairs,
)

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright to drive a browser")

REPORT = forgetting_report()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_html(REPORT, ability_pairs(), path, task_pairs())
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    named = dataclasses.replace(REPORT, base_name=HOSTILE[0], tuned_name=HOSTILE[1], sentences=HOSTILE[2:4])
    write_html(named, {"capitals": hostile_pairs()}, path)
    return path


def count(page: Any) -> str:
    return str(page.locator("#count").inner_text())


def wait_for(page: Any, text: str) -> None:
    """Search answers after a short pause in typing."""
    sync_api.expect(page.locator("#count")).to_have_text(text, timeout=PATIENCE)


def header_of(page: Any, words: str) -> Any:
    return page.locator("#table-title ~ .scroll th").filter(has=page.get_by_role("button", name=words, exact=True))


def column(page: Any, number: int) -> list[str]:
    cells = page.locator(f"#table-title ~ .scroll tbody tr > :nth-child({number})")
    return [text.split("\n")[0] for text in cells.all_inner_texts()]


def test_it_opens_with_what_got_worse(opened: Open, whole: Path) -> None:
    page = opened(whole)
    assert page.title() == "fail: HuggingFaceTB/SmolLM2-135M-Instruct → runs/orders-lora-1/adapter"
    assert page.locator("h1").inner_text().replace("\u00a0", " ") == f"Gain: {ending_of_measure(REPORT).gain}"
    assert page.locator("#items > li").count() == 20
    assert page.locator("#items .worse").count() == 20
    assert page.locator("#only").is_hidden()


def test_filters_and_search_agree_with_the_report(opened: Open, whole: Path) -> None:
    page = opened(whole)
    page.locator("select[name=group]").select_option(label="instructions (exact_match)")
    assert count(page) == "Items 1 to 20 of 45"
    assert page.locator('[data-count="better"]').inner_text() == "6"
    page.get_by_text("wrong → right, or better").click()
    assert count(page) == "Items 1 to 6 of 6"
    assert page.locator("#items b").all_inner_texts() == ["▲ wrong → right"] * 6
    page.get_by_label("Search").fill("INSTRUCTIONS-187")
    wait_for(page, "Items 1 to 1 of 1")
    page.get_by_label("Search").fill("nowhere to be found")
    wait_for(page, "No item fits.")
    assert page.locator("#items > li").count() == 0


def test_order_by_fall_and_pages(opened: Open, whole: Path) -> None:
    page = opened(whole)
    page.locator("select[name=group]").select_option(label="entities (entity_f1)")
    page.get_by_label("Order").select_option(label="largest fall first")
    scores = page.locator(".about-item > span:nth-child(3)").all_inner_texts()
    assert scores == ["100.0 → 0.0"] * 20
    page.get_by_role("button", name="Next").click()
    assert count(page) == "Items 21 to 40 of 200"
    for _ in range(8):
        page.get_by_role("button", name="Next").click()
    assert page.get_by_role("button", name="Next").is_disabled()
    assert page.locator(".about-item > span:nth-child(3)").first.inner_text() == "100.0 → 66.7"


def test_sorting_keeps_the_undefined_last(opened: Open, whole: Path) -> None:
    page = opened(whole)
    header = header_of(page, "change")
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "descending"
    assert column(page, 5)[0] == "+1.3"
    header.get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "ascending"
    changes = column(page, 5)
    assert changes[:2] == ["−16.3", "−13.0"]
    assert changes[-1].startswith("undefined")
    header_of(page, "ability").get_by_role("button").click()
    assert header.get_attribute("aria-sort") == "none"
    assert column(page, 1) == sorted(column(page, 1))


def test_a_cell_shows_its_items(opened: Open, whole: Path) -> None:
    page = opened(whole)
    page.get_by_label("Search").fill("nothing like this")
    page.locator("#confusion").get_by_role("button", name="99", exact=True).click()
    assert count(page) == "Items 1 to 20 of 100"
    assert page.locator("#only b").inner_text() == "entities: place answered as organisation by tuned, not by base"
    assert page.evaluate("document.activeElement.id") == "answers-title"
    assert page.locator("#items > li").first.locator("mark").all_inner_texts() == ["place", "organisation"]
    page.get_by_role("button", name="Show all items again").click()
    assert page.locator("#only").is_hidden()
    assert count(page) == "Items 1 to 20 of 2,860"


def test_intruding_answers_the_surest_first(opened: Open, whole: Path) -> None:
    page = opened(whole)
    page.locator("#intrusion").get_by_role("button", name="Show 43").click()
    assert count(page) == "Items 1 to 20 of 43"
    assert page.locator("#items bdi").first.inner_text() == "instructions-141"


def test_a_lost_ability_leads_to_what_got_worse(opened: Open, whole: Path) -> None:
    page = opened(whole)
    page.locator("#diagnosis article", has_text="Most of the loss is form").get_by_role("button").click()
    assert count(page) == "Items 1 to 20 of 45"
    assert page.locator("#filters select").first.input_value() != ""


def test_prompt_and_reference_unfold(opened: Open, whole: Path) -> None:
    page = opened(whole)
    first = page.locator("#items > li").first
    assert first.locator("details .said").count() == 0
    first.get_by_text("prompt:").click()
    assert first.locator("details[open] .said").inner_text().startswith("Answer with one word only.")


def test_by_keyboard_alone(opened: Open, whole: Path) -> None:
    page = opened(whole)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the result"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) != "none"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"

    def tab_to(condition: str) -> None:
        for _ in range(120):
            page.keyboard.press("Tab")
            if page.evaluate(condition):
                assert page.evaluate(outline) != "none"
                return
        pytest.fail(f"no Tab leads to {condition}")

    tab_to("document.activeElement.textContent === 'retention'")
    page.keyboard.press("Enter")
    assert header_of(page, "retention").get_attribute("aria-sort") == "descending"
    tab_to("document.activeElement.name === 'query'")
    page.keyboard.type("entities-0")
    wait_for(page, "Items 1 to 1 of 1")
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.value") == "worse"
    page.keyboard.press("ArrowRight")
    assert count(page) == "No item fits."
    tab_to("document.activeElement.textContent === 'Show 43'")
    page.keyboard.press("Space")
    assert count(page) == "Items 1 to 20 of 43"


def test_hostile_answers_are_only_text(opened: Open, hostile: Path) -> None:
    page = opened(hostile)
    said = page.locator(".side.tuned .said").evaluate_all("boxes => boxes.map(box => box.textContent)")
    shown = [visible(text) for text in HOSTILE if text and len(text) < 2000]
    assert [text for text in said if len(text) < 1999] == shown
    assert page.evaluate("window.broken") is None
    assert page.locator("img, iframe, object, main script").count() == 0
    assert (
        HOSTILE[2].replace("\u2028", "⟨U+2028⟩").replace("\u2029", "⟨U+2029⟩") in page.locator(".headline").inner_text()
    )
    assert page.locator(".side.tuned .nothing").inner_text() == "(nothing)"
    unfold_all(page)
    assert page.locator("#items details .said").count() == 2 * (len(HOSTILE) - 1)
    assert page.evaluate("window.broken") is None


def test_long_answers_are_cut_until_asked_for(opened: Open, hostile: Path) -> None:
    page = opened(hostile)
    side = page.locator("#items > li").nth(9).locator(".side.tuned")
    length = "box => box.textContent.length"
    assert side.locator(".said").evaluate(length) == 2001
    side.get_by_role("button", name="Show all 100,000 characters").click()
    assert side.locator(".said").evaluate(length) == 100_000
    side.get_by_role("button", name="Show the start only").click()
    assert side.locator(".said").evaluate(length) == 2001


def test_right_to_left_text_keeps_to_itself(opened: Open, hostile: Path) -> None:
    page = opened(hostile)
    direction = "box => getComputedStyle(box).direction"
    cards = page.locator("#items > li")
    assert cards.nth(6).locator(".side.tuned .said").evaluate(direction) == "rtl"
    assert cards.nth(0).locator(".side.tuned .said").evaluate(direction) == "ltr"
    assert cards.nth(6).locator(".side.tuned .said").evaluate("b => getComputedStyle(b).unicodeBidi") == "isolate"
    assert cards.nth(6).evaluate(direction) == "ltr"


def test_the_policy_refuses_markup_from_strings_and_the_network(opened: Open, whole: Path, browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(whole.as_uri())
    with pytest.raises(sync_api.Error, match="TrustedHTML"):
        page.evaluate("document.body.innerHTML = '<img src=x>'")
    with pytest.raises(sync_api.Error, match="Failed to fetch"):
        page.evaluate("fetch('https://example.invalid/')")
    context.close()


DIFFERENCES = (
    ("the cat sat on a mat", "the dog sat on the mat", ["cat", "a", "dog", "the"]),
    ("one two three", "one two three", []),
    ("Paris", "Your order is late", []),
    ("a very old house", "a new house", ["very old", "new"]),
    ("東京都", "東京市", ["都", "市"]),
    ("x" * 3000 + " same", "y" * 3000 + " same", ["x" * 2000, "y" * 2000]),
    ("", "all new", ["all new"]),
)


def test_differences_are_marked(opened: Open, tmp_path: Path) -> None:
    pairs = [
        (record(base, "p", "r", base, 100.0), record(base, "p", "r", tuned, 0.0)) for base, tuned, _ in DIFFERENCES
    ]
    write_html(REPORT, {"capitals": pairs}, tmp_path / "differences.html")
    items = opened(tmp_path / "differences.html").locator("#items > li").all()
    for (_, _, marked), item in zip(DIFFERENCES, items, strict=True):
        assert item.locator("mark").all_inner_texts() == marked
    assert items[2].locator(".side.tuned h3").inner_text() == "tuned: no word shared with the base"


def test_ten_thousand_items_are_shown_in_pages(opened: Open, tmp_path: Path) -> None:
    pairs = [
        (record(f"i{n}", f"prompt {n}", "r", "yes it is", 100.0), record(f"i{n}", f"prompt {n}", "r", "no", 0.0))
        for n in range(10_000)
    ]
    write_html(REPORT, {"capitals": pairs}, tmp_path / "many.html")
    page = opened(tmp_path / "many.html")
    assert count(page) == "Items 1 to 20 of 10,000"
    assert page.locator("#items > li").count() == 20
    page.get_by_label("Search").fill("prompt 9999")
    wait_for(page, "Items 1 to 1 of 1")


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("kind", ["whole", "hostile"])
def test_the_page_never_scrolls_sideways(opened: Open, width: int, kind: str, request: pytest.FixtureRequest) -> None:
    page = opened(request.getfixturevalue(kind), width)
    unfold_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_dark_and_light(opened: Open, whole: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    dark, light = (opened(whole, color_scheme=scheme) for scheme in ("dark", "light"))
    assert dark.evaluate(ground) == "rgb(19, 21, 25)"
    assert light.evaluate(ground) == "rgb(250, 250, 249)"
    toggle = light.get_by_role("button", name="Theme")
    toggle.click()
    assert toggle.get_attribute("aria-label") == "Theme: light"
    toggle.click()
    assert light.evaluate(ground) == "rgb(19, 21, 25)"
    light.reload()
    assert light.evaluate(ground) == "rgb(19, 21, 25)"
    toggle.click()
    assert light.evaluate(ground) == "rgb(250, 250, 249)"


CONTRAST = """(selector) => {
  const luminance = (colour) => {
    const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(part);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? ground(node.parentElement) : colour;
  };
  return Math.min(...[...document.querySelectorAll(selector)].map((node) => {
    const [dark, light] = [getComputedStyle(node).color, ground(node)].map(luminance).sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }));
}"""


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_text_stands_out_from_its_ground(opened: Open, whole: Path, scheme: str) -> None:
    """WCAG 2.2, 1.4.3: a contrast of at least 4.5 to 1."""
    page = opened(whole, color_scheme=scheme)
    for selector in (
        ".chip",
        ".gate strong",
        ".gate span",
        ".muted",
        ".about",
        "main a",
        ".said mark",
        ".about-item b",
    ):
        assert page.evaluate(CONTRAST, selector) >= 4.5, selector


def test_on_paper(opened: Open, whole: Path) -> None:
    page = opened(whole, 688)
    page.emulate_media(media="print")
    assert page.locator("#items").is_hidden()
    assert page.locator("nav").is_hidden()
    assert page.get_by_text("The answers, item by item, are in the HTML file.").is_visible()
    assert page.locator("#confusion").get_by_text("99", exact=True).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#method details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#method details[open]").count() == 0


def test_without_javascript_all_but_the_answers_is_there(opened: Open, whole: Path) -> None:
    page = opened(whole, java_script_enabled=False)
    assert page.get_by_text("Only the answers on this page need JavaScript").is_visible()
    assert page.locator("#filters").is_hidden()
    assert page.get_by_role("button", name="Theme").count() == 0
    assert page.locator("#confusion").get_by_text("99", exact=True).is_visible()
    assert page.get_by_text("instructions-141, instructions-142").is_visible()


def test_controls_have_names(opened: Open, whole: Path) -> None:
    page = opened(whole, 360)
    for control in page.locator("button, select, input, [role=group]").all():
        if control.is_visible():
            name = control.evaluate(
                "n => n.getAttribute('aria-label') || n.labels?.[0]?.textContent || n.textContent "
                "|| document.getElementById(n.getAttribute('aria-labelledby'))?.textContent"
            )
            assert name.strip()
    assert page.locator("#count").get_attribute("role") == "status"
