"""`keeptune measure`."""

from __future__ import annotations

from typing import Any, get_args

import click

from keeptune.cli.completion import models
from keeptune.cli.options import DATA, MEASURE, MODEL, SCORING, Verb, output_flags, setting_flags
from keeptune.config.sections.model import QuantizationName

ASKED = [name for name in (*MODEL, *DATA, *SCORING) if name not in ("model", "few-shot")]


QUICK = "Use about 150 items of each ability that --keep does not name, and explain only losses."
MINUTES = "Maximum minutes to evaluate both models; each ability keeps its first items in any case."


@click.command("measure", cls=Verb)
@click.option(
    "--tuned",
    metavar="NAME",
    required=True,
    help="Run folder, adapter, model, or a folder of lm_eval logs.",
    shell_complete=models,
)
@click.option(
    "--base",
    metavar="NAME",
    help="Model it was tuned from.  [default: the one that the tuned model names]",
    shell_complete=models,
)
@click.option(
    "--base-quantization",
    type=click.Choice(get_args(QuantizationName)),
    help="In how many bits the base is held.  [default: as the tuned model]",
)
@click.option("--quick", is_flag=True, help=QUICK)
@click.option("--max-minutes", metavar="X", type=click.FloatRange(min=0.0, min_open=True), help=MINUTES)
@setting_flags(
    *(*ASKED, *MEASURE, "test", "limit-test", "output"),
    says={
        "test": "Items of the tuned task, to measure its gain and intrusion.",
        "max-new-tokens": "Maximum length of an answer in tokens.  [default: from the items' answers]",
    },
)
@output_flags
def command(tuned: str, base: str | None, config: str | None, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Measure what a tuned model forgot: any two models, item by item, with a verdict.

    \b
    keeptune measure --tuned runs/mine-lora-1
    keeptune measure --base org/model --tuned ./checkpoint --test task.jsonl --keep sentiment --keep ner=ner.jsonl:2
    keeptune measure --base logs/before --tuned logs/after          (folders of lm_eval --log_samples)

    The exit code is 3 if an ability that --keep names is lost or its answers collapsed, and 4 if the result for one is
    inconclusive or could not be measured.
    """
    from dataclasses import replace

    from keeptune.cli.interrupted import resume_hint
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    max_minutes, base_quantization = flags.pop("max_minutes"), flags.pop("base_quantization")
    flags |= {"measure": "quick" if flags.pop("quick") else None}
    settings = read_settings(config, flags)
    quiet_libraries()
    from keeptune.api.measure import measure
    from keeptune.config.schema import MeasureRun
    from keeptune.forgetting.gate import exit_code
    from keeptune.models.find import refuse_missing
    from keeptune.workspace.lineage import base_of, of_run

    if not base:
        refuse_missing(tuned)
        base = base_of(tuned)
    tuned_model = replace(settings.model, name=tuned, revision=None)
    held = base_quantization or of_run(tuned_model).quantization
    run = MeasureRun(
        base=replace(settings.model, name=base, quantization=held),
        tuned=tuned_model,
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
