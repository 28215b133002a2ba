"""`keeptune init`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from keeptune.cli.completion import files
from keeptune.cli.options import DATA, Verb, output_flags, setting_flags

if TYPE_CHECKING:
    from keeptune.config.schema import TuneConfig
    from keeptune.data.columns import Columns

T = TypeVar("T")
BAD_DATA = 2
OF_MODEL = ("model", "revision", "device", "dtype", "quantization")
SETTINGS = (*OF_MODEL, "test", *DATA, "keep", "method", "rank", "epochs", "metric", "seed")


@click.command("init", cls=Verb)
@click.argument("file", shell_complete=files)
@setting_flags(*SETTINGS, with_file=False)
@click.option(
    *("--output", "-o"),
    metavar="FILE.yaml",
    default="keeptune.yaml",
    help="File of settings to write.  [default: keeptune.yaml]",
    shell_complete=files,
)
@click.option("--yes", "-y", is_flag=True, help="Ask nothing; take the defaults.")
@click.option("--forecast", is_flag=True, help="Also train a few steps to estimate the run's time and memory.")
@output_flags
def command(file: str, output: str, forecast: bool, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Look at rows of your own, and write the settings of a first run.

    Shows which columns are prompt and answer, three rows as the model will see them, and what a run would do and why.
    In a terminal it asks at most three questions, and Enter takes the default of each. Flags answer them beforehand. No
    file is overwritten. The exit code is 2, and nothing is written, if a run would be refused.

    \b
    keeptune init tickets.csv
    keeptune init tickets.csv --prompt 'Summarize: {text}' --completion summary --output summary.yaml --yes
    """
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    asks = not flags.pop("yes") and not as_json and sys.stdin.isatty() and sys.stderr.isatty()
    settings = read_settings(None, {**flags, "train": file})
    quiet_libraries()
    from keeptune.api.init import columns_of, init

    columns = columns_of(settings, output)
    answer = None
    if asks:
        answer = _ask_answer(columns)
        settings = _ask_model(settings, flags)
        settings = _ask_keep(settings, flags)
    stopped = None
    with progress(quiet=quiet) as observer:
        look = init(settings, output, observer, answer)
        if forecast and look.path:
            from keeptune.api.forecast import forecast as make_forecast
            from keeptune.errors import KeeptuneError

            try:
                found = make_forecast(read_settings(look.path, {}), observer)
                look = replace(look, check=replace(look.check, forecast=found))
            except KeeptuneError as error:
                stopped = error
    if as_json:
        show_json(look)
    else:
        from keeptune.report.first_look import first_look_report

        show_report(first_look_report(look))
    if stopped is not None:
        raise stopped
    return 0 if look.path else BAD_DATA


def _ask_answer(columns: Columns) -> str | None:
    """The column of the answer, by its name or number, where it is not told."""
    from keeptune.near_names import did_you_mean
    from keeptune.report.visible import visible

    if len(columns.answers) < 2:
        return None
    names = {str(number): name for number, name in enumerate(columns.answers, 1)}
    listed = "  ".join(f"{number}) {visible(name)}" for number, name in names.items())

    def column(said: str) -> str:
        if said not in (*names, *columns.answers):
            raise click.BadParameter(f"{did_you_mean(said, columns.answers)}a number or a name of these: {listed}")
        return said if said in columns.answers else names[said]

    first = columns.answers[0] if "1" in columns.answers else "1"
    return _ask(f"Which column holds the answers?\n  {listed}\n ", first, column)


def _ask_model(settings: TuneConfig, flags: dict[str, Any]) -> TuneConfig:
    """The model; only its tokenizer is read."""
    from keeptune.models.tokenizer import load_tokenizer
    from keeptune.workspace.lineage import of_run

    if flags["model"]:
        return settings

    def named(said: str) -> TuneConfig:
        model = replace(settings.model, name=said)
        if said != settings.model.name:
            load_tokenizer(of_run(model))
        return replace(settings, model=model)

    return _ask("Which model? org/model of the hub, a folder, a .gguf file, or smollm2", settings.model.name, named)


def _ask_keep(settings: TuneConfig, flags: dict[str, Any]) -> TuneConfig:
    """The abilities that matter beside the task, if any do."""
    from keeptune.abilities.table import SUITES, by_default
    from keeptune.cli.settings import read_settings

    if flags["keep"]:
        return settings

    def named(said: str) -> TuneConfig:
        words: Sequence[str] = tuple(word.strip() for word in said.split(",") if word.strip())
        if [word.casefold() for word in words] in ([], ["no"], ["n"], ["none"]):
            return settings
        keep = read_settings(None, {"keep": words}).measure.keep
        for each in keep:
            if not each.data:
                SUITES[each.name]
        return replace(settings, measure=replace(settings.measure, keep=keep))

    question = (
        "Does it matter what the model can do beside this task? Enter if not: only the task counts.\n"
        f"  If it does, name what must be kept, with commas: {', '.join(by_default())}\n "
    )
    return _ask(question, "no", named)


def _ask(question: str, default: str, read: Callable[[str], T]) -> T:
    """The answer as `read` takes it; asked again until it does."""
    from keeptune.errors import KeeptuneError
    from keeptune.report.visible import visible

    while True:
        said = click.prompt(question, default=default, err=True)
        try:
            return read(str(said).strip())
        except click.BadParameter as error:
            click.echo(visible(error.message), err=True)
        except KeeptuneError as error:
            click.echo(visible(str(error)), err=True)
