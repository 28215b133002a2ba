"""The site: links, anchors, navigation, pictures, the list of decisions, and the build where there is a builder."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import keeptune
from tests.browser import browser as browser
from tests.browser import refuse_violations_as_it_is

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
import pictures
import site_pages

DOCS = Path(__file__).resolve().parents[2] / "docs"
DECISIONS = DOCS / "adr" / "README.md"
pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="the navigation is read by tomllib")


def test_links_anchors_and_navigation() -> None:
    assert site_pages.problems() == []


def test_a_broken_page_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs" / "folder").mkdir(parents=True)
    (tmp_path / "README.md").write_text(
        "# One & `two`\n\n[a](docs/b.md#no) [c](#one--two) [d](docs/folder) [e](no.svg)\n"
    )
    (tmp_path / "CONTRIBUTING.md").write_text(
        "`[not](a-link.md)`\n\n```\n# no heading\n[nor](this.md)\n```\n[x](#no-heading)\n"
    )
    (tmp_path / "docs" / "b.md").write_text("# B\n\n[elsewhere](https://example.org/#b)\n")
    config = tmp_path / "zensical.toml"
    config.write_text(
        '[project]\nnav = [{ A = "README.md" }, { B = [{ C = "docs/ghost.md" }, { A = "README.md" }] }]\n'
    )
    monkeypatch.setattr(site_pages, "ROOT", tmp_path)
    monkeypatch.setattr(site_pages, "CONFIG", config)
    assert site_pages.problems() == [
        "README.md: docs/b.md#no: there is no such heading",
        "README.md: docs/folder: there is no such file",
        "README.md: no.svg: there is no such file",
        "CONTRIBUTING.md: #no-heading: there is no such heading",
        "docs/ghost.md: the navigation names it, and there is no such page",
        "README.md: the navigation names it twice",
        "CONTRIBUTING.md: the navigation leaves it out",
        "docs/b.md: the navigation leaves it out",
    ]


def test_every_decision_is_listed() -> None:
    files = sorted(DOCS.glob("adr/0*.md"))
    titles = [file.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for file in files]
    lines = [f"- [{title}]({file.name})" for title, file in zip(titles, files, strict=True)]
    text = "\n".join(
        ["# Decisions", "", "Why it is built this way, in the order in which it was decided.", "", *lines, ""]
    )
    if os.environ.get("UPDATE_DOCS"):
        DECISIONS.write_text(text, encoding="utf-8")
    assert DECISIONS.read_text(encoding="utf-8") == text, "write it again with UPDATE_DOCS=1"


def test_pictures_are_what_the_functions_draw() -> None:
    for name, svg in pictures.pictures().items():
        assert (DOCS / "images" / name).read_text(encoding="utf-8") == svg, "run `python docs/pictures.py`"


def test_the_margin_picture_shows_each_verdict() -> None:
    drawn = pictures.pictures()["margin.svg"]
    assert [word for word in ("kept", "lost", "inconclusive") if f">{word}: " not in drawn] == []


def test_the_reference_has_every_public_name_once() -> None:
    named = re.findall(r"^::: keeptune\.(\w+)$", (DOCS / "api.md").read_text(encoding="utf-8"), re.M)
    assert sorted(named) == sorted(keeptune.__all__)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run([sys.executable, str(DOCS / "site_pages.py"), str(folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def test_it_builds(site: Path) -> None:
    page = (site / "docs" / "api.html").read_text(encoding="utf-8")
    assert 'id="keeptune.tune"' in page


@pytest.mark.parametrize("name", ["index", "docs/five-minutes", "docs/exporting", "docs/full-or-lora", "docs/gallery"])
def test_it_keeps_to_the_rules_of_axe_core(site: Path, browser: Any, name: str) -> None:
    for width, scheme in ((1280, "light"), (390, "dark")):
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.goto((site / f"{name}.html").as_uri())
        expected = "slate" if scheme == "dark" else "default"
        page.wait_for_selector(f"body[data-md-color-scheme={expected}]")
        refuse_violations_as_it_is(page)
        page.close()
