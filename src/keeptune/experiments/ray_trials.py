"""Trials as tasks of a Ray cluster: one this machine's own, or one that is running already.

https://docs.ray.io/en/latest/ray-core/fault_tolerance/tasks.html
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keeptune.commands import install
from keeptune.errors import ConfigError, MissingDependency, TrainingError
from keeptune.events import Notice, Observer
from keeptune.experiments.trials import Ended, Trial, run_trial
from keeptune.records.masked import names_secret

LOCAL = "local"
ADDRESS_FIX = "give --ray HOST:PORT of its head node; without an address one is started here"
RETRIES = 5
"""Starts of one trial beside the first: each goes on from the last checkpoint."""
STARTS = 3
STORE_BYTES = 100_000_000
"""Of a cluster started here: trials hand over no more than a line."""
PATIENCE_SECONDS = 10.0
_HANDED_ON = ("KEEPTUNE_", "HF_", "TRANSFORMERS_", "OMP_", "CUBLAS_", "TOKENIZERS_")
"""Starts of the names of environment variables that change what a trial finds or computes."""


def handed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a trial gets. No secret: a cluster shows the variables of its jobs to all who use it."""
    return {n: value for n, value in environment.items() if n.startswith(_HANDED_ON) and not names_secret(n)}


@dataclass(frozen=True, slots=True)
class RayTrials:
    """The executor on Ray: one task a trial, as many at once as fit.

    Every node needs keeptune, the model, the data and the folder of the trials under the same paths. A worker that is
    killed is started anew by Ray and goes on from its trial's last checkpoint. The result is that of a run without
    Ray, to the last bit where the number of threads is the same: Ray gives a task as many as it has CPUs, unless
    OMP_NUM_THREADS is set.
    """

    address: str = LOCAL
    """Of a running cluster; ``local`` starts one here, and ends it."""
    gpus: float | None = None
    """GPUs of a trial; a part of one lets several share it. None: one where the cluster has any."""
    cpus: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be an address.

        Raises:
            ConfigError: it has no port.
        """
        if self.address != LOCAL and not self.address.rpartition(":")[2].isdigit():
            raise ConfigError(f"{self.address!r} is not the address of a Ray cluster", ADDRESS_FIX)

    def __call__(self, trials: Sequence[Trial], observer: Observer, /) -> Iterator[Ended]:
        """Run them.

        Raises:
            MissingDependency: Ray is not installed. ConfigError: no cluster at the address, or too small a one.
            TrainingError: none could be started here.
        """
        ray = import_ray()
        _connect(ray, self.address)
        try:
            yield from self._run(ray, trials, observer)
        finally:
            ray.shutdown()

    def _run(self, ray: Any, trials: Sequence[Trial], observer: Observer) -> Iterator[Ended]:
        task = ray.remote(**self._share(ray.cluster_resources()), max_retries=RETRIES)(_run_there)
        waiting = {task.remote(trial, os.getcwd(), sys.argv): trial for trial in trials}
        observer(Notice("trial", f"{len(trials)} trials as tasks of Ray"))
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            trial = waiting.pop(done)
            try:
                error = ray.get(done)
            except ray.exceptions.RayError as raised:
                error = f"Ray could not run it: {raised}"
            observer(Notice("trial", f"{trial}: {'failed' if error else 'finished'}"))
            yield Ended(trial, error)

    def _share(self, there: dict[str, float]) -> dict[str, float]:
        """What one trial takes of a cluster that has all of `there`."""
        gpus = min(1.0, there.get("GPU", 0.0)) if self.gpus is None else self.gpus
        for name, wanted in (("GPU", gpus), ("CPU", self.cpus)):
            if wanted > there.get(name, 0.0):
                raise ConfigError(
                    f"a trial wants {wanted:g} {name}s and the cluster has {there.get(name, 0.0):g}",
                    f"lower --{name.lower()}s-per-trial",
                )
        return {"num_gpus": gpus, "num_cpus": self.cpus}


def _connect(ray: Any, address: str) -> None:
    """To a cluster that answers, or to one that is started here."""
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "runtime_env": {"env_vars": handed_on(os.environ)},
    }
    if ray.is_initialized():
        raise ConfigError("this process already has a Ray session", "end it with ray.shutdown() first")
    if address == LOCAL:
        _start(ray, quiet)
        return
    try:
        # Ray itself waits for minutes, and then ends the program.
        host, _, port = address.removeprefix("ray://").rpartition(":")
        socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS).close()
        ray.init(address=address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"no Ray cluster answers at {address}: {error}", ADDRESS_FIX) from error


def _start(ray: Any, quiet: dict[str, Any]) -> None:
    """A cluster of this machine's own, which sends no usage statistics. Ray gives its processes half a minute to start,
    which is too little where all cores are busy."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    for left in reversed(range(STARTS)):
        try:
            ray.init(address=LOCAL, include_dashboard=False, object_store_memory=STORE_BYTES, **quiet)
            return
        except Exception as error:
            ray.shutdown()
            if left == 0:
                raise TrainingError(f"Ray did not start here: {error}", "try again, or leave --ray out") from error


def import_ray() -> Any:
    """The package.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingDependency("--ray needs the package ray", install("ray")) from error
    return ray


def _run_there(trial: Trial, folder: str, command: list[str]) -> str:
    """In a worker: in the folder of the one who asked, which the paths in the settings start from, and under the
    command that was given there, which runs record."""
    os.chdir(folder)
    sys.argv = command
    return run_trial(trial)
