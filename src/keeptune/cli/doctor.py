"""`keeptune doctor`."""

from __future__ import annotations

import click

SOMETHING_STOPS_A_RUN = 1


@click.command("doctor")
@click.option("--try", "try_run", is_flag=True, help="Also train a tiny random model for two steps, and score it.")
@click.option("--json", "as_json", is_flag=True, help="Print only the result, as JSON.")
def command(try_run: bool, as_json: bool) -> int:
    """Look at this installation and this machine: what would stop a run, and what would slow it.

    Each line is ok, a warning or a problem, with the way out. Paste the page into a bug report: it holds no tokens and
    no rows. The network is not asked. The exit code is 1 if there is a problem.
    """
    from contextlib import suppress

    from keeptune.api.doctor import doctor
    from keeptune.cli.show import show_json, show_report

    with suppress(Exception):
        # Where transformers cannot be loaded, whatever it raises, that is what is told.
        from keeptune.cli.quiet_libraries import quiet_libraries

        quiet_libraries()
    health = doctor(try_run=try_run)
    if as_json:
        show_json(health)
    else:
        from keeptune.report.doctor import doctor_report

        show_report(doctor_report(health))
    return 0 if health.ok else SOMETHING_STOPS_A_RUN
