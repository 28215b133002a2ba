"""Several processes for one run, as `torchrun` and `accelerate launch` start them: the first one runs the command and
writes all files, the others compute what it asks of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from keeptune.errors import ConfigError, ProcessLost, first_line

PATIENCE = timedelta(days=7)
"""How long the others wait while the first works alone. A process that ends is noticed at once; a machine that loses
its network, only after this."""
MARK = "the model that the other processes have"
"""What the first process holds of the last model that it has sent."""
Job = Callable[..., Any]
"""A function that can be pickled. All processes call it, each with arguments of its own."""


@dataclass(slots=True)
class Processes:
    """The processes of a run, joined by gloo, or by NCCL where the tensors are on GPUs."""

    rank: int
    size: int
    held: dict[str, Any] = field(default_factory=dict)
    """What jobs leave in this process for later ones, by name."""
    busy: bool = False
    """A job is under way."""

    def run(self, job: Job, shares: Sequence[tuple[Any, ...]], *, lockstep: bool = False) -> list[Any]:
        """Call `job(self, *share)` in each process; only the first process calls this. Returns the values in the
        order of the processes.

        Args:
            lockstep: the job waits for itself in the other processes, so one that raises ends the run.

        Raises:
            Exception: what the job raised in one of them, after all have ended it. In lockstep, what it raised in the
                first; of another, ProcessLost.
        """
        if self.busy:
            # The others wait in the middle of a job.
            raise _lost(RuntimeError("an error has ended a computation that all processes share"))
        self.busy = True
        _together(distributed.broadcast_object_list, [job, [None, *shares[1:]], lockstep])
        return self._ended(job, shares[0], lockstep)

    def serve(self) -> None:
        """Call the jobs of the first process until it ends. Signals are left to it: it finishes its step."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        while True:
            received: list[Any] = [None, None, False]
            _together(distributed.broadcast_object_list, received)
            job, shares, lockstep = received
            if job is None:
                return
            self._ended(job, shares[self.rank], lockstep)

    def _ended(self, job: Job, share: tuple[Any, ...], lockstep: bool) -> list[Any]:
        value, error = None, None
        try:
            value = job(self, *share)
        except Exception as raised:
            if lockstep and _of_the_connection(raised):
                raise _lost(raised) from raised
            if lockstep:
                raise
            # It is raised where the others know of it.
            error = raised
        found: list[Any] = [None] * self.size
        told = None if error is None else _picklable(error)
        # That of the first stays there: it may be as large as a model.
        _together(distributed.all_gather_object, found, (value, told) if self.rank else (None, None))
        self.busy = False
        if self.rank:
            return []
        if error:
            raise error
        for _, other in found[1:]:
            if other is not None:
                raise other
        return [value, *(each for each, _ in found[1:])]


_joined: list[Processes] = []


def processes() -> Processes | None:
    """Those that this process has joined as the first; None if it is alone."""
    return _joined[-1] if _joined and _joined[-1].rank == 0 else None


def launched() -> int:
    """How many processes a launcher has started; 1 without one."""
    return int(os.environ.get("WORLD_SIZE") or 1) if "RANK" in os.environ else 1


@contextmanager
def join_processes() -> Iterator[Processes | None]:
    """The processes of the launcher, joined while the block runs; None without a launcher. In the first process, the
    others are told at the end that nothing more comes."""
    if launched() == 1:
        yield None
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK") or 0))
    distributed.init_process_group(backend, timeout=PATIENCE)
    found = Processes(distributed.get_rank(), distributed.get_world_size())
    _joined.append(found)
    try:
        yield found
    finally:
        _joined.remove(found)
        # In the middle of a job, the others end when they lose the connection.
        if found.rank == 0 and not found.busy:
            with suppress(ProcessLost):
                _together(distributed.broadcast_object_list, [None, None, False])
        distributed.destroy_process_group()


class Elsewhere(RuntimeError):
    """What a library raised in another process, whose own error cannot be sent."""

    def __init__(self, text: str, module: str) -> None:
        super().__init__(text, module)
        self.text, self.module = text, module

    def __str__(self) -> str:
        return self.text


def refuse_unshared(device: torch.device) -> None:
    """Refuse a model whose tensors cannot be sent, before anything is.

    Raises:
        ConfigError: it is on a device that the processes cannot share.
    """
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"several processes cannot share a run on {device.type}", "use --device cpu, or no launcher")


def own_device(kind: str) -> torch.device:
    """Where the tensors of this process are, if those of the first are on a device of this kind."""
    return torch.device("cuda", torch.cuda.current_device()) if kind == "cuda" else torch.device("cpu")


def send_weights(weights: Iterable[torch.Tensor]) -> None:
    """Give all processes the values of the first."""
    _all(distributed.broadcast(weight.detach(), 0, async_op=True) for weight in weights)


def add_up(tensors: Iterable[torch.Tensor]) -> None:
    """Leave the sum over all processes in the tensors of the first; those of the others are not usable afterwards."""
    _all(distributed.reduce(tensor, 0, async_op=True) for tensor in tensors)


def _all(works: Iterable[Any]) -> None:
    for work in list(works):
        _together(work.wait)


def _together(call: Callable[..., Any], *arguments: Any) -> None:
    try:
        call(*arguments)
    except RuntimeError as error:
        raise _lost(error) from error


def _lost(error: Exception) -> ProcessLost:
    return ProcessLost(
        f"a process of this run is gone: {first_line(error)}",
        "the launcher says why it ended; start again by the launcher: tune and rescue with --output FOLDER "
        "--resume, other verbs with the same command",
    )


def _of_the_connection(error: Exception) -> bool:
    """Whether it was raised because another process has ended: gloo has no class of its own."""
    return isinstance(error, distributed.DistError) or "gloo" in str(error)


def _picklable(error: Exception) -> Exception:
    import pickle

    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - errors of libraries, with arguments of any kind
        return Elsewhere(f"{type(error).__name__}: {first_line(error)}", type(error).__module__)
    return error
