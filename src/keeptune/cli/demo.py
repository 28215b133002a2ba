"""`keeptune demo`."""

from __future__ import annotations

from typing import Any

import click

from keeptune.cli.options import output_flags, setting_flags


@click.command("demo")
@setting_flags(
    *("limit-train", "limit-test", "output", "seed", "epochs", "max-minutes", "device", "dtype"),
    *("measure", "abilities", "items"),
    with_file=False,
    says={
        "limit-train": "Use N rows of train.  [default: 500]",
        "limit-test": "Use N rows of test.  [default: 120]",
        "epochs": "Passes over train.  [default: 1.5]",
        "abilities": "Built-in ability to measure as well; may be repeated.  [default: facts, word_meaning, grammar]",
    },
)
@output_flags
def command(quiet: bool, as_json: bool, **flags: Any) -> int:
    """Tune the built-in model to describe a Python function in one sentence.

    It trains with LoRA on 500 documented functions of Python's standard library. It is scored before and after on
    functions of other packages and on a few abilities that it had before. Nothing is downloaded.
    """
    from keeptune.cli.interrupted import resume_hint
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_tuned
    from keeptune.report.progress import progress

    settings = read_settings(None, flags)
    quiet_libraries()
    from keeptune.api.demo import demo

    with progress(quiet=quiet) as observer, resume_hint(observer) as told:
        result = demo(settings, told)
    return show_tuned(result, as_json=as_json)
