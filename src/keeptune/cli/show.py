"""What a verb prints at its end: on stdout, a report for people or JSON for programs."""

from __future__ import annotations

import json
from typing import Any

import click


def show_json(record: Any) -> None:
    """A record as JSON on stdout, and nothing else."""
    from keeptune.records import to_plain

    click.echo(json.dumps(to_plain(record), ensure_ascii=False, indent=2))


def show_report(renderable: Any) -> None:
    """A report on stdout; as plain text, 120 columns wide, where stdout is no terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=120)
    console.print(renderable)
