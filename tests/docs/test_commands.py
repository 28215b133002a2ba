"""Commands that pages show beside those at the start of a line: in sentences, after a prompt, behind a launcher. The
cheap ones are run, page by page, with a tiny model."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from keeptune.cli.main import VERBS, keeptune, main
from tests.pasted import pasted, shell_words

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^ *```\w*\n(.*?)^ *```", re.S | re.M)
LEFT_OUT = (click.MissingParameter, click.BadOptionUsage)
"""A sentence may leave out what a command needs: `keeptune measure`, `--config`."""
CHEAP = ("init", "check", "import")


def lines(page: Path) -> list[str]:
    """The lines of a page's blocks, continued ones joined."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    return [line.strip() for block in blocks for line in block.replace("\\\n", " ").splitlines()]


def in_sentences(page: Path) -> list[str]:
    prose = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(found.split()) for found in re.findall(r"`(keeptune [a-z]+[^`]*)`", prose)]


def of(find: Callable[[Path], list[str]]) -> list[object]:
    return [pytest.param(line, id=f"{page.name}: {line[:50]}") for page in PAGES for line in dict.fromkeys(find(page))]


@pytest.mark.parametrize("line", of(in_sentences))
def test_commands_in_sentences_have_their_verbs_and_flags(line: str) -> None:
    try:
        verb, _ = pasted(line)
    except LEFT_OUT:
        verb = line.split()[1]
    assert verb.split()[0] in VERBS


def behind(page: Path) -> list[str]:
    """After a shell's prompt, variables, or a launcher."""
    found = (re.match(r"(?:\$ |.*-m )(keeptune [a-z].*)", line) for line in lines(page))
    return [re.sub(r"\s+#.*|\s{2,}.*", "", line[1]) for line in found if line]


@pytest.mark.parametrize("line", of(behind))
def test_commands_behind_a_prompt_or_a_launcher_parse(line: str) -> None:
    pasted(line)


def test_a_wrong_flag_is_found() -> None:
    with pytest.raises(click.NoSuchOption):
        pasted("keeptune measure --tuned a --kept b")


def cheap(page: Path) -> list[str]:
    at_start = [line for line in lines(page) if line.startswith(tuple(f"keeptune {verb} " for verb in CHEAP))]
    return [line for line in at_start if "--forecast" not in line]


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES if cheap(page)])
def test_cheap_commands_run(page: Path, tiny: Callable[..., Path], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_rows(Path("tickets.csv"), "prompt", "completion")
    write_rows(Path("chats.csv"), "dialogue", "summary")
    Path("sft.yaml").write_text(f"model_name_or_path: {json.dumps(str(tiny('llama')))}\ndataset_name: tickets.csv\n")
    for line in cheap(page):
        verb, *arguments = shell_words(line)[1:]
        if verb in ("init", "import"):
            # A page may show both, and neither overwrites a file.
            Path("keeptune.yaml").unlink(missing_ok=True)
        if verb == "init":
            arguments.append("--yes")
        if verb != "import":
            arguments += ["--model", str(tiny("llama"))]
        assert main([verb, *arguments]) == 0, line


def write_rows(file: Path, *fields: str) -> None:
    with file.open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened)
        rows.writerow(fields)
        rows.writerows((f"Ticket {number}: the lamp is dark.", f"Lamp {number} is looked at.") for number in range(300))


def test_every_verb_is_shown_somewhere() -> None:
    shown = {
        line.split()[1] for page in PAGES for line in [*lines(page), *in_sentences(page)] if line[:9] == "keeptune "
    }
    assert set(keeptune.list_commands(click.Context(keeptune))) <= shown
