"""`keeptune check`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from keeptune.cli.options import TRACKERS, Verb, output_flags, setting_flags
from keeptune.config.settings import FLAGS

BAD_DATA = 2


@click.command("check", cls=Verb)
@setting_flags(*FLAGS, own=("report_to",))
@click.option("--report-to", metavar="NAMES", help=TRACKERS)
@click.option("--forecast", is_flag=True, help="Also train a few steps to estimate the run's time and memory.")
@output_flags
def command(config: str | None, forecast: bool, report_to: str | None, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Check your data and settings before a model loads; takes every flag of tune.

    Names each problem with file, line and fix; finds duplicates and train rows that occur in test; reports lengths
    in tokens, what would be cut, and what this many rows suffice for; with --forecast also the time and memory of the
    training. The exit code is 2 if tune would refuse to start.

    \b
    keeptune check --train tickets.jsonl --test more.jsonl
    keeptune check --train tickets.jsonl --method full --forecast
    """
    from keeptune.bridges.trackers import wanted_trackers
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_json, show_report
    from keeptune.errors import ConfigError, KeeptuneError
    from keeptune.report.progress import progress

    wanted_trackers(report_to or "")
    settings = read_settings(config, flags)
    if settings.data.train is None and settings.data.test is None:
        raise ConfigError("no data to check", "give --train FILE, --test FILE, or both")
    if forecast and settings.data.train is None:
        raise ConfigError("there is no training to forecast", "give --train FILE, or leave --forecast out")
    quiet_libraries()
    from keeptune.api.check import check

    stopped: KeeptuneError | None = None
    with progress(quiet=quiet) as observer:
        report = check(settings, observer)
        if forecast and report.ok:
            from keeptune.api.forecast import forecast as make_forecast

            try:
                report = replace(report, forecast=make_forecast(settings, observer))
            except KeeptuneError as error:
                stopped = error
    if as_json:
        show_json(report)
    else:
        from keeptune.report.check import check_report

        show_report(check_report(report))
    if stopped is not None:
        raise stopped
    return 0 if report.ok else BAD_DATA
