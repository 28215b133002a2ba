"""A process that trains one step divided with others, and writes what it has of it."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.distributed.tensor import Shard, distribute_tensor

from keeptune.config import TrainingConfig
from keeptune.events import silent
from keeptune.mitigation.objective import Objective
from keeptune.models.processes import Processes, join_processes
from keeptune.models.sharding import gathered, own_part, part_of
from keeptune.models.weights import trainable_parameters
from keeptune.records import EncodedRow
from keeptune.training.fit_memory import MemoryFit
from keeptune.training.gradients import Gradients
from keeptune.training.sharded import HELD, Held, ShardedTraining
from keeptune.training.step import adamw, scaler_for
from tests.mitigation.talking import load

FOUND: dict[str, Any] = {}
SLOPES: list[torch.Tensor] = []


def tensors() -> list[torch.Tensor]:
    """All that are alive and have memory of their own."""
    gc.collect()
    found = [each for each in gc.get_objects() if issubclass(type(each), torch.Tensor)]
    return [own_part(each) for each in found]


def look(processes: Processes) -> None:
    held: Held = processes.held[HELD]
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().size() for tensor in tensors()}
    slopes = [slope for slope in held.slopes() if slope is not None]
    SLOPES[:] = [gathered(slope, weight) for slope, weight in zip(slopes, held.weights, strict=True)]
    few = distribute_tensor(torch.arange(4.0).view(2, 2), held.weights[0].device_mesh, [Shard(0)])
    same = torch.equal(gathered(own_part(few), few), few.full_tensor())
    FOUND.update(
        weights=sum(part.numel() for part in held.parts),
        gradient=sum(slope.numel() for slope in slopes),
        bytes=sum(storages.values()),
        same=same and torch.equal(part_of(few.full_tensor(), few), own_part(few)),
        empty=int(own_part(few).numel() == 0),
    )


def moments(processes: Processes) -> None:
    state = processes.held[HELD].update.state()
    FOUND["moments"] = sum(value.numel() for key, value in state.items() if key.endswith("exp_avg"))


def main(model: Path, environment: Mapping[str, str], file: Path) -> None:
    os.environ.update(environment)
    with join_processes() as processes:
        assert processes
        if processes.rank:
            processes.serve()
        else:
            _lead(processes, model)
    file.write_text(json.dumps(FOUND))


def _lead(processes: Processes, model: Path) -> None:
    loaded = load(model)
    loaded.model.requires_grad_(True)
    gradients = Gradients(loaded, Objective(), silent, scaler_for(loaded), MemoryFit(1 << 20, 0))
    training = ShardedTraining(processes, gradients, TrainingConfig())
    rows = [EncodedRow(str(n), tuple(range(5 + n)), (), ((1, 5 + n),), 0) for n in range(4)]
    training.begin_step()
    training.add(1, rows, gradients.objective.counts(rows), 1 << 20)
    processes.run(look, [()] * processes.size)
    FOUND["norm"] = training.clip()
    alone = Gradients(loaded, Objective(), silent, scaler_for(loaded), MemoryFit(1 << 20, 0))
    alone.of_step(1, rows)
    pairs = list(zip(SLOPES, trainable_parameters(loaded.model), strict=True))
    FOUND["gradients_alike"] = all(torch.allclose(slope, weight.grad, atol=1e-6) for slope, weight in pairs)
    FOUND["norm_alone"] = adamw(alone, TrainingConfig()).clip()
    training.apply(0.01)
    processes.run(moments, [()] * processes.size)
    training.end()
    FOUND["whole"] = loaded.trainable
