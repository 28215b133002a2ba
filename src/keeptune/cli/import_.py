"""`keeptune import`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keeptune.cli.options import Verb
from keeptune.near_paths import expanded

if TYPE_CHECKING:
    from rich.console import RenderableType

    from keeptune.bridges.foreign.import_settings import Imported


@click.command("import", cls=Verb)
@click.argument("config", metavar="CONFIG.yaml")
@click.option(
    "--from", "trainer", metavar="trl|axolotl|llama-factory", help="Whose file it is.  [default: known by its keys]"
)
@click.option(
    "--output", "-o", metavar="FILE.yaml", default="keeptune.yaml", show_default=True, help="The file to write."
)
def command(config: str, trainer: str | None, output: str) -> int:
    """Read a settings file of TRL, axolotl or LLaMA-Factory, and write one for keeptune.

    Says of each of its keys which setting it becomes, what differs in meaning, and what is left out. A key that is not
    known is named, never dropped.

    \b
    keeptune import sft.yaml
    keeptune check --config keeptune.yaml
    """
    from keeptune.bridges.foreign.import_settings import import_settings
    from keeptune.cli.show import show_report
    from keeptune.workspace.atomic import write_new_text

    imported = import_settings(Path(config), trainer)
    file = expanded(output)
    write_new_text(file, imported.yaml())
    show_report(_report(imported, file))
    return 0


def _report(imported: Imported, file: Path) -> RenderableType:
    """Line by line, then what neither file says."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from keeptune.bridges.foreign.import_settings import said
    from keeptune.bridges.foreign.rule import METHOD
    from keeptune.commands import command as suggested
    from keeptune.report.visible import visible

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("line", imported.trainer, "keeptune", ""):
        table.add_column(column, overflow="fold")
    for line in imported.lines:
        became = ", ".join(line.becomes)
        words = f"{line.kind}{': ' if line.note else ''}{line.note}" if line.kind != "same" else line.note
        number = line.where.rpartition(":")[2]
        table.add_row(number, visible(said(line.key, line.value)), visible(became), visible(words))
    unsaid = [f"{key} ({imported.trainer}: {does})" for key, does in imported.defaults.items() if key != METHOD]
    told = [f"not said, so that keeptune's own default holds: {', '.join(unsaid)}"] if unsaid else []
    told += ["no rows to train on: give --train"] if "data.train" not in imported.settings else []
    told += [f"written: {file}; next: {suggested('check', config=file)}"]
    return Group(table, *(Text(visible(line)) for line in told))
