"""The command `keeptune`: finds the verb, and turns errors into messages and exit codes."""

from __future__ import annotations

import keyword
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import Any

import click
from click.shell_completion import CompletionItem

from keeptune.errors import KeeptuneError, Stopped, first_line
from keeptune.workspace.atomic import is_of_the_disk, not_written

VERBS = {
    "demo": "Tune the built-in model on a built-in task, and compare before and after in minutes.",
    "init": "Look at rows of your own, and write the settings of a first run.",
    "check": "Check your data and settings before a model loads.",
    "import": "Read a settings file of TRL, axolotl or LLaMA-Factory, and write one for keeptune.",
    "mix": "Mix several sources into one train set.",
    "tune": "Fine-tune a model on your task, and score it before and after.",
    "measure": "Measure what a tuned model forgot: any two models, item by item, with a verdict.",
    "rescue": "Repair a tuned model that lost abilities it has to keep.",
    "curve": "Measure how gain and forgetting depend on the number of examples.",
    "runs": "List, show, compare and delete the runs of a folder.",
    "compare": "Compare methods over several seeds: which gains most, and which forgets least.",
    "export": "Write a tuned model for another tool, and compare it there with what was scored.",
    "reproduce": "Make a finished run again, and compare what comes out.",
    "eval": "Score a model on a file of items.",
    "predict": "Answer every row of a file.",
    "chat": "Talk to a model; base and tuned answer side by side.",
    "ui": "See the runs of a folder in a browser: curves, reports, runs side by side, chat.",
    "serve": "Serve base and tuned to programs, by OpenAI's interface.",
    "doctor": "Look at this installation and this machine, for a bug report or when something fails.",
}
"""Verb → its line in the help. Each verb is a command in a module of its name, imported when it is called; a name that
Python reserves ends in an underscore there."""

INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group whose verbs are imported only when they are called, so that help is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The verbs in the order of a first visit."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb's command, from its module."""
        if cmd_name not in VERBS:
            return None
        module = import_module(f"keeptune.cli.{cmd_name}{'_' * keyword.iskeyword(cmd_name)}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb and its arguments; an unknown verb gets a suggestion."""
        if args and not args[0].startswith("-") and args[0] not in VERBS and not ctx.resilient_parsing:
            from keeptune.near_names import did_you_mean

            hint = did_you_mean(args[0], VERBS)
            raise click.UsageError(f"there is no verb {args[0]!r}; {hint}one of: {', '.join(VERBS)}", ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Verbs, without importing any, and flags."""
        verbs = [CompletionItem(name, help=line) for name, line in VERBS.items() if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of verbs, without importing any."""
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
        # --lora_r is --lora-r.
        "token_normalize_func": lambda token: token.replace("_", "-"),
    },
    subcommand_metavar="VERB [OPTIONS]",
)
@click.version_option(package_name="keeptune", message="keeptune %(version)s")
def keeptune() -> None:
    """Fine-tune a language model on one task, and measure what it gained and what it forgot.

    Start with `keeptune demo`, then `keeptune init FILE` with rows of your own.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code. An unexpected error keeps its traceback."""
    _write_any_text()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with _terminable():
            result = _run(words)
    except KeeptuneError as error:
        _say_error(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as stopped:
        click.echo("stopped", err=True)
        # click replaces the interruption by an Abort.
        cause = stopped.__cause__ or stopped
        return cause.exit_code if isinstance(cause, Stopped) else INTERRUPTED
    except (OSError, MemoryError, RuntimeError, ImportError) as error:
        of_machine = _of_machine(error)
        if of_machine is None:
            raise
        _say_error(of_machine)
        return of_machine.exit_code
    return result if isinstance(result, int) else 0


def _write_any_text() -> None:
    """What the encoding of stdout cannot hold is escaped, as on stderr: a pipe on Windows is seldom in UTF-8."""
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM stops the block as Ctrl-C does, where nothing else handles it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise Stopped(number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run(words: Sequence[str]) -> Any:
    """The command, in the first process of a launcher; the others compute for it."""
    if not os.environ.get("WORLD_SIZE"):
        return keeptune.main(args=list(words), prog_name="keeptune", standalone_mode=False, obj=tuple(words))
    from keeptune.models.processes import join_processes

    with join_processes() as found:
        if found and found.rank:
            found.serve()
            return 0
        return keeptune.main(args=list(words), prog_name="keeptune", standalone_mode=False, obj=tuple(words))


def _of_machine(error: Exception) -> KeeptuneError | None:
    """The error for a full disk or memory; None if it is of another kind."""
    if isinstance(error, OSError) and is_of_the_disk(error):
        return not_written(Path(error.filename or "a file"), error)
    try:
        from keeptune.models.memory import not_enough, out_of_memory
    except ImportError as why:
        fix = "free memory if that is the cause; otherwise reinstall torch"
        return KeeptuneError(f"torch cannot be loaded: {first_line(why)}", fix)
    return not_enough(error) if out_of_memory(error) else None


def _say_error(error: KeeptuneError) -> None:
    from rich.console import Console
    from rich.text import Text

    from keeptune.report.visible import visible

    console = Console(stderr=True, soft_wrap=True)
    console.print(Text.assemble(("error: ", "bold red"), visible(str(error))))
