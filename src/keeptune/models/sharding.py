"""A model whose weights are divided over the processes of a run by FSDP2 (Zhao et al. 2023, arXiv:2304.11277): each
process holds a part of every weight, and a block is whole only while it is computed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import distributed
from torch.distributed import fsdp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor

from keeptune.errors import ConfigError
from keeptune.models.compiled import repeated_blocks


def refuse_old_torch() -> None:
    """Refuse a torch whose FSDP2 cannot leave weights undivided.

    Raises:
        ConfigError: it is older than 2.8.
    """
    shard = getattr(fsdp, "fully_shard", None)
    if shard is None or "ignored_params" not in inspect.signature(shard).parameters:
        raise ConfigError(f"--fsdp needs torch 2.8 or newer, and this is {torch.__version__}", "install a newer one")


def shard(
    model: Any,
    device: torch.device,
    fill: Callable[[torch.nn.Parameter], None],
    whole: Collection[torch.nn.Parameter] = (),
) -> None:
    """Divide the weights of `model`, which have no memory yet, over all processes, a block at a time. All processes
    call this for the same model.

    Args:
        fill: gives a weight its values, in all processes.
        whole: weights that each process keeps undivided; their gradients are its own.
    """
    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    filled: set[int] = set()
    # The model last: what no block has.
    for part in (*repeated_blocks(model), model):
        for weight in part.parameters():
            if id(weight) not in filled:
                weight.untyped_storage().resize_(weight.numel() * weight.element_size())
                fill(weight)
                filled.add(id(weight))
        fsdp.fully_shard(part, mesh=mesh, ignored_params=set(whole))
        filled.update(id(weight) for weight in part.parameters())


def own_part(weight: torch.Tensor) -> torch.Tensor:
    """The part of a weight that this process holds, with the same memory; all of it if it is not divided."""
    held = weight.detach()
    return held.to_local() if isinstance(held, DTensor) else held


def part_of(whole: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A copy of the part of `whole` that belongs to this process's part of `weight`, which has the same shape."""
    if not isinstance(weight, DTensor):
        return whole.clone()
    parts: Sequence[torch.Tensor] = torch.chunk(whole, weight.device_mesh.size())
    rank = weight.device_mesh.get_rank()
    return parts[rank].clone() if rank < len(parts) else whole[:0].clone()


def gathered(part: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The whole of what is divided as `weight` is, from each process's `part`. All processes call this."""
    if not isinstance(weight, DTensor):
        return part
    divided = DTensor.from_local(
        part, weight.device_mesh, weight.placements, run_check=False, shape=weight.shape, stride=weight.stride()
    )
    return divided.full_tensor()
