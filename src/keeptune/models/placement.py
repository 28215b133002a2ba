"""Choose device and dtype for this machine."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from keeptune.config.schema import DeviceName, DtypeName
from keeptune.errors import ConfigError

PASS_TOKENS = 2048
"""Tokens of a forward pass on a CPU whose activations fit its caches; with more, each token takes longer."""
CACHED_PRODUCTS = "96"
"""Matrix products that oneDNN keeps the code of, and torch the plan, one a shape. A pass has 20 to 60, and seldom the
shapes of the one before: at 1,024, which is what both keep else, they come to hundreds of MiB within some steps."""
PRODUCT_CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
CPU_FLAGS_FOR_BFLOAT16 = ("amx_bf16", "avx512_bf16")


@dataclass(frozen=True, slots=True)
class Placement:
    """A device, a dtype for the frozen or autocast part of the work, and why."""

    device: torch.device
    dtype: torch.dtype
    reason: str

    @property
    def dtype_name(self) -> str:
        """``bfloat16``, ``float16`` or ``float32``."""
        return str(self.dtype).removeprefix("torch.")

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Compute matrix products in this dtype; trained weights stay float32."""
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def pass_tokens(self, token_budget: int) -> int:
        """Number of tokens of the fastest forward pass on this device, at most `token_budget`."""
        return min(token_budget, PASS_TOKENS) if self.device.type == "cpu" else token_budget


def place(device: DeviceName, dtype: DtypeName) -> Placement:
    """Resolve ``auto``. On a CPU, bound the memory of oneDNN too, unless the environment does or a product came before.

    Raises:
        ConfigError: a device that this machine does not have, or a dtype that it cannot train in.
    """
    chosen = _device(device)
    if chosen.type == "cpu":
        for cache in PRODUCT_CACHES:
            os.environ.setdefault(cache, CACHED_PRODUCTS)
    if dtype == "auto":
        picked, why = _fastest_dtype(chosen)
        return Placement(chosen, picked, why)
    if dtype == "float16" and chosen.type != "cuda":
        raise ConfigError(f"float16 is not used on {chosen.type}", "use --dtype bfloat16 or float32, or leave it out")
    return Placement(chosen, getattr(torch, dtype), "as asked")


def _device(name: DeviceName) -> torch.device:
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if not available[name]:
        has = ", ".join(kind for kind, there in available.items() if there)
        raise ConfigError(
            f"device {name} is not available to this installation of torch {torch.__version__}",
            f"use one of: {has}; or install a build of torch for {name}",
        )
    return torch.device(name)


def _fastest_dtype(device: torch.device) -> tuple[torch.dtype, str]:
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, "this GPU computes in bfloat16"
        return torch.float32, "this GPU has no bfloat16"
    if device.type == "mps":
        return torch.float32, "the safe choice on Apple GPUs"
    flag = _cpu_bfloat16_flag()
    if flag:
        return torch.bfloat16, f"this CPU computes in bfloat16 ({flag})"
    return torch.float32, "this CPU has no bfloat16 arithmetic"


def cpu_flags() -> list[str]:
    """Flags of this processor on Linux; empty elsewhere."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return []
    return next((line for line in info.read_text().splitlines() if line.startswith("flags")), "").split()


def _cpu_bfloat16_flag() -> str:
    flags = cpu_flags()
    return next((flag for flag in CPU_FLAGS_FOR_BFLOAT16 if flag in flags), "")
