"""A small run in a process of its own, for tests that kill it: `python -m tests.training.run_to_be_killed`.

Prints a line a step. With a step as last argument, it stops inside that step's checkpoint write and waits.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from keeptune.api.tune import tune
from keeptune.config import (
    Adapter,
    DataConfig,
    Full,
    MeasureConfig,
    MitigationConfig,
    ModelConfig,
    TrainingConfig,
    TuneConfig,
)
from keeptune.events import Event, StepDone, TrainingStarted
from keeptune.training import checkpoint


def main(model: str, data: str, output: str, method: str, resume: str, hang_at: str) -> None:
    if int(hang_at):
        write = checkpoint._save

        def hang(path: Path, tensors) -> None:
            write(path, tensors)
            if path.name == "optimizer.safetensors" and f"checkpoint-{hang_at}." in str(path.parent):
                print("writing", flush=True)
                time.sleep(600)

        checkpoint._save = hang

    def tell(event: Event) -> None:
        if isinstance(event, StepDone):
            print(f"step {event.step}", flush=True)
            time.sleep(0.05)
        elif isinstance(event, TrainingStarted):
            print(f"from {event.first_step}", flush=True)

    tune(
        TuneConfig(
            model=ModelConfig(name=model, device="cpu", dtype="float32"),
            data=DataConfig(train=data, limit_test=4),
            method=Full() if method.startswith("full") else Adapter(rank=4, dropout=0.2),
            training=TrainingConfig(lr=1e-2, epochs=3.0, batch_size=4, checkpoint_minutes=0.0, seed=3),
            measure=MeasureConfig(extent="none"),
            mitigation=MitigationConfig(plain=not method.endswith("by-default"), kl_tokens=16),
            output=output,
            resume=resume == "resume",
        ),
        tell,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
