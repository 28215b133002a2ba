"""Free, used and peak memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

import torch

from keeptune.errors import TrainingError, first_line

RESET_PEAK = Path("/proc/self/clear_refs"), "5"
"""proc(5): the file, and what is written to it."""
GROUPS = Path("/sys/fs/cgroup")
"""cgroups(7): what a container may use."""
GROUP_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")
OUT_OF_MEMORY = (
    *("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED"),
    *("Cannot allocate memory", "failed to map segment", "can't start new thread"),
)
"""Of torch's allocator on a CPU; of MPS and CUDA; of CUDA's matrix products; of the system, for memory, a library and a
thread."""


@dataclass(frozen=True, slots=True)
class Meter:
    """Memory of one device, in bytes: this process on a CPU, torch's own on a GPU."""

    device: torch.device

    def release(self) -> None:
        """Return cached free memory, and start a new peak."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        trim()
        with contextlib.suppress(OSError):
            RESET_PEAK[0].write_text(RESET_PEAK[1])

    def keep_within(self, size: int) -> None:
        """Return cached free memory if more than `size` is used on a CPU; torch does this by itself on a GPU."""
        if self.device.type != "cuda" and self.used() > size:
            trim()

    def used(self) -> int:
        """Bytes in use; 0 if unknown."""
        if self.device.type == "cuda":
            return torch.cuda.memory_allocated(self.device)
        try:
            return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return 0

    def peak(self) -> int:
        """Peak since the last `release`, or since the process started if the system cannot reset it; 0 if unknown."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        try:
            lines = Path("/proc/self/status").read_text().splitlines()
            return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024
        except (OSError, StopIteration):
            return 0

    def free(self) -> int | None:
        """Free bytes; None if unknown."""
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            kept = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
            return free + kept
        found = [bytes_ for bytes_ in (_of_machine(), _of_group()) if bytes_ is not None]
        # A launcher's processes on one machine share it.
        sharing = max(1, int(os.environ.get("LOCAL_WORLD_SIZE") or 1))
        return min(found) // sharing if found else None


def out_of_memory(error: BaseException) -> bool:
    """Whether the error means that a device, or the allocator of a CPU, is out of memory."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return any(words in str(error) for words in OUT_OF_MEMORY)


def not_enough(error: BaseException) -> TrainingError:
    """The error for a run that no smaller pass could help."""
    return TrainingError(
        f"not enough memory: {first_line(error)}",
        "end other programs, or take a smaller model, --max-length or --batch-size; finished work is saved: run "
        "the same command again to continue, tune and rescue with --output FOLDER --resume",
    )


def trim() -> None:
    """Return freed memory from the C library to the system: an evaluation leaves gigabytes of fragments."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def _of_machine() -> int | None:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("MemAvailable"))) * 1024
    return None


def whole_memory() -> tuple[int | None, int | None]:
    """(bytes of the machine, bytes that its container may use at most); None where there is no limit or none is
    known."""
    whole = limit = None
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        whole = int(next(line.split()[1] for line in lines if line.startswith("MemTotal"))) * 1024
    for name in GROUP_LIMITS:
        with contextlib.suppress(OSError, ValueError):
            limit = int((GROUPS / name).read_text())
            break
    # Without a limit, the older interface gives a number beyond all memory.
    return whole, limit if limit is not None and (whole is None or limit < whole) else None


def _of_group(root: Path = GROUPS) -> int | None:
    """Free memory in a container, whose limit the machine's figures do not show. The page cache counts as free."""
    for folder, limit, usage, cached in (
        (root, "memory.max", "memory.current", "inactive_file"),
        (root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        with contextlib.suppress(OSError, ValueError, StopIteration):
            whole, used = (int((folder / name).read_text()) for name in (limit, usage))
            lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
            return max(whole - used + next(int(value) for name, value in lines if name == cached), 0)
    return None
