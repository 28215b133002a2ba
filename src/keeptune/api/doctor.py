"""`keeptune.doctor`: what of this installation and this machine would stop or slow a run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from keeptune.experiments.installation import LOADED, installation
from keeptune.records.health import Finding, Health
from keeptune.records.masked import public


def doctor(*, try_run: bool = False, runs: str = "runs") -> Health:
    """Look at versions, extras, processors, memory, GPUs and disks. Neither the network nor a model is asked, and the
    result holds neither tokens nor the name of a home folder.

    Args:
        try_run: also train a tiny random model for two steps, and score it.
        runs: the folder that runs are written to.
    """
    found = tuple(installation())
    broken = {finding.name for finding in found if finding.state == "problem"}
    if not broken & {f"import {name}" for name in LOADED}:
        # What follows is built on them.
        from keeptune.experiments.machine_state import machine_state

        found = (*found, *machine_state(Path(runs)))
    return public(Health((*found, *(_tried(Health(found)) if try_run else ()))))


def _tried(found: Health) -> Iterator[Finding]:
    if not found.ok:
        yield Finding("self-test", "warning", "not run", "mend the problems above first")
        return
    from keeptune.experiments.self_test import self_test

    yield self_test()
