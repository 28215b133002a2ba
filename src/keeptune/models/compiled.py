"""Compile a model's repeated blocks. This fuses the small steps between matrix products, which take more than half of a
CPU's time. All blocks of a kind share the compiled code; the model, its names and its saved files do not change.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from keeptune.models.attending import attending, sdpa_settings
from keeptune.models.placement import cpu_flags
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.places import cache_folder

PAYS_FROM = 50_000
"""Minimum tokens to train on. With fewer, compiling (half a minute on two cores the first time) costs more than it
saves."""
KINDS = 64
"""Maximum variants of calls to a block (training or not, one row or several, …); torch's default is eight."""
KEPT = 0.5
"""Share of the activations that are kept for the backward pass; the rest, the cheapest, is recomputed. This takes half
of the memory and 5 % more time than keeping all."""


@dataclass(frozen=True, slots=True)
class CompiledBlocks:
    """The model's repeated blocks run compiled within `with blocks():`, otherwise eagerly."""

    blocks: tuple[Any, ...]
    calls: tuple[Any, ...]
    settings: tuple[Any, ...]
    """The model's configurations in which the attention is another meanwhile."""
    attention: str
    embeddings: Any
    """Of the input: they are made to need a gradient, so that the first block is not compiled apart from the others;
    None where its weights are frozen and no gradient should pass through it."""

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Not for decoding, because a growing cache would be compiled for every length."""
        from torch._dynamo import config as tracing
        from torch._functorch import config as gradients

        with contextlib.ExitStack() as after:
            # A non-constant float makes the compiler trace the first block twice.
            after.enter_context(tracing.patch(recompile_limit=KINDS, specialize_float=True))
            after.enter_context(gradients.patch(activation_memory_budget=KEPT))
            for block, call in zip(self.blocks, self.calls, strict=True):
                block._compiled_call_impl = call
                after.callback(setattr, block, "_compiled_call_impl", None)
            after.enter_context(attending(self.settings, self.attention))
            if self.embeddings is not None:
                after.callback(self.embeddings.register_forward_hook(_needs_gradient).remove)
            yield


def _needs_gradient(_module: Any, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
    return output.requires_grad_()


@contextlib.contextmanager
def plainly() -> Iterator[None]:
    """Replaces `CompiledBlocks` in eager mode."""
    yield


def compile_blocks(model: Any) -> CompiledBlocks | None:
    """None if the model has no repeated blocks. Compilation starts with the first call."""
    blocks = repeated_blocks(model)
    if not blocks:
        return None
    from keeptune.models.short_attention import NAME

    _keep_kernels()
    calls = tuple(torch.compile(block._call_impl, dynamic=True) for block in blocks)
    on_cpu = next(model.parameters()).device.type == "cpu"
    written_out = sdpa_settings(model) if on_cpu else ()
    trained = any(parameter.requires_grad for parameter in blocks[0].parameters())
    return CompiledBlocks(blocks, calls, written_out, NAME, model.get_input_embeddings() if trained else None)


def _keep_kernels() -> None:
    """In the cache, unless the user set a folder. torch's default is in /tmp and is set on import. Code for one
    processor can crash on another and homes may be shared, so each kind of processor has a folder."""
    from torch._inductor.runtime.cache_dir_utils import default_cache_dir

    if os.environ.get("TORCHINDUCTOR_CACHE_DIR") in (None, default_cache_dir()):
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(cache_folder() / "compiled" / hash_value(cpu_flags())[:12])


def repeated_blocks(model: Any) -> tuple[Any, ...]:
    """The members of the outermost lists of modules of one class: a model's layers."""
    if isinstance(model, torch.nn.ModuleList) and len(model) > 1 and len({type(member) for member in model}) == 1:
        return tuple(model)
    return tuple(block for child in model.children() for block in repeated_blocks(child))


def compiles_block_by_block(model: Any) -> bool:
    """Whether its adapter makes each block another to the compiler, which would take minutes: prefixes, which lie in
    a cache by number, and DoRA, whose norms are traced one by one."""
    adapters = getattr(model, "peft_config", {}).values()
    return any(a.peft_type == "PREFIX_TUNING" or getattr(a, "use_dora", False) for a in adapters)


def has_compiler() -> bool:
    """Whether this machine has a C++ compiler, which compiling for a CPU needs."""
    return any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "clang++", "c++"))
