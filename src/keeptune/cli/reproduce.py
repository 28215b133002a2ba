"""`keeptune reproduce`."""

from __future__ import annotations

import click

from keeptune.cli.completion import folders
from keeptune.cli.options import Verb, output_flags, setting_flags

DIFFERS = 3


@click.command("reproduce", cls=Verb)
@click.argument("run", shell_complete=folders)
@setting_flags("output", with_file=False, says={"output": "Run folder of the reproduction.  [default: RUN-again]"})
@click.option("--allow-code", is_flag=True, help="Run the code that the run's settings name.")
@output_flags
def command(run: str, output: str | None, allow_code: bool, quiet: bool, as_json: bool) -> int:
    """Make a finished run again by its own settings, and compare weights, answers, scores and verdicts.

    \b
    keeptune reproduce runs/tickets-lora-1
    keeptune reproduce studies/methods/trials/lora-s0 --output again

    Data or a base that changed since is an error; other versions, processors or numbers of threads are named as reasons
    why bytes may differ. Nothing is taken from the cache. The same command continues an interrupted reproduction. The
    exit code is 3 if an answer, a score or a verdict differs.
    """
    from keeptune.cli.interrupted import resume_hint
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    quiet_libraries()
    from keeptune.api.reproduce import reproduce

    with progress(quiet=quiet) as observer, resume_hint(observer, "reproduce") as told:
        made = reproduce(run, output or "", told, allow_code=allow_code)
    if as_json:
        show_json(made)
    else:
        from keeptune.report.reproduction import reproduction_report

        show_report(reproduction_report(made))
    return DIFFERS if made.outcome == "differs" else 0
