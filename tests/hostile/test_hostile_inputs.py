"""Hostile inputs through the command line: none runs code, reaches out, writes outside, shows an escape or has no end;
docs/hostile-inputs.md says what happened to each. UPDATE_DOCS=1 rewrites that page."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile import models, rows, runs
from tests.hostile.inputs import CANARY, CPU, ROWS, HostileInput
from tests.hostile.watched import Outcome, watched

INPUTS: tuple[HostileInput, ...] = (*models.INPUTS, *rows.INPUTS, *runs.INPUTS)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "hostile-inputs.md"
OPENING = (Path(__file__).parent / "opening.md").read_text(encoding="utf-8")
PRECIOUS = "what must not change\n"
ESCAPE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def done(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny model."""
    folder = tmp_path_factory.mktemp("done")
    (folder / "tiny").symlink_to(tiny("llama"))
    (folder / "rows.jsonl").write_text(ROWS)
    flags = ["--epochs", "1", "--measure", "none", "--plain", "--output", "run", "--max-length", "64"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPTUNE_CACHE", str(folder / "cache"))
        outcome = watched(["tune", "--model", "tiny", "--train", "rows.jsonl", *CPU, *flags], folder)
    assert outcome.code == 0, outcome.err
    return folder / "run"


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """What happened to each, for the page."""
    return {}


@pytest.mark.parametrize("hostile", INPUTS, ids=lambda hostile: f"{hostile.group}: {hostile.what}")
def test_it_does_no_harm(
    hostile: HostileInput, tiny: Callable[..., Path], done: Path, told: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "tiny").symlink_to(tiny("llama"))
    shutil.copytree(done, folder / "done")
    (folder / "victim").write_text(PRECIOUS)
    words = hostile.write(folder)
    before = _kept(folder)
    outcome = watched(words, folder)
    said = outcome.out + outcome.err
    assert outcome.error is hostile.error, said
    table = folder / "out.csv"
    assert hostile.says in said + (table.read_text() if table.exists() else "")
    assert "Traceback" not in said
    assert not ESCAPE.search(said)
    assert outcome.noticed == ()
    assert not list(tmp_path.rglob(f"*{CANARY}*"))
    assert _kept(folder) == before
    if hostile.error:
        assert outcome.code == hostile.error.exit_code
        assert "→" in outcome.message, "it says the way out"
        assert not (folder / "out" / "result.json").exists()
    told[f"{hostile.group}: {hostile.what}"] = _happened(hostile, outcome, folder)


def test_the_page_says_what_happened(told: dict[str, str]) -> None:
    if len(told) < len(INPUTS):
        pytest.skip("the page is of all inputs")
    lines, group = [OPENING, f"{len(INPUTS)} inputs.\n"], ""
    for hostile in INPUTS:
        if hostile.group != group:
            group = hostile.group
            lines.append(f"\n## {group}\n\n| What | Kind | Exit, and what is said |\n| --- | --- | --- |")
        lines.append(f"| {hostile.what} | {hostile.kind} | {told[f'{group}: {hostile.what}']} |")
    page = "\n".join(lines) + "\n"
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "write it again with UPDATE_DOCS=1"


def _kept(folder: Path) -> dict[str, bytes]:
    """What must be afterwards as it was before."""
    files = [folder / "victim", *sorted((folder / "done").rglob("*")), *sorted((folder / "tiny").resolve().rglob("*"))]
    return {str(file): file.read_bytes() for file in files if file.is_file()}


def _happened(hostile: HostileInput, outcome: Outcome, folder: Path) -> str:
    message = outcome.message if hostile.error or outcome.code else hostile.then
    message = message.replace(f"{folder}/", "").replace(f"{(folder / 'tiny').resolve()}", "tiny")
    message = message.replace(f"{folder.parent}/", "")
    message = re.sub(r"(?<![\w.:/])/(?:[\w.~+-]+/)*pytest[\w.~+-]*/(?:[\w.~+-]+/)*", "", message)
    for letter, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("_", "\\_")):
        message = message.replace(letter, written)
    return f"{outcome.code}: {message[:400]}"
