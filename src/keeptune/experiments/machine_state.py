"""What the machine gives a run: processors, memory, GPUs, disks, a compiler."""

from __future__ import annotations

import math
import os
import platform
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from keeptune.errors import ConfigError, first_line
from keeptune.models.compiled import has_compiler
from keeptune.models.memory import GROUPS, Meter, whole_memory
from keeptune.models.placement import cpu_flags, place
from keeptune.records.health import Finding
from keeptune.workspace.places import cache_folder
from keeptune.workspace.provenance import machine

GIB = 2**30
MEMORY = 2.2
"""GiB that LoRA of the built-in model takes on rows of usual length (docs/benchmarks.md)."""
DISK, LITTLE_DISK = 3.0, 0.5
"""GiB that the cache and some runs take; and that not even one run fits in."""
FEATURES = {"avx2": "AVX2", "avx512f": "AVX-512", "avx512_bf16": "AVX-512 BF16", "amx_bf16": "AMX BF16"}
DRIVER = Path("/proc/driver/nvidia/version")
COMPILERS = {"Linux": "apt-get install g++, or your distribution's package", "Darwin": "xcode-select --install"}


def machine_state(runs: Path) -> Iterator[Finding]:
    """Every finding about the machine; `runs` is the folder that runs are written to."""
    yield _processor()
    yield _threads()
    yield _memory()
    yield from _gpus()
    yield _placement()
    yield _compiler()
    yield _disk("cache", cache_folder(), "free space there, or name another folder in KEEPTUNE_CACHE")
    yield _disk("runs", runs, "free space there, or name a folder of another disk by --output")


def _processor() -> Finding:
    flags = cpu_flags()
    features = [word for flag, word in FEATURES.items() if flag in flags] or [torch.backends.cpu.get_cpu_capability()]
    return Finding("processor", "ok", f"{machine()['processor']}: {', '.join(features)}")


def _threads() -> Finding:
    threads, cores = torch.get_num_threads(), _usable_cores()
    says = f"{threads} of torch, {cores} of {os.cpu_count() or cores} cores may be used"
    if threads > cores:
        return Finding("threads", "warning", f"{says}: they wait for each other", f"OMP_NUM_THREADS={cores}")
    return Finding("threads", "ok", says)


def _usable_cores() -> int:
    """Cores that this process may use, by its affinity and by the limit of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = (GROUPS / "cpu.max").read_text().split()
        return max(1, min(cores, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):
        # No container, an older kind of it, or no limit.
        return cores


def _memory() -> Finding:
    free = Meter(torch.device("cpu")).free()
    whole, limit = whole_memory()
    if free is None:
        return Finding("memory", "ok", "how much is free is not known on this system")
    of = f" of {whole / GIB:.1f}" if whole else ""
    group = f", of which a container may use {limit / GIB:.1f}" if limit else ""
    says = f"{free / GIB:.1f} GiB free{of}{group}"
    if free < MEMORY * GIB:
        fix = "end other programs, or take a smaller model, --max-length or --batch-size"
        return Finding("memory", "warning", f"{says}; LoRA of the built-in model takes about {MEMORY}", fix)
    return Finding("memory", "ok", says)


def _gpus() -> Iterator[Finding]:
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            says = f"{facts.name}, {facts.total_memory / GIB:.0f} GiB, compute capability {facts.major}.{facts.minor}"
            yield Finding(f"gpu {index}", "ok", says)
    elif torch.backends.mps.is_available():
        yield Finding("gpu", "ok", "Apple, by MPS")
    elif DRIVER.exists() or shutil.which("nvidia-smi"):
        built = f"a build for CUDA {torch.version.cuda}" if torch.version.cuda else "a build for CPUs"
        says = f"an NVIDIA driver is here, but torch {torch.__version__} cannot use it: it is {built}"
        yield Finding("gpu", "warning", says, "install a build of torch for this driver, or update the driver")
    else:
        yield Finding("gpu", "ok", "none")


def _placement() -> Finding:
    try:
        chosen = place("auto", "auto")
    except ConfigError as error:
        return Finding("runs on", "problem", error.message, error.fix)
    return Finding("runs on", "ok", f"{chosen.device.type} in {chosen.dtype_name}: {chosen.reason}")


def _compiler() -> Finding:
    if has_compiler():
        return Finding("compiler", "ok", "a C++ compiler is here: long trainings on a CPU are compiled")
    says = "no C++ compiler: trainings on a CPU are not compiled, and take longer"
    return Finding("compiler", "warning", says, COMPILERS.get(platform.system(), "install g++ or clang++"))


def _disk(name: str, folder: Path, fix: str) -> Finding:
    """Space and permission where `folder` is, or would be made."""
    try:
        there = next((place for place in (folder, *folder.absolute().parents) if place.is_dir()), Path.cwd())
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free / GIB
    except OSError as error:
        return Finding(name, "problem", f"{folder} cannot be written: {first_line(error)}", fix)
    says = f"{folder}: {free:.1f} GiB free"
    if free >= DISK:
        return Finding(name, "ok", says)
    return Finding(name, "problem" if free < LITTLE_DISK else "warning", says, fix)
