"""`keeptune compare`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from keeptune.cli.options import MITIGATION_SEARCH, Verb, output_flags, setting_flags
from keeptune.config.settings import FLAGS

if TYPE_CHECKING:
    from keeptune.experiments.trials import Executor

NOT_HERE = ("method", "seed", "resume", "fail-on", "auto", *MITIGATION_SEARCH)
"""Flags that --methods and --seeds replace, and those of the mitigation search and of exit codes."""
FAILED = 1
HERE = "local"
AMOUNT = click.FloatRange(min=0.0)


@click.command("compare", cls=Verb)
@click.option(
    "--methods",
    metavar="A,B,…",
    required=True,
    help="Methods to compare: full, lora, full+replay=0.05, full+interpolation=0.5 …",
)
@click.option(
    "--seeds", metavar="N,N,…", default="0,1,2", show_default=True, help="Seeds; each method is trained with each."
)
@click.option(
    "--ray",
    metavar="[ADDRESS]",
    is_flag=False,
    flag_value=HERE,
    help="Run trials on Ray: a local cluster, or the one at ADDRESS.",
)
@click.option(
    "--gpus-per-trial",
    metavar="X",
    type=AMOUNT,
    help="GPUs per trial on Ray; may be a fraction.  [default: 1 if there is any]",
)
@click.option(
    "--cpus-per-trial", metavar="X", type=AMOUNT, help="CPUs per trial on Ray; may be a fraction.  [default: 1]"
)
@setting_flags(
    *(name for name in FLAGS if name not in NOT_HERE),
    says={"output": "Folder of the comparison; the same folder continues it."},
)
@output_flags
def command(methods: str, seeds: str, config: str | None, quiet: bool, as_json: bool, **flags: Any) -> int:
    """Compare methods over several seeds: which gains most, and which forgets least.

    \b
    keeptune compare --train tickets.jsonl --methods full,lora --seeds 0,1,2 --output studies/mine
    keeptune compare --config run.yaml --replay old.jsonl --methods full,full+replay=0.05 --output studies/replay

    The same command continues an interrupted comparison and repeats failed trials. With --ray, several trials run at
    once. The exit code is 1 if a trial failed.
    """
    from keeptune.cli.interrupted import resume_hint
    from keeptune.cli.quiet_libraries import quiet_libraries
    from keeptune.cli.settings import read_settings
    from keeptune.cli.show import show_json, show_report
    from keeptune.report.progress import progress

    on_ray = {name: flags.pop(name) for name in ("ray", "gpus_per_trial", "cpus_per_trial")}
    if on_ray["ray"] is None and any(value is not None for value in on_ray.values()):
        raise click.UsageError("--gpus-per-trial and --cpus-per-trial need --ray: without it, trials run one at a time")
    settings = read_settings(config, flags)
    numbers = _numbers(seeds)
    quiet_libraries()
    from keeptune.api.compare import compare

    execute = _executor(*on_ray.values())
    # Ray prints on stdout when it loses a worker.
    with progress(quiet=quiet) as observer, resume_hint(observer, "compare") as told, redirect_stdout(sys.stderr):
        report = compare(settings, _names(methods), numbers, told, execute)
    if as_json:
        show_json(report)
    else:
        from keeptune.report.compare import compare_report

        show_report(compare_report(report))
    return FAILED if any(trial.error for trial in report.trials) else 0


def _executor(ray: str | None, gpus: float | None, cpus: float | None) -> Executor:
    from keeptune.experiments.ray_trials import RayTrials
    from keeptune.experiments.trials import run_in_turn

    return run_in_turn if ray is None else RayTrials(ray, gpus, 1.0 if cpus is None else cpus)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _numbers(text: str) -> Sequence[int]:
    from keeptune.config.given import Given
    from keeptune.config.settings import SETTINGS
    from keeptune.config.values import checked

    seed = SETTINGS["training.seed"]
    return [checked(Given(seed.key, name, "--seeds"), seed) for name in _names(text)]
