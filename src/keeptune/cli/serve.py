"""`keeptune serve`."""

from __future__ import annotations

from typing import Any

import click

from keeptune.cli.options import MODEL, Verb, setting_flags
from keeptune.serving.settings import KEY, ServeSettings

DEFAULTS = ServeSettings()
ASKED = [name for name in (*MODEL, "prompt", "system", "max-length") if name != "model"]


@click.command("serve", cls=Verb)
@click.argument("run")
@click.option("--base", metavar="NAME", help="Model it was tuned from.  [default: the one that it names]")
@click.option("--host", default=DEFAULTS.host, show_default=True, help="Where to listen; others need a key.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=DEFAULTS.port, show_default=True, help="0: any that is free."
)
@click.option("--api-key", envvar=KEY, show_envvar=True, metavar="KEY", help="What clients have to give as their key.")
@click.option(
    "--route-if",
    metavar="REGEX",
    help="Requests in which it is found go to tuned, all others to base.  [default: those in the task's form]",
)
@click.option("--folded", is_flag=True, help="Fold the adapter in, as it was scored; the base takes memory of its own.")
@setting_flags(
    *ASKED,
    says={
        "prompt": "Template of the first user message.  [default: the run's, if it has one field]",
        "system": "System message where a request has none.  [default: the run's]",
        "max-length": "Maximum tokens of a prompt.  [default: 2048, or the model's context]",
    },
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
def command(run: str, base: str | None, config: str | None, quiet: bool, **flags: Any) -> None:
    """Serve base and tuned to clients of OpenAI's interface, on this machine.

    RUN is a run folder, an adapter or a model. The models are named base, tuned and route: the last answers the task's
    requests by the tuned model and all others by the base.

    \b
    keeptune serve runs/mine-lora-1
    keeptune serve runs/mine-lora-1 --port 8080 --route-if '^Summarize'
    """
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.report.progress import progress

    own = ServeSettings(**{name: flags.pop(name) for name in ("host", "port", "api_key", "route_if", "folded")})
    settings = read_settings(config, {**flags, "model": run})
    quiet_libraries()
    from keeptune.api.serve import open_server

    with progress(quiet=quiet) as observer:
        server = open_server(settings.model, own, observer, settings.data, base)
    click.echo(f"{', '.join(server.names)} on {server.url}; Ctrl-C ends", err=True)
    server.run()
