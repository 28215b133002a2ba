"""`keeptune curve`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from keeptune.cli.options import MITIGATION_SEARCH, Verb, output_flags, setting_flags
from keeptune.config.settings import FLAGS

OWN = ("limit-train", "draw", "resume", "fail-on", "auto", *MITIGATION_SEARCH)
"""Flags that --sizes and --draws replace, and those of resuming, of exit codes and of the mitigation search."""
FAILED = 1


@click.command("curve", cls=Verb)
@click.option(
    "--sizes",
    metavar="N,N,…",
    help="Numbers of rows to train on.  [default: 0,50,100,250,500,1000, as far as train has rows]",
)
@click.option(
    "--draws", metavar="N", type=int, default=3, show_default=True, help="Random selections of rows for each size."
)
@setting_flags(
    *(name for name in FLAGS if name not in OWN),
    says={"abilities": f"{FLAGS['abilities'].help}  [default: all; none with --keep]"},
)
@output_flags
def command(sizes: str | None, draws: int, config: str | None, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Measure how gain and forgetting depend on the number of examples, and predict what more would bring.

    \b
    keeptune curve --train tickets.jsonl --output studies/curve
    keeptune curve --train tickets.jsonl --sizes 0,50,100,200,400 --draws 3 --keep sentiment --output studies/curve

    Each size contains the rows of the smaller ones; 0 is the base itself. The same command continues an interrupted
    study. As a test of the forecast, the largest size is predicted from the others; if that fails, no advice is given.
    The exit code is 1 if a trial failed.
    """
    from keeptune.cli.interrupted import resume_hint
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    numbers = None if sizes is None else _numbers(sizes)
    settings = read_settings(config, flags)
    quiet_libraries()
    from keeptune.api.curve import curve
    from keeptune.mitigation.default import refuse_switched_off

    refuse_switched_off(settings, flags)
    with progress(quiet=quiet) as observer, resume_hint(observer, "curve") as told:
        report = curve(settings, numbers, draws, told)
    if as_json:
        show_json(report)
    else:
        from keeptune.report.curve import curve_report

        show_report(curve_report(report))
    return FAILED if any(trial.error for trial in report.trials) else 0


def _numbers(text: str) -> Sequence[int]:
    from keeptune.errors import ConfigError

    try:
        return [int(number) for number in text.split(",") if number.strip()]
    except ValueError as error:
        raise ConfigError(f"--sizes is {text!r}, not numbers", "write whole numbers with commas: 0,50,100") from error
