"""Print the result of a verb on stdout: a report for people or JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import Any

import click


def show_json(record: Any) -> None:
    """A record as JSON on stdout, and nothing else."""
    from keeptune.records import to_plain
    from keeptune.records.masked import masked
    from keeptune.report.visible import visible_json

    # Escapes of JSON, where the encoding of stdout may not hold a character.
    plain = (sys.stdout.encoding or "").casefold().replace("-", "") != "utf8"
    click.echo(visible_json(json.dumps(to_plain(masked(record)), ensure_ascii=plain, indent=2)))


def show_report(renderable: Any) -> None:
    """A report on stdout; plain text of 120 columns if stdout is not a terminal."""
    from rich.console import Console

    from keeptune.report.visible import Visible

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    # A command is never wrapped; everything else fits the console.
    console.print(Visible(renderable), crop=False)


def show_tuned(result: Any, *, as_json: bool) -> int:
    """Show a run of `tune` with its forgetting report, and return the exit code."""
    from keeptune.forgetting.gate import exit_code
    from keeptune.report.terminal import tune_report

    if as_json:
        show_json(result)
    else:
        show_report(tune_report(result))
    return 0 if result.forgetting is None else exit_code(result.forgetting.gate, result.forgetting.fail_on)
