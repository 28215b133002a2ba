"""The page as a browser takes it: nothing from outside, and no text of models or users becomes markup."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json

import pytest

from keeptune.report.html import render
from keeptune.report.html.embedded import embedded_json
from keeptune.report.visible import visible
from tests.report.forgetting_reports import (
    HOSTILE,
    ability_pairs,
    forgetting_report,
    hostile_pairs,
    outcome,
    task_pairs,
)
from tests.report.outline import Outline, data_of

REPORT = forgetting_report()
PAGE = render(REPORT, ability_pairs(), task_pairs())


def test_the_policy_allows_this_style_and_script_alone() -> None:
    outline = Outline(PAGE)
    (policy,) = [a["content"] for tag, a in outline.tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        text = max((data for tag, data in outline.raw if tag == kind and not data.startswith("{")), key=len)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_the_page_names_nothing_outside_itself() -> None:
    outline = Outline(PAGE)
    for tag, attributes in outline.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert not {"src", "srcset", "style"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#").startswith("#")
    targets = {a["id"] for _, a in outline.tags if "id" in a}
    assert {a["href"][1:] for _, a in outline.tags if "href" in a} <= targets
    assert "url(" not in PAGE.split("</style>")[0]


def test_hostile_answers_stay_data() -> None:
    page = render(REPORT, {"capitals": hostile_pairs()})
    outline, clean = Outline(page), Outline(render(REPORT, {"capitals": hostile_pairs()[:0]}))
    tags = [tag for tag, _ in outline.tags]
    assert "img" not in tags
    assert tags.count("script") == 2 == [tag for tag, _ in clean.tags].count("script")
    assert "49" not in [item["tuned"]["output"] for item in data_of(page)["items"]]
    tuned = [item["tuned"]["output"] for item in data_of(page)["items"]]
    assert tuned == [visible(text) for text in HOSTILE]
    assert tuned[4] == "␛[31mred␛[0m ␀ ␇ ⟨U+009B⟩2J"
    assert len(tuned[9]) == 100_000
    page.encode("utf-8")


def test_hostile_names_stay_text() -> None:
    nasty = dataclasses.replace(
        REPORT,
        base_name="<script>alert(1)</script>\x1b[2J",
        sentences=("{{7*7}} <b>bold</b>", "</title><script>alert(2)</script>"),
        abilities=(dataclasses.replace(REPORT.abilities[0], name="</script><i>", title="\u202ea\x00\ud800"),),
    )
    pairs = {"</script><i>": hostile_pairs()}
    page = render(nasty, pairs)
    outline = Outline(page)
    assert [tag for tag, _ in outline.tags].count("script") == 2
    assert "i" not in [tag for tag, _ in outline.tags]
    assert "{{7*7}} <b>bold</b>" in outline.text
    assert "<script>alert(1)</script>␛[2J" in outline.text
    assert "⟨U+202E⟩a␀⟨U+D800⟩" in outline.text
    assert data_of(page)["groups"][0]["name"] == "</script><i>"
    page.encode("utf-8")


@pytest.mark.parametrize("text", HOSTILE)
def test_embedded_json_comes_back_and_ends_nothing(text: str) -> None:
    embedded = str(embedded_json({"text": text}))
    assert json.loads(embedded) == {"text": text}
    assert not set(embedded) & set("<>&\u2028\u2029\x00")


def test_joiners_and_line_ends_stay() -> None:
    assert visible("a\tb\n👩‍👧 नमस्ते\u200c") == "a\tb\n👩‍👧 नमस्ते\u200c"
    assert visible("\r\x7f\u200b") == "␍␡⟨U+200B⟩"


def test_a_candidate_or_an_ability_cannot_write_markup() -> None:
    page = render(outcome(forgetting_report(), hostile="<script>alert(1)</script>"), {})
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
