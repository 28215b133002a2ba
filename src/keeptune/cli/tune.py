"""`keeptune tune`."""

from __future__ import annotations

from typing import Any

import click

from keeptune.cli.options import TRACKERS, Verb, output_flags, setting_flags
from keeptune.config.settings import FLAGS


@click.command("tune", cls=Verb)
@setting_flags(*FLAGS, own=("report_to",))
@click.option("--report-to", metavar="NAMES", help=TRACKERS)
@output_flags
def command(config: str | None, report_to: str | None, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Fine-tune a model on your task, score it before and after, and measure what it forgot.

    \b
    keeptune tune --train tickets.jsonl
    keeptune tune --model Qwen/Qwen2.5-0.5B-Instruct --train chats.csv --prompt 'Summarize: {text}' --completion summary
    keeptune tune --config run.yaml --lr 1e-4
    keeptune tune --train tickets.jsonl --keep sentiment --keep ner=entities.jsonl:entity_f1:2
    keeptune tune --train tickets.jsonl --keep ner=entities.jsonl:entity_f1:5 --replay old.jsonl --auto

    With --keep, the exit code is 3 if an ability is lost or its answers collapsed, and 4 if the result for one is
    inconclusive or could not be measured.
    """
    from keeptune.cli.interrupted import resume_hint
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_tuned
    from keeptune.report.progress import progress

    settings = read_settings(config, flags)
    quiet_libraries()
    from keeptune.api.tune import tune
    from keeptune.bridges.trackers import tracked
    from keeptune.mitigation.default import refuse_switched_off

    refuse_switched_off(settings, flags)
    with (
        progress(quiet=quiet) as observer,
        resume_hint(observer) as told,
        tracked(report_to or "", settings, told) as also,
    ):
        result = tune(settings, also)
    return show_tuned(result, as_json=as_json)
