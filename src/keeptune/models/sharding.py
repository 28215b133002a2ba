"""A model whose weights are divided over the processes of a run by FSDP2 (Zhao et al. 2023, arXiv:2304.11277): each
process holds a part of every weight, and a block is whole only while it is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch import distributed
from torch.distributed import fsdp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor

from keeptune.errors import ConfigError, first_line

TORCH = (2, 13)
"""The first version that this is tested with. In some before, gloo adds gradients up that are to be averaged, and parts
of unequal size are moved away from their optimizer."""
WITHOUT = "leave --fsdp out"


def refuse_old_torch() -> None:
    """Refuse a torch whose FSDP2 is not known to be right.

    Raises:
        ConfigError: it is older than `TORCH`.
    """
    if tuple(map(int, torch.__version__.split(".")[:2])) < TORCH:
        needed = ".".join(map(str, TORCH))
        raise ConfigError(
            f"--fsdp needs torch {needed} or newer, and this is {torch.__version__}", "install a newer one"
        )


def shard(
    model: Any,
    device: torch.device,
    fill: Callable[[torch.nn.Parameter], None],
    whole: Collection[torch.nn.Parameter] = (),
    computed_in: torch.dtype | None = None,
) -> None:
    """Divide the weights of `model`, which have no memory yet, over all processes, a block at a time. All processes
    call this for the same model.

    Args:
        fill: gives a weight its values, in all processes.
        whole: weights that each process keeps undivided; their gradients are its own.
        computed_in: dtype in which divided weights are sent and computed with; their gradients are summed in float32.

    Raises:
        ConfigError: FSDP2 cannot divide this model.
    """
    mesh = init_device_mesh(device.type, (distributed.get_world_size(),))
    policy = fsdp.MixedPrecisionPolicy(computed_in, torch.float32 if computed_in else None, cast_forward_inputs=False)
    trained = any(weight.requires_grad for weight in model.parameters())
    # The model last: what no block has. FSDP keeps that part whole from a forward to a backward pass.
    reshard = {id(model): None if trained else True}
    divided: set[int] = set()
    for part in (*_blocks(model), model):
        own = [weight for weight in part.parameters() if id(weight) not in divided]
        _refuse(model, part, own)
        for weight in own:
            weight.untyped_storage().resize_(weight.numel() * weight.element_size())
            fill(weight)
        try:
            fsdp.fully_shard(
                part,
                mesh=mesh,
                mp_policy=policy,
                reshard_after_forward=reshard.get(id(part), True),
                ignored_params=set(whole),
            )
        except (ValueError, NotImplementedError, AssertionError) as error:
            raise ConfigError(f"FSDP2 cannot divide this model: {first_line(error)}", WITHOUT) from error
        now = {id(weight) for weight in part.parameters()}
        for weight in own:
            if id(weight) not in now:
                # Each process has its part of it.
                weight.untyped_storage().resize_(0)
        divided |= now
    if hasattr(model, "set_reduce_scatter_unused_params"):
        # Experts that a process has no token for.
        model.set_reduce_scatter_unused_params(True)


def _blocks(model: Any) -> tuple[Any, ...]:
    """The members of the outermost lists of modules: a model's layers, of one class or of several."""
    if isinstance(model, torch.nn.ModuleList) and len(model) > 1:
        return tuple(member for member in model if any(True for _ in member.parameters()))
    return tuple(block for child in model.children() for block in _blocks(child))


def _refuse(model: Any, part: Any, own: Sequence[torch.nn.Parameter]) -> None:
    names = {id(weight): name for name, weight in model.named_parameters(remove_duplicate=False)}
    if part is not model:
        inside = {id(module) for module in part.modules()}
        outside = (module for module in model.modules() if id(module) not in inside)
        others = {id(weight) for module in outside for weight in module.parameters(recurse=False)}
        shared = [names[id(weight)] for weight in own if id(weight) in others]
        if shared:
            raise ConfigError(f"FSDP2 cannot divide {shared[0]}, which several layers share", WITHOUT)
    drops = [name for name, module in part.named_modules() if getattr(module, "layerdrop", 0)]
    if drops:
        raise ConfigError("this model drops whole layers at random, in each process others (layerdrop)", WITHOUT)


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
