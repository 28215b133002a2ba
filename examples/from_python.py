"""A run like that of `examples/tune.yaml`, from Python, with progress of one's own."""

from __future__ import annotations

import sys

import keeptune
from keeptune.events import StepDone


def tell(event: keeptune.Event, /) -> None:
    """Print a line a step."""
    if isinstance(event, StepDone):
        print(f"step {event.step} of {event.steps}: loss {event.loss:.3f}")


def main(model: str = "smollm2", output: str = "") -> None:
    """Tune, and print what changed."""
    config = keeptune.TuneConfig(
        model=keeptune.ModelConfig(name=model),
        data=keeptune.DataConfig(
            train="examples/rows.jsonl", prompt="Summarize in one sentence: {dialogue}", completion="summary"
        ),
        method=keeptune.Adapter(rank=8),
        training=keeptune.TrainingConfig(epochs=2, batch_size=4),
        measure=keeptune.MeasureConfig(abilities=("facts",), items=60),
        output=output,
    )
    result = keeptune.tune(config, tell)
    first = result.comparisons[0]
    print(f"{first.metric}: {first.before:.1f} before, {first.after:.1f} after; the run is in {result.path}")
    if result.forgetting is not None:
        print(" ".join(result.forgetting.sentences))


if __name__ == "__main__":
    main(*sys.argv[1:])
