"""`keeptune eval`."""

from __future__ import annotations

from typing import Any

import click

from keeptune.cli.options import DATA, MODEL, SCORING, Verb, output_flags, setting_flags


@click.command("eval", cls=Verb)
@setting_flags(
    *(*MODEL, *DATA, *SCORING, "train", "test", "limit-test", "output"),
    says={
        "train": "Rows that --few-shot draws from.",
        "test": "Items to score.",
        "max-new-tokens": "Maximum length of an answer in tokens.  [default: from the items' answers]",
        "few-shot": "Show N rows of --train before each item.  [default: 0]",
    },
)
@output_flags
def command(config: str | None, quiet: bool, as_json: bool, **flags: Any) -> None:
    """Score a model, an adapter or a run on a file of items.

    \b
    keeptune eval --model runs/mine-lora-1 --test tickets.jsonl
    keeptune eval --model smollm2 --test tickets.jsonl --metric rougeL --metric chrf
    """
    from keeptune.cli.interrupted import resume_hint
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    settings = read_settings(config, flags)
    quiet_libraries()
    from keeptune.api.evaluate import evaluate

    with progress(quiet=quiet) as observer, resume_hint(observer, "eval") as told:
        result = evaluate(settings.model, settings.data, settings.evaluation, settings.output, told)
    if as_json:
        show_json(result)
    else:
        from keeptune.report.terminal import eval_report

        show_report(eval_report(result))
