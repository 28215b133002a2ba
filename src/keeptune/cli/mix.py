"""`keeptune mix`."""

from __future__ import annotations

from typing import Any

import click

from keeptune.cli.completion import files, folders, models
from keeptune.cli.options import output_flags


@click.command("mix")
@click.argument("recipe", metavar="[RECIPE.yaml]", required=False, shell_complete=files)
@click.option(
    "--source",
    metavar="DATA[:FRACTION]",
    multiple=True,
    help="Rows to mix; may be repeated.",
    shell_complete=files,
)
@click.option("--rows", metavar="N", help="Rows in the mix.  [default: as many as the proportions allow]")
@click.option("--cap", metavar="N", help="Count each source as having at most N rows.")
@click.option("--temperature", metavar="X", help="Above 1, small sources get a larger share.  [default: 1]")
@click.option(
    "--test",
    metavar="DATA",
    multiple=True,
    help="Test rows to leave out of the mix; may be repeated.",
    shell_complete=files,
)
@click.option("--encoding", metavar="NAME", help="Encoding of text files.  [default: UTF-8, or detected and reported]")
@click.option(
    "--delimiter", metavar="CHAR", help="Character between the fields of a table.  [default: detected and reported]"
)
@click.option(
    "--near-duplicates", metavar="0.8|off", help="Also drop near duplicates, from this similarity on.  [default: 0.8]"
)
@click.option("--seed", metavar="N", help="Seed of the selection and order of rows.  [default: 0]")
@click.option("--model", metavar="NAME", help="Also count tokens, with this model's tokenizer.", shell_complete=models)
@click.option(
    *("--output", "-o"),
    metavar="FOLDER",
    help="Write the mix and its recipe here.  [default: report only]",
    shell_complete=folders,
)
@output_flags
def command(recipe: str | None, model: str | None, output: str | None, quiet: bool, as_json: bool, **given: Any) -> int:
    """Mix several sources into one train set, and inspect it before use.

    Rows that repeat an earlier one, or occur in a test set, are left out. The folder holds the rows and a recipe that
    reproduces them byte for byte.

    \b
    keeptune mix --source a.jsonl --source b.jsonl:0.1 --cap 3000 --test t.jsonl --output mix
    keeptune mix recipe.yaml
    keeptune tune --train mix --test t.jsonl
    """
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    quiet_libraries()
    from keeptune.api.mix import mix, recipe_of
    from keeptune.config.schema import ModelConfig

    flags = {"sources" if name == "source" else name: value for name, value in given.items()}
    told = recipe_of(recipe, {name: value for name, value in flags.items() if value not in (None, ())})
    with progress(quiet=quiet) as observer:
        report = mix(told, output or "", None if model is None else ModelConfig(model), observer)
    if as_json:
        show_json(report)
    else:
        from keeptune.report.mix import mix_report

        show_report(mix_report(report))
    return 0
