"""Trials on Ray: the same as without it, and none lost with a worker that is killed."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from keeptune.api.compare import compare
from keeptune.config import MeasureConfig, TuneConfig
from keeptune.errors import ConfigError, MissingDependency
from keeptune.events import silent
from keeptune.experiments.method_study import plan
from keeptune.experiments.ray_trials import RayTrials
from keeptune.experiments.trials import Trial
from keeptune.workspace.workspace import Workspace
from tests.api.runs import Told, settings, write_rows

pytest.importorskip("ray", reason="needs the extra ray")
PATIENCE_SECONDS = 600.0


@pytest.fixture
def config(tiny: Callable[..., Path], tmp_path: Path) -> TuneConfig:
    write_rows(tmp_path)
    found = settings(tiny("llama"), tmp_path, "study", epochs=6.0, checkpoint_minutes=0.0)
    return dataclasses.replace(found, measure=MeasureConfig(extent="none"))


class Killer(threading.Thread):
    """Kills the worker that trains a trial once it has come some steps far, and watches where the next goes on."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(daemon=True)
        self._trial = trial
        self.killed_at = 0
        self.later: set[int] = set()

    def run(self) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end and not self._trial.finished:
            steps = {int(path.name.rpartition("-")[2]) for path in self._trial.run.path.glob("checkpoint-*")}
            if self.killed_at and steps:
                # The newest: one that is older may lie there still, where the kill came before it was deleted.
                self.later.add(max(steps))
            elif max(steps, default=0) >= 10:
                self.killed_at = max(steps)
                self._kill()
            time.sleep(0.01)

    def _kill(self) -> None:
        for process in psutil.Process().children(recursive=True):
            if "_run_there" in " ".join(process.cmdline()):
                os.kill(process.pid, signal.SIGKILL)


def test_a_killed_worker_loses_nothing_and_all_is_as_without_ray(config: TuneConfig) -> None:
    (trial,) = plan(config, ("lora",), (3,))
    killer, told = Killer(trial), Told()
    killer.start()
    report = compare(config, ("lora",), (3,), told, RayTrials())
    killer.join()
    assert killer.killed_at >= 10
    assert killer.later
    assert min(killer.later) >= killer.killed_at - 1, "the next worker began anew"
    assert report.trials[0].error == ""
    assert any(e.message == "lora, seed 3: finished" for e in told.events if hasattr(e, "message"))

    alone = compare(dataclasses.replace(config, output=f"{config.output}-alone"), ("lora",), (3,))
    with_ray, without = (Path(each.trials[0].path) for each in (report, alone))
    results = [Workspace(path).result() for path in (with_ray, without)]
    assert results[0]["scores"] == results[1]["scores"]
    assert results[0]["training"]["loss_curve"] == results[1]["training"]["loss_curve"]
    for file in (Path("samples") / "tuned.jsonl", Path("adapter") / "adapter_model.safetensors"):
        assert (with_ray / file).read_bytes() == (without / file).read_bytes()
    assert report.methods[0].gain == alone.methods[0].gain


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A running one; on a busy machine Ray is too slow for itself now and then."""
    from ray.cluster_utils import Cluster

    for left in (2, 1, 0):
        try:
            started = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
            break
        except Exception as error:  # Ray has no narrower one for this
            if not left or "timed out" not in str(error).lower():
                raise
    yield started
    started.shutdown()


def test_a_running_cluster_takes_the_trials_that_fit(config: TuneConfig, cluster: Any) -> None:
    quick = dataclasses.replace(config, training=dataclasses.replace(config.training, epochs=0.2))
    broken = dataclasses.replace(quick, method=dataclasses.replace(quick.method, target_modules="no_such_layer"))
    report = compare(broken, ("lora", "full"), (0,), silent, RayTrials(cluster.address, cpus=0.5))
    assert "no_such_layer" in report.trials[0].error
    assert report.trials[1].error == ""
    trials = plan(quick, ("lora",), (1,))
    with pytest.raises(ConfigError, match="a trial wants 1 GPUs and the cluster has 0"):
        list(RayTrials(cluster.address, gpus=1.0)(trials, silent))
    assert not trials[0].run.path.exists()


def test_no_cluster_at_the_address() -> None:
    with pytest.raises(ConfigError, match=r"no Ray cluster answers at 127\.0\.0\.1:1"):
        list(RayTrials("127.0.0.1:1")((), silent))
    with pytest.raises(ConfigError, match="'nowhere' is not the address of a Ray cluster"):
        RayTrials("nowhere")


def test_a_session_of_the_callers_own_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Running:
        @staticmethod
        def is_initialized() -> bool:
            return True

    monkeypatch.setitem(sys.modules, "ray", Running)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="already has a Ray session"):
        list(RayTrials()((), silent))


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependency, match="pip install 'ray"):
        list(RayTrials()((), silent))
