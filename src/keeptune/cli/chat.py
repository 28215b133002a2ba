"""`keeptune chat`."""

from __future__ import annotations

import sys
from typing import Any, Protocol

import click

from keeptune.cli.options import MODEL, setting_flags

QUIT = ("/quit", "/exit", "/q")
FORGET = "/forget"


class Talker(Protocol):
    """The part of an open chat that the conversation uses."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def reply(self, text: str) -> tuple[str, ...]:
        """One answer of each model."""
        ...

    def forget(self) -> None:
        """Start a new conversation."""
        ...


@click.command("chat")
@setting_flags(
    *(*MODEL, "prompt", "system"),
    says={
        "prompt": "Template of the first turn.  [default: the run's, if it has one field]",
        "system": "System message.  [default: the run's]",
    },
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(config: str | None, quiet: bool, **flags: Any) -> None:
    """Talk to a model; for an adapter or a run, base and tuned answer side by side.

    /forget starts a new conversation, /quit ends. Piped text is answered line by line.

    \b
    keeptune chat --model runs/mine-lora-1
    echo 'Who wrote Faust?' | keeptune chat
    """
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.report.progress import progress

    settings = read_settings(config, flags)
    quiet_libraries()
    from keeptune.api.chat import open_chat

    with progress(quiet=quiet) as observer:
        chat = open_chat(settings.model, observer, settings.data)
    talk(chat)


def talk(chat: Talker) -> None:
    """Read lines until the end, and print each model's answer."""
    if sys.stdin.isatty():
        click.echo("/forget starts a new conversation, /quit ends", err=True)
    while True:
        text = _next_line()
        if text is None or text in QUIT:
            return
        if text == FORGET:
            chat.forget()
            click.echo("(forgotten)", err=True)
        elif text.startswith("/"):
            click.echo(f"there is no {text.split()[0]}; {FORGET} starts a new conversation, /quit ends", err=True)
        elif text:
            show_replies(chat.names, chat.reply(text))


def show_replies(names: tuple[str, ...], replies: tuple[str, ...]) -> None:
    """Side by side if the terminal is wide enough, otherwise one below the other."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from keeptune.report.visible import visible

    console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
    if not console.is_terminal or len(names) == 1 or console.width < 80:
        for name, reply in zip(names, replies, strict=True):
            console.print(Text(f"{name}: {visible(reply)}"))
        return
    table = Table(expand=True)
    for name in names:
        table.add_column(name, ratio=1, overflow="fold")
    table.add_row(*(Text(visible(reply)) for reply in replies))
    console.print(table)


def _next_line() -> str | None:
    """The next line, stripped; None at the end."""
    try:
        line = input("> " if sys.stdin.isatty() else "")
    except EOFError:
        return None
    return line.strip()
