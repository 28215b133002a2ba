"""Every bad input ends in a message, and docs/bad-inputs.md shows them all. UPDATE_DOCS=1 rewrites that page."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from keeptune.cli.main import keeptune
from tests.surface.bad_inputs import CASES, RESULT, Outcome, outcomes
from tests.surface.test_suggestions import FLAG, OF_OTHERS, flags

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bad-inputs.md"
OPENING = """\
# Bad inputs, and what keeptune says to them

Made by `tests/surface/test_bad_inputs_table.py`, which gives each of these to the command line
(`UPDATE_DOCS=1` rewrites this page). None ends in a traceback, and none touches an earlier result.
Paths are shortened to the names of files.
"""


@pytest.fixture(scope="module")
def answered(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    return list(outcomes(tiny("llama"), tmp_path_factory.mktemp("bad")))


def test_the_table_is_wide() -> None:
    assert len(CASES) >= 40
    assert len({case.kind for case in CASES}) >= 25
    assert len({(case.group, case.what) for case in CASES}) == len(CASES)


def test_none_ends_in_a_traceback(answered: list[Outcome]) -> None:
    for outcome in answered:
        said = outcome.err + outcome.out
        assert "Traceback" not in said, outcome.case.what
        assert outcome.code in (1, 2), outcome.case.what
        assert "rror: " in outcome.err, outcome.case.what
        assert outcome.out == "", outcome.case.what


def test_each_says_what_to_do(answered: list[Outcome]) -> None:
    silent = [
        outcome.case.what
        for outcome in answered
        # click's own errors point to the help.
        if "→" not in outcome.err and "--help" not in outcome.err
    ]
    assert silent == []


def test_each_fix_names_flags_of_the_verb_only(answered: list[Outcome]) -> None:
    wrong = []
    for outcome in answered:
        command = keeptune.get_command(click.Context(keeptune), outcome.verb)
        assert command is not None
        named = FLAG.findall(outcome.err.partition("→")[2])
        wrong += [(outcome.case.what, name) for name in named if name not in flags(command) | set(OF_OTHERS)]
    assert wrong == []


def test_an_earlier_result_is_never_touched(answered: list[Outcome]) -> None:
    assert [outcome.case.what for outcome in answered if outcome.earlier != RESULT] == []


def test_the_page_shows_every_message(answered: list[Outcome]) -> None:
    page = table(answered)
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "write it again with UPDATE_DOCS=1"


def table(answered: list[Outcome]) -> str:
    lines = [OPENING]
    lines.append(f"{len(answered)} inputs of {len({outcome.case.kind for outcome in answered})} kinds.\n")
    group = ""
    for outcome in answered:
        if outcome.case.group != group:
            group = outcome.case.group
            lines.append(f"\n## {group}\n\n| What | Kind | Message |\n| --- | --- | --- |")
        message = outcome.message
        for letter, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("_", "\\_")):
            message = message.replace(letter, written)
        lines.append(f"| {outcome.case.what} | {outcome.case.kind} | {message} |")
    return "\n".join(lines) + "\n"
