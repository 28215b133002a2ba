"""Builds the site of these pages into build/docs/html, strictly: `make docs`.

Pages link to files of the whole repository, so what they link to is put beside them, each in its own place. Before
the builder runs, `problems` looks through links, anchors and navigation; the tests do so too, without the builder.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "docs" / "zensical.toml"
FENCE = re.compile(r"^([ \t]*)(`{3,})[^\n]*\n.*?^\1\2[ \t]*$", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.M)


def pages() -> list[Path]:
    """The pages of the site."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """(link, file, anchor) of each link to a file of the repository."""
    text = re.sub(r"(`+).+?\1", "", FENCE.sub("", page.read_text(encoding="utf-8")), flags=re.S)
    for link in LINK.findall(text):
        if not re.match(r"[a-z]+:", link):
            path, _, anchor = unquote(link).partition("#")
            yield link, (page.parent / path).resolve() if path else page, anchor


def anchors(page: Path) -> set[str]:
    """Of the page's headings, as GitHub makes them: lower case, no punctuation, a hyphen for each space."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading) for heading in HEADING.findall(text))
    return {re.sub(r"[^\w\s-]", "", heading).strip().lower().replace(" ", "-") for heading in plain}


def navigation() -> list[str]:
    """The pages that the navigation names."""
    import tomllib  # Python 3.10 has none, and nothing else here needs it.

    def named(entries: object) -> Iterator[str]:
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, dict):
                for inside in entry.values():
                    yield from named(inside)
            else:
                yield str(entry)

    return list(named(tomllib.loads(CONFIG.read_text(encoding="utf-8"))["project"]["nav"]))


def problems() -> list[str]:
    """Each link to no file, each anchor of no heading, each page that the navigation leaves out or only it knows."""
    found = []
    for page in pages():
        for link, file, anchor in links(page):
            where = f"{page.relative_to(ROOT)}: {link}"
            if not file.is_file():
                found.append(f"{where}: there is no such file")
            elif anchor and anchor not in anchors(file):
                found.append(f"{where}: there is no such heading")
    named, there = navigation(), {str(page.relative_to(ROOT)) for page in pages()}
    found += [f"{name}: the navigation names it, and there is no such page" for name in named if name not in there]
    found += [f"{name}: the navigation names it twice" for name in sorted(set(named)) if named.count(name) > 1]
    # Decisions are reached from their list.
    left = (name for name in there if name not in named and not re.match(r"docs/adr/\d", name))
    return found + [f"{name}: the navigation leaves it out" for name in sorted(left)]


def main() -> int:
    found = problems()
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    build = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "docs"
    shutil.rmtree(build, ignore_errors=True)
    linked = (file for page in pages() for _, file, _ in links(page))
    for file in {*pages(), *linked, ROOT / "docs" / "site.css", ROOT / "docs" / "site.js"}:
        to = build / "pages" / file.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
    config = CONFIG.read_text(encoding="utf-8").replace('paths = ["src"]', f"paths = [{json.dumps(str(ROOT / 'src'))}]")
    (build / CONFIG.name).write_text(config, encoding="utf-8")
    return subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=build, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
