"""Trials as tasks of a Ray cluster: one this machine's own, or one that is running already.

https://docs.ray.io/en/latest/ray-core/fault_tolerance/tasks.html
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from keeptune.api.trials import Ended, Trial, run_trial
from keeptune.errors import ConfigError, MissingDependency
from keeptune.events import Notice, Observer

LOCAL = "local"
RETRIES = 5
"""Starts of one trial beside the first: each goes on from the last checkpoint."""
STORE_BYTES = 100_000_000
"""Of a cluster started here: trials hand over no more than a line."""
PATIENCE_SECONDS = 10.0
_HANDED_ON = ("KEEPTUNE_", "HF_", "TRANSFORMERS_", "OMP_", "CUBLAS_", "TOKENIZERS_")
"""Starts of the names of environment variables that change what a trial finds or computes."""


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
    gpus: float = 0.0
    """GPUs of a trial; a part of one lets several share it."""
    cpus: float = 1.0

    def __call__(self, trials: Sequence[Trial], observer: Observer, /) -> Iterator[Ended]:
        """Run them.

        Raises:
            MissingDependency: Ray is not installed. ConfigError: no cluster at the address, or too small a one.
        """
        ray = import_ray()
        _connect(ray, self.address)
        try:
            self._refuse_too_small(ray.cluster_resources())
            yield from self._run(ray, trials, observer)
        finally:
            ray.shutdown()

    def _refuse_too_small(self, there: dict[str, float]) -> None:
        for name, wanted in (("GPU", self.gpus), ("CPU", self.cpus)):
            if wanted > there.get(name, 0.0):
                raise ConfigError(
                    f"a trial wants {wanted:g} {name}s and the cluster has {there.get(name, 0.0):g}",
                    f"lower --{name.lower()}s-per-trial",
                )

    def _run(self, ray: Any, trials: Sequence[Trial], observer: Observer) -> Iterator[Ended]:
        task = ray.remote(num_gpus=self.gpus, num_cpus=self.cpus, max_retries=RETRIES)(_run_there)
        waiting = {task.remote(trial, os.getcwd()): trial for trial in trials}
        observer(Notice("trial", f"{len(trials)} trials as tasks of Ray"))
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            trial = waiting.pop(done)
            try:
                error = ray.get(done)
            except ray.exceptions.RayError as raised:
                error = f"Ray could not run it: {raised}"
            observer(Notice("trial", f"{trial.method}, seed {trial.seed}: {'failed' if error else 'finished'}"))
            yield Ended(trial, error)


def _connect(ray: Any, address: str) -> None:
    """To a cluster that answers, or to one that is started here without sending usage statistics."""
    handed_on = {name: value for name, value in os.environ.items() if name.startswith(_HANDED_ON)}
    quiet: dict[str, Any] = {
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "runtime_env": {"env_vars": handed_on},
    }
    if address == LOCAL:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address=LOCAL, include_dashboard=False, object_store_memory=STORE_BYTES, **quiet)
        return
    try:
        # Ray itself waits for minutes, and then ends the program.
        host, _, port = address.removeprefix("ray://").rpartition(":")
        socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS).close()
        ray.init(address=address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"no Ray cluster answers at {address}: {error}",
            "give --ray HOST:PORT of its head node; without an address one is started here",
        ) from error


def import_ray() -> Any:
    """The package.

    Raises:
        MissingDependency: it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingDependency("--ray needs the package ray", "pip install 'keeptune[ray]'") from error
    return ray


def _run_there(trial: Trial, folder: str) -> str:
    """In a worker: in the folder of the one who asked, which the paths in the settings start from."""
    os.chdir(folder)
    return run_trial(trial)
