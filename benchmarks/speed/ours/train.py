"""One training by keeptune's loop, in this process. See `measure.py` for how it is asked."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keeptune  # noqa: F401 - before torch, whose threads wait as it says


def loop_of(order: dict[str, Any], folder: str, observer: Any) -> Any:
    """The loop that an order asks for, before its first step."""
    from keeptune.config import Adapter, ModelConfig, TrainingConfig
    from keeptune.mitigation.row_source import FixedRows
    from keeptune.models.adapters import attach_adapter
    from keeptune.models.load import load_model
    from keeptune.records import EncodedRow
    from keeptune.training.loop import Loop
    from keeptune.workspace.workspace import Workspace

    held = order.get("quantization", "none")
    model = ModelConfig(name=order["model"], dtype=order["dtype"], device=order["device"], quantization=held)
    loaded = load_model(model, train_weights=order["method"] == "full")
    if order["method"] == "lora":
        attach_adapter(loaded, Adapter(rank=16, alpha=32, dropout=0.0), seed=0)
    rows = [
        EncodedRow(str(number), tuple(row["ids"]), (), ((row["start"], len(row["ids"])),), 0)
        for number, row in enumerate(order["rows"])
    ]
    training = TrainingConfig(
        lr=order["lr"],
        epochs=1.0,
        batch_size=order["rows_a_step"],
        torch_compile=order["compile"],
        optimizer=order.get("optimizer", "adamw"),
    )
    source = FixedRows(rows, training.batch_size, training.seed)
    return Loop(loaded, source, training, Workspace(Path(folder)), "speed", observer)


def main() -> None:
    """Train, and tell when each step ended, its loss, and what came before the first."""
    order = json.load(sys.stdin)
    import torch

    from keeptune.events import Event, Notice, StepDone, TrainingStarted
    from keeptune.models.memory import Meter

    meter = Meter(torch.device(order["device"]))
    peaks: list[int] = []
    ends: list[float] = []
    losses: list[float] = []
    ready: list[float] = []
    notices: list[tuple[float, str]] = []

    def hear(event: Event, /) -> None:
        if isinstance(event, StepDone):
            ends.append(time.perf_counter())
            losses.append(event.loss)
            peaks.append(meter.peak())
        elif isinstance(event, TrainingStarted):
            ready.append(time.perf_counter())
        elif isinstance(event, Notice) and event.kind in ("speed", "memory"):
            notices.append((time.perf_counter(), event.message))
            peaks.append(meter.peak())

    with tempfile.TemporaryDirectory() as folder:
        loop = loop_of(order, folder, hear)
        peaks.append(meter.peak())
        state = loop()
    if "save" in order:
        loop.loaded.model.save_pretrained(order["save"])
        loop.loaded.tokenizer.save_pretrained(order["save"])
    told = [at for at, message in notices if "compil" in message and at < ready[0]]
    found = {
        "ends": [end - ends[0] for end in ends],
        "losses": losses,
        "dtype": loop.loaded.placement.dtype_name,
        "seconds": state.seconds,
        "step_seconds": ends[-1] - ready[0],
        "compiled": any(message.startswith("compiled in") for _, message in notices),
        "compile_seconds": told[-1] - told[0] if len(told) > 1 else 0.0,
        "notices": [message for _, message in notices],
        "peak_bytes": meter.peak(),
        # The loop begins a new peak once the model is loaded and compiled; the last checkpoint comes after the steps.
        "peak_gib": max(peaks) / 2**30,
        "peak_gib_with_checkpoint": max(*peaks, meter.peak()) / 2**30,
        "forecast": loop.forecast and {"seconds": loop.forecast.seconds, "peak_bytes": loop.forecast.peak_bytes},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
