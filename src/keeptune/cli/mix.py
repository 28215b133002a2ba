"""`keeptune mix`."""

from __future__ import annotations

from typing import Any

import click

from keeptune.cli.options import output_flags


@click.command("mix")
@click.argument("recipe", metavar="[RECIPE.yaml]", required=False)
@click.option("--source", metavar="DATA[:FRACTION]", multiple=True, help="Rows to mix; may be repeated.")
@click.option("--rows", metavar="N", help="Rows of the mix.  [default: all that the proportions allow]")
@click.option("--cap", metavar="N", help="Count a source as having N rows at most.")
@click.option("--temperature", metavar="X", help="Above 1, small sources get more.  [default: 1]")
@click.option("--test", metavar="DATA", multiple=True, help="Leave out rows that occur here; may be repeated.")
@click.option("--encoding", metavar="NAME", help="Encoding of text files.  [default: UTF-8, or found and said]")
@click.option("--delimiter", metavar="CHAR", help="What parts the fields of tables.  [default: found, and said]")
@click.option("--near-duplicates", metavar="0.8|off", help="Look for near repeats, too.  [default: 0.8]")
@click.option("--seed", metavar="N", help="Seed of choice and order.  [default: 0]")
@click.option("--model", metavar="NAME", help="Also count tokens, by this model's tokenizer.")
@click.option("--output", "-o", metavar="FOLDER", help="Write the mix and its recipe here.  [default: only look]")
@output_flags
def command(recipe: str | None, model: str | None, output: str | None, quiet: bool, as_json: bool, **given: Any) -> int:
    """Mix many sources into one train set, and look at it before it is used.

    Rows that repeat an earlier one, or occur in a test set, are left out. The folder holds the rows and the recipe
    that makes them again, byte for byte.

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
