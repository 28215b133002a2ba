"""A process that trains one step divided with others, and writes what it has of it."""

from __future__ import annotations

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
from keeptune.records import EncodedRow
from keeptune.training.fit_memory import MemoryFit
from keeptune.training.gradients import Gradients
from keeptune.training.sharded import HELD, Held, ShardedTraining
from keeptune.training.step import scaler_for
from tests.mitigation.talking import load

FOUND: dict[str, Any] = {}


def look(processes: Processes) -> None:
    held: Held = processes.held[HELD]
    few = distribute_tensor(torch.arange(4.0).view(2, 2), held.weights[0].device_mesh, [Shard(0)])
    same = torch.equal(gathered(own_part(few), few), few.full_tensor())
    FOUND.update(
        weights=sum(part.numel() for part in held.parts),
        gradient=sum(slope.numel() for slope in held.slopes() if slope is not None),
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
    training.clip()
    training.apply(0.01)
    processes.run(moments, [()] * processes.size)
    training.end()
    FOUND["whole"] = loaded.trainable
