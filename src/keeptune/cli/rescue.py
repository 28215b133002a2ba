"""`keeptune rescue`."""

from __future__ import annotations

from typing import Any

import click

from keeptune.cli.completion import models
from keeptune.cli.options import DATA, MEASURE, MITIGATION_SEARCH, MODEL, SCORING, Verb, output_flags, setting_flags
from keeptune.config.settings import FLAGS

OF_TRAIN = ("train", "limit-train", "too-long", "validation-fraction", "keep-duplicates")
TRAINING = (*OF_TRAIN, "lr", "lr-factor", "epochs", "batch-size", "seed")
ASKED = [name for name in FLAGS if name in (*MODEL, *DATA, *SCORING, *MEASURE, *TRAINING, "replay", *MITIGATION_SEARCH)]
NOT_HERE = ("model", "few-shot")


@click.command("rescue", cls=Verb)
@click.option(
    "--tuned",
    metavar="NAME",
    required=True,
    help="Model, adapter or run folder, made by any tool.",
    shell_complete=models,
)
@click.option(
    "--base",
    metavar="NAME",
    help="Model it was tuned from.  [default: the one that the tuned model names]",
    shell_complete=models,
)
@setting_flags(
    *(name for name in ASKED if name not in NOT_HERE),
    *("test", "limit-test", "output", "resume"),
    says={
        "test": "Items of the tuned task; required without --train.",
        "lr-factor": "Factor on the learning rate of a repair.  [default: 0.3; 1 with --lr]",
        "epochs": "Passes over train in a repair.  [default: 1]",
        "dev-fraction": "Share of your own items held out to choose a mitigation on.  [default: 0.3]",
    },
)
@output_flags
def command(tuned: str, base: str | None, config: str | None, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Repair a tuned model that lost abilities it has to keep: first by interpolation, then by short trainings.

    \b
    keeptune rescue --base org/model --tuned ./checkpoint --test task.jsonl --keep ner=ner.jsonl:entity_f1
    keeptune rescue --tuned runs/mine-full-1 --train tickets.jsonl --replay old.jsonl --keep sentiment

    The exit code is 3 if an ability that --keep names is still lost or its answers collapsed, and 4 if the result for
    one is inconclusive or could not be measured.
    """
    from dataclasses import replace

    from keeptune.cli.interrupted import resume_hint
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    settings = read_settings(config, flags)
    quiet_libraries()
    from keeptune.api.rescue import rescue
    from keeptune.forgetting.gate import exit_code
    from keeptune.models.find import refuse_missing
    from keeptune.report.forgetting import forgetting_report
    from keeptune.workspace.lineage import base_of

    if not base:
        refuse_missing(tuned)
        base = base_of(tuned)
    of_base = replace(settings, model=replace(settings.model, name=base))
    with progress(quiet=quiet) as observer, resume_hint(observer, "rescue") as told:
        report = rescue(of_base, replace(settings.model, name=tuned, revision=None), told)
    if as_json:
        show_json(report)
    else:
        show_report(forgetting_report(report))
    return exit_code(report.gate, report.fail_on)
