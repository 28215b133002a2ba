"""`keeptune runs`."""

from __future__ import annotations

from typing import Any

import click

FOLDER = click.option("--in", "folder", metavar="FOLDER", default="runs", help="Folder of the runs.  [default: runs]")
JSON = click.option("--json", "as_json", is_flag=True, help="Print only the result, as JSON.")


class ListsByDefault(click.Group):
    """A group whose default command is list: `keeptune runs FOLDER`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert `list` if no command is named."""
        if not args or (args[0] not in self.commands and args[0] not in self.get_help_option_names(ctx)):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("runs", cls=ListsByDefault, subcommand_metavar="[FOLDER] | show | compare | delete ...")
def command() -> None:
    """List, show, compare and delete the runs of a folder.

    \b
    keeptune runs
    keeptune runs experiments --task dialogsum --sort gain
    keeptune runs --lost                 (flags of the list: keeptune runs list --help)
    keeptune runs show tickets-lora-1
    keeptune runs compare tickets-lora-1 rows-full-1
    keeptune runs delete tickets-lora-1
    """


@command.command("list")
@click.argument("folder", default="runs")
@click.option("--task", metavar="TEXT", default="", help="Only tasks whose name holds TEXT.")
@click.option("--model", metavar="TEXT", default="", help="Only models whose name holds TEXT.")
@click.option("--method", metavar="TEXT", default="", help="Only methods whose name holds TEXT.")
@click.option("--state", metavar="finished|running|unfinished|damaged", default="", help="Only runs in this state.")
@click.option("--lost", is_flag=True, help="Only runs that lost a declared ability.")
@click.option("--sort", metavar="when|name|task|model|gain|size", default="when", help="Order.  [default: when]")
@JSON
def listed(folder: str, sort: str, as_json: bool, **wanted: Any) -> int:
    """List runs, one per line, unfinished and damaged ones included."""
    from keeptune.api.runs import RunFilter, runs
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.runs import runs_report

    found = runs(folder, RunFilter(**wanted), sort)
    if as_json:
        show_json(found)
    else:
        show_report(runs_report(found, folder))
    return 0


@command.command("show")
@click.argument("run")
@FOLDER
@JSON
def show(run: str, folder: str, as_json: bool) -> int:
    """Show one run: settings, scores and abilities."""
    from keeptune.api.runs import find_run
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.runs import run_report

    found = find_run(run, folder)
    if as_json:
        show_json(found)
    else:
        show_report(run_report(found))
    return 0


@command.command("compare")
@click.argument("names", nargs=-1, required=True, metavar="RUN RUN ...")
@FOLDER
@JSON
def compare(names: tuple[str, ...], folder: str, as_json: bool) -> int:
    """Compare runs: gain and forgetting on the same items, and the settings that differ."""
    from keeptune.api.runs import compare_runs
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.runs import comparison_report

    compared = compare_runs(names, folder)
    if as_json:
        show_json(compared)
    else:
        show_report(comparison_report(compared))
    return 0


@command.command("delete")
@click.argument("run")
@FOLDER
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Delete it even if other runs need it.")
def delete(run: str, folder: str, yes: bool, force: bool) -> int:
    """Delete a run and its folder; refused while it is being written or if another run needs it."""
    from keeptune.api.runs import delete_run, dependents, find_run, runs
    from keeptune.report.runs import size
    from keeptune.report.visible import visible

    found = find_run(run, folder)
    for dependent in dependents(found, folder):
        lose = "" if dependent.breaks else "; its numbers stay, and it cannot be measured again"
        click.echo(visible(f"note: {dependent.name}: {dependent.reason}{lose}"), err=True)
    inside = len(runs(found.path)) - 1
    more = f" with the {inside} runs inside it" if inside > 1 else " with the run inside it" if inside else ""
    if not yes:
        click.confirm(f"Delete {visible(found.path)}{more}, {size(found.size_bytes)}?", abort=True, err=True)
    delete_run(found, folder, force=force)
    click.echo(visible(f"deleted {found.path}{more}"))
    return 0
