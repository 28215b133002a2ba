"""What this process holds: memory, open files, threads, child processes, objects (Linux).

safetensors (0.6 to 0.8, as tried) never frees the two ends of the slice by which it reads a tensor from a mapped file.
That is a library's, and of every load of a model by transformers, so it is counted apart (`count_reads`): how many
tensors were read, by how many blocks of Python's allocator a read adds, which is measured before.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

MIB = 2**20
SELF = Path("/proc/self")
OF_A_BLOCK = 32
"""Bytes that Python's allocator gives for an integer of a few digits."""


_reads = 0


def count_reads() -> float:
    """From now on, `held` tells how many tensors safetensors has read; gives the MiB that it keeps of each."""
    import torch
    from safetensors.torch import load_file, save_file

    of_torch = torch.UntypedStorage.__getitem__

    def counted(storage: Any, index: Any) -> Any:
        global _reads
        _reads += isinstance(index, slice)
        return of_torch(storage, index)

    torch.UntypedStorage.__getitem__ = counted
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        save_file({f"weight.{number}": torch.zeros(300 + number) for number in range(50)}, file)
        load_file(file)
        reads, blocks = _reads, sys.getallocatedblocks()
        for _ in range(100):
            load_file(file)
        return round((sys.getallocatedblocks() - blocks) / (_reads - reads)) * OF_A_BLOCK / MIB


def held() -> dict[str, Any]:
    """All of it by name; memory in MiB, before garbage is collected, the objects after."""
    found: dict[str, Any] = {
        "rss": _mib(SELF / "status", "VmRSS"),
        "uss": _mib(SELF / "smaps_rollup", "Private_Clean", "Private_Dirty"),
        "peak": _mib(SELF / "status", "VmHWM"),
        "files": open_files(),
        "threads": len(os.listdir(SELF / "task")),
        "children": children(),
        "temporary": len(os.listdir(tempfile.gettempdir())),
        "reads": _reads,
    }
    gc.collect()
    return found | _objects()


def open_files() -> dict[str, int]:
    """Open files by kind: ``file``, ``socket``, ``pipe``, ``device``, or the name of an anonymous one."""
    return dict(sorted(Counter(_kind(target) for target in open_paths()).items()))


def open_paths() -> list[str]:
    """What each open file is."""
    found = []
    for each in os.listdir(SELF / "fd"):
        try:
            found.append(os.readlink(SELF / "fd" / each))
        except FileNotFoundError:  # the one by which the folder was listed
            continue
    return found


def children() -> int:
    """Child processes that were not waited for, too."""
    return sum(len((task / "children").read_text().split()) for task in (SELF / "task").iterdir())


def size(folder: Path) -> float:
    """MiB of all files below it."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / MIB


def _objects() -> dict[str, int]:
    """Live tensors, and live objects of keeptune's classes."""
    import torch

    kinds = Counter(type(each) for each in gc.get_objects())
    of_keeptune = (count for kind, count in kinds.items() if str(kind.__module__).startswith("keeptune."))
    tensors = (count for kind, count in kinds.items() if issubclass(kind, torch.Tensor))
    return {"tensors": sum(tensors), "objects": sum(of_keeptune)}


def _mib(file: Path, *names: str) -> float:
    text = file.read_text()
    return round(sum(int(found) for found in re.findall(rf"^(?:{'|'.join(names)}):\s+(\d+) kB", text, re.M)) / 1024, 1)


def _kind(target: str) -> str:
    if target.startswith("/"):
        return "device" if target.startswith("/dev/") else "file"
    return target.partition(":")[0] if not target.startswith("anon_inode:") else target
