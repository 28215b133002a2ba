"""`keeptune predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keeptune.cli.completion import files
from keeptune.cli.options import DATA, MODEL, Verb, output_flags, setting_flags
from keeptune.commands import joined
from keeptune.near_paths import expanded


@click.command("predict", cls=Verb)
@click.argument("file", required=False, metavar="[FILE]", shell_complete=files)
@setting_flags(
    *(*MODEL, *DATA, "test", "limit-test", "max-new-tokens", "engine", "output"),
    says={
        "test": "Rows to answer, instead of FILE.",
        "max-new-tokens": "Maximum length of an answer in tokens.  [default: 512, or half the context]",
        "output": "File to write the answers to.  [default: FILE's name with .answers.jsonl, in this folder]",
    },
)
@output_flags
def command(file: str | None, config: str | None, quiet: bool, as_json: bool, **flags: Any) -> None:
    """Answer every row of FILE. The suffix of --output sets the format: .jsonl, .json, .csv or .tsv. In the tables, an
    apostrophe stands before what a spreadsheet would take for a formula.

    Answers are saved as they come, so the same command continues an interrupted run.

    \b
    keeptune predict questions.jsonl --model runs/mine-lora-1 --output answers.jsonl
    """
    from keeptune.cli.interrupted import RunFolder, stopping_gently
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_json
    from keeptune.errors import ConfigError
    from keeptune.report.progress import progress

    if file is not None:
        if flags["test"] is not None:
            raise ConfigError("FILE and --test both name the rows", "keep one of them")
        flags["test"] = file
    settings = read_settings(config, flags)
    if settings.data.test is None:
        raise ConfigError("no rows to answer", "name their file: keeptune predict FILE")
    # A folder in the YAML is the run's; answers go to a file next to the questions.
    output = flags["output"] or f"{Path(settings.data.test).stem}.answers.jsonl"
    quiet_libraries()
    from keeptune.api.predict import predict, unfinished

    try:
        with progress(quiet=quiet) as observer:
            told = RunFolder(observer)
            with stopping_gently(told):
                rows = predict(settings.model, settings.data, settings.evaluation, output, told)
    except KeyboardInterrupt:
        part = unfinished(expanded(output))
        again = joined(("keeptune", *(click.get_current_context().obj or ())))
        if part.exists():
            click.echo(f"\nthe answers so far are in {part}; the same command continues\n  {again}", err=True)
        else:
            click.echo(f"\nthere are no answers yet; the same command starts again\n  {again}", err=True)
        raise
    if as_json:
        show_json({"rows": rows, "output": output})
    else:
        click.echo(f"{rows:,} answers in {output}")
