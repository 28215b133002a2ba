"""`keeptune measure`."""

from __future__ import annotations

from typing import Any

import click

from keeptune.cli.options import DATA, MEASURE, MODEL, SCORING, Verb, output_flags, setting_flags

ASKED = [name for name in (*MODEL, *DATA, *SCORING) if name not in ("model", "few-shot")]


QUICK = "About 150 items of each ability that --keep does not name; diagnosis only of what is lost."
MINUTES = "Minutes for asking the two models; the first items of each ability are asked in any case."


@click.command("measure", cls=Verb)
@click.option("--tuned", metavar="NAME", required=True, help="Run folder, adapter, model; or a log of lm_eval.")
@click.option("--base", metavar="NAME", help="What it was tuned from.  [default: as the tuned model says]")
@click.option("--quick", is_flag=True, help=QUICK)
@click.option("--max-minutes", metavar="X", type=click.FloatRange(min=0.0, min_open=True), help=MINUTES)
@setting_flags(
    *(*ASKED, *MEASURE, "test", "limit-test", "output"),
    says={
        "test": "Items of the task that was tuned, for its gain and its intrusion.",
        "max-new-tokens": "Room for an answer.  [default: by the items' answers]",
    },
)
@output_flags
def command(tuned: str, base: str | None, config: str | None, quiet: bool, as_json: bool, **flags: Any) -> int:
    """What a tuned model forgot: any two models, item by item, with a verdict.

    \b
    keeptune measure --tuned runs/mine-lora-1
    keeptune measure --base org/model --tuned ./checkpoint --test task.jsonl --keep sentiment --keep ner=ner.jsonl:2
    keeptune measure --base logs/before --tuned logs/after          (folders of lm_eval --log_samples)

    Ends with exit code 3 where a declared ability is lost or its answers collapsed, and 4 where one is
    not decided or not measurable.
    """
    from dataclasses import replace

    from keeptune.cli.interrupted import resume_hint
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    max_minutes = flags.pop("max_minutes")
    flags |= {"measure": "quick" if flags.pop("quick") else None}
    settings = read_settings(config, flags)
    quiet_libraries()
    from keeptune.api.measure import measure
    from keeptune.config.schema import MeasureRun
    from keeptune.forgetting.gate import exit_code
    from keeptune.models.find import refuse_missing
    from keeptune.workspace.lineage import base_of

    if not base:
        refuse_missing(tuned)
        base = base_of(tuned)
    run = MeasureRun(
        base=replace(settings.model, name=base),
        tuned=replace(settings.model, name=tuned, revision=None),
        data=settings.data,
        evaluation=settings.evaluation,
        measure=replace(
            settings.measure,
            extent=settings.measure.extent or "full",
            minutes=settings.measure.minutes if max_minutes is None else max_minutes,
        ),
        output=settings.output,
    )
    with progress(quiet=quiet) as observer, resume_hint(observer, "measure") as told:
        report = measure(run, told)
    if as_json:
        show_json(report)
    else:
        from keeptune.report.forgetting import forgetting_report

        show_report(forgetting_report(report))
    return exit_code(report.gate, report.fail_on)
