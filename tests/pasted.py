"""A suggested command as a user pastes it: read by a real shell, then by the real command line."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import click

from keeptune.cli.main import keeptune
from keeptune.cli.runs import ListsByDefault


def shell_words(line: str) -> list[str]:
    """The words that bash makes of a line."""
    script = f"printf '%s\\0' {line}"
    said = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    return said.decode("utf-8", "surrogateescape").split("\0")[:-1]


def parsed(words: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """(verb, what click reads of its flags and arguments); raises click's errors as the command line does."""
    program, *arguments = words
    assert program == "keeptune"
    group: click.Command = keeptune
    context = click.Context(keeptune, info_name="keeptune")
    names = []
    while isinstance(group, click.Group):
        if isinstance(group, ListsByDefault) and (not arguments or arguments[0] not in group.commands):
            arguments = ["list", *arguments]
        name, command, arguments = group.resolve_command(context, list(arguments))
        assert name is not None
        assert command is not None
        names.append(name)
        group = command
        if isinstance(group, click.Group):
            context = click.Context(group, parent=context, info_name=name)
    context = group.make_context(names[-1], list(arguments), parent=context)
    return " ".join(names), {name: value for name, value in context.params.items() if value not in (None, (), False)}


def pasted(line: str) -> tuple[str, dict[str, Any]]:
    """As `parsed`, from the line that was shown."""
    return parsed(shell_words(line))
