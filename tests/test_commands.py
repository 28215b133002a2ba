"""Suggested commands are pasted: into a real shell, and from there into the real command line."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import click
import pytest
import tomllib
from rich.console import Console

from keeptune.cli.main import VERBS, keeptune
from keeptune.commands import EXTRAS, FLAGS, command, install, joined, options
from keeptune.report.export import export_report
from keeptune.report.terminal import tune_report
from keeptune.report.visible import visible
from tests.pasted import pasted, shell_words
from tests.report.pages import EXPORT
from tests.report.results import RESULT

HOSTILE = (
    "my runs/a b",
    "it's",
    'say "hi"',
    "-rows.jsonl",
    "--auto",
    "$HOME/`id`",
    "two\nlines",
    "tab\there",
    "back\\slash",
    "bang!",
    "~/runs",
    "*.jsonl",
    "a;b&c|d",
    "#x",
    "prénom",
    "zero\u200bwidth",
    "turned\u202e",
    "lost\udcff",
)


def flags_of(verb: str) -> set[str]:
    group: click.Command = keeptune
    for name in verb.split():
        assert isinstance(group, click.Group)
        group = group.get_command(click.Context(group), name)  # type: ignore[assignment]
    options = (name for parameter in group.params for name in parameter.opts if name.startswith("--"))
    return {name.removeprefix("--") for name in options}


@pytest.mark.parametrize("verb", FLAGS)
def test_every_verb_has_the_flags_that_may_be_suggested(verb: str) -> None:
    assert set(FLAGS[verb]) - flags_of(verb) == set()
    assert verb.split()[0] in VERBS


def test_a_flag_that_the_verb_has_not_cannot_be_suggested() -> None:
    with pytest.raises(ValueError, match="keeptune chat has no --output"):
        command("chat", output="x")
    for empty in ("", "  "):
        with pytest.raises(ValueError, match="--completion is empty"):
            options("tune", completion=empty)
    with pytest.raises(ValueError, match="an argument is empty"):
        command("predict", "")


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_arrives_as_it_is(value: str) -> None:
    line = command("tune", config=value, keep=[value, "facts"], resume=True, auto=False, output=None)
    assert "\n" not in line
    assert visible(line) == line
    assert pasted(line) == ("tune", {"config": value, "keep": (value, "facts"), "resume": True})
    assert pasted(command("predict", value, model=value)) == ("predict", {"file": value, "model": value})
    assert shell_words(joined([value, "", "x"])) == [value, "", "x"]


def test_a_verb_of_runs_is_suggested_with_its_group() -> None:
    verb, given = pasted(command("runs show", "-x", in_="my runs"))
    assert (verb, given["run"], given["folder"]) == ("runs show", "-x", "my runs")


def test_the_extras_are_those_of_the_package() -> None:
    project = Path(__file__).resolve().parents[1] / "pyproject.toml"
    extras = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert {name: list(packages) for name, packages in EXTRAS.items()} == {
        name: packages for name, packages in extras.items() if name in EXTRAS
    }
    # keeptune itself is on no index.
    assert not any("keeptune" in install(extra) for extra in EXTRAS)
    assert shell_words(install("vllm"))[:2] == ["pip", "install"]


@pytest.mark.parametrize("width", [40, 120])
def test_a_command_in_a_report_is_neither_broken_nor_cut(width: int) -> None:
    path = f"/somewhere/my runs/{'a long name ' * 12}/run"
    out = io.StringIO()
    Console(file=out, width=width).print(tune_report(replace(RESULT, path=path)), crop=False)
    lines = [line for line in out.getvalue().splitlines() if "keeptune chat" in line]
    assert [pasted(line[line.index("keeptune chat") :].rstrip()) for line in lines] == [("chat", {"model": path})]


def test_nor_that_which_loads_an_export() -> None:
    load = joined(["vllm", "serve", f"/somewhere/my runs/{'a long name ' * 12}/files"])
    out = io.StringIO()
    Console(file=out, width=60).print(export_report([replace(EXPORT, gate="pass", load=load)]), crop=False)
    assert f"load it: {load}" in out.getvalue().splitlines()


def test_half_a_character_is_no_error() -> None:
    assert options("tune", completion="a\ud800") == r"--completion $'a\355\240\200'"
