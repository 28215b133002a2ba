"""`keeptune ui`."""

from __future__ import annotations

from typing import get_args

import click

from keeptune.config.schema import ModelConfig
from keeptune.config.sections.model import DeviceName
from keeptune.serving.settings import KEY, ServeSettings

PORT = 8080


@click.command("ui")
@click.argument("folder", default="runs")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; others need a key.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: any that is free.")
@click.option("--api-key", envvar=KEY, show_envvar=True, metavar="KEY", help="What a browser has to give once.")
@click.option(
    "--device", type=click.Choice(get_args(DeviceName)), default="auto", help="Device of the models in a chat."
)
def command(folder: str, host: str, port: int, api_key: str | None, device: DeviceName) -> None:
    """Show the runs of a folder in a browser, on this machine.

    FOLDER is the folder of your runs, `runs` unless you name another. A run that trains shows its curves as they grow,
    a finished one its report; runs stand side by side, and base and tuned answer beside each other.

    \b
    keeptune ui
    keeptune ui experiments --port 8090
    """
    from keeptune.api.ui import open_ui

    ui = open_ui(folder, ServeSettings(host, port, api_key), ModelConfig(device=device))
    click.echo(f"{ui.url} in a browser; Ctrl-C ends", err=True)
    ui.run()
