"""How much memory there is, how much is used, and what the C library does with what is freed."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
from dataclasses import dataclass
from pathlib import Path

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""Parameters of mallopt(3)."""
NEVER = (1 << 31) - 1


@functools.cache
def keep_freed_memory() -> bool:
    """Let this process keep freed memory for its next tensor; true where the C library can.

    glibc hands every large block back to the system when it is freed, and gets it again, page by page and zeroed, for
    the next: on a CPU that costs a quarter of a training step. The peak does not grow by it, but the process stays at
    its peak.
    """
    try:
        library = ctypes.CDLL("libc.so.6")
        return all([library.mallopt(M_MMAP_MAX, 0), library.mallopt(M_TRIM_THRESHOLD, NEVER)])
    except (OSError, AttributeError):
        return False


@dataclass(frozen=True, slots=True)
class Meter:
    """Memory of one device, in bytes: this process on a CPU, torch's own on a GPU."""

    device: torch.device

    def release(self) -> None:
        """Give back what is freed but kept, so that what is used from here on shows."""
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)

    def used(self) -> int:
        """In use now; 0 where that cannot be told."""
        if self.device.type == "cuda":
            return torch.cuda.memory_allocated(self.device)
        try:
            return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            return 0

    def peak(self) -> int:
        """The most that was in use, on a CPU of what is used now: freed memory stays with the process."""
        return torch.cuda.max_memory_allocated(self.device) if self.device.type == "cuda" else self.used()

    def free(self) -> int | None:
        """What can still be taken; None where that cannot be told."""
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            kept = torch.cuda.memory_reserved(self.device) - torch.cuda.memory_allocated(self.device)
            return free + kept
        found = [bytes_ for bytes_ in (_of_machine(), _of_group()) if bytes_ is not None]
        return min(found, default=None)


def _of_machine() -> int | None:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("MemAvailable"))) * 1024
    return None


def _of_group(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Of a container, whose limit the machine's own figures do not show. Files that are only cached count as free."""
    for folder, limit, usage, cached in (
        (root, "memory.max", "memory.current", "inactive_file"),
        (root / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        with contextlib.suppress(OSError, ValueError, StopIteration):
            whole, used = (int((folder / name).read_text()) for name in (limit, usage))
            lines = (line.split() for line in (folder / "memory.stat").read_text().splitlines())
            return max(whole - used + next(int(value) for name, value in lines if name == cached), 0)
    return None
