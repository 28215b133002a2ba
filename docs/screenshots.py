"""Pictures of a report, of `keeptune ui` and of the site, on a desktop and a phone: `python docs/screenshots.py RUNS`.

RUNS is a folder with finished runs, and the site is in build/docs/html (`make docs`). It needs playwright and Chromium.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keeptune

IMAGES = Path(__file__).parent / "images"
SITE = Path(__file__).parents[1] / "build" / "docs" / "html" / "docs" / "five-minutes.html"
SCREENS = {"desktop": (1280, 860, "light"), "phone": (390, 860, "dark")}


@contextmanager
def addresses(runs: Path) -> Iterator[dict[str, str]]:
    """Address of each page, while the block runs; the runs are seen below `runs` in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(runs, Path(folder) / "runs", ignore=shutil.ignore_patterns("*.safetensors", "exports"))
        os.chdir(folder)
        ui = keeptune.open_ui("runs", keeptune.ServeSettings(port=0))
        listening = threading.Thread(target=ui.run)
        listening.start()
        try:
            report = next(Path(folder).glob("runs/*/report.html"))
            yield {"report": report.as_uri(), "ui": ui.url, "site": SITE.as_uri()}
        finally:
            ui.stop()
            listening.join()


def main() -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with addresses(Path(sys.argv[1]).resolve()) as pages, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page_name, address in pages.items():
            for screen, (width, height, scheme) in SCREENS.items():
                page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                page.goto(address)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=IMAGES / f"{page_name}-{screen}.png")
                page.close()
        browser.close()


if __name__ == "__main__":
    main()
