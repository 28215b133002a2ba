"""Train and score a tiny random model, to see whether the whole chain works on this machine."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

from keeptune.config.schema import (
    Adapter,
    DataConfig,
    EvaluationConfig,
    MeasureConfig,
    MitigationConfig,
    ModelConfig,
    TrainingConfig,
    TuneConfig,
)
from keeptune.errors import first_line
from keeptune.events import silent
from keeptune.experiments.tuning import run_tuning
from keeptune.models.random_model import save_random_model
from keeptune.records.health import Finding
from keeptune.workspace.cache_entry import entries_apart

ROWS, TESTED, BATCH = 20, 0.2, 8
"""16 of the rows are trained on, in two steps."""


def self_test() -> Finding:
    """Two steps of LoRA in a temporary folder, saved, loaded again and scored; nothing of it is kept."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save_random_model(folder / "base")
        rows = ({"prompt": f"{n} and 1?", "completion": str(n + 1)} for n in range(ROWS))
        (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        try:
            with entries_apart(folder / "cache"):
                result = run_tuning(_settings(folder), silent)
        except Exception as error:  # noqa: BLE001 - whatever breaks the chain is what is looked for
            says = f"a training of two steps fails: {type(error).__name__}: {first_line(error)}"
            return Finding("self-test", "problem", says, "report it, with this page")
    seconds = time.monotonic() - begun
    says = (
        f"a tiny model was trained for {result.training.steps} steps, saved, loaded and scored on "
        f"{result.comparisons[0].items} items, in {seconds:.1f} s"
    )
    return Finding("self-test", "ok", says)


def _settings(folder: Path) -> TuneConfig:
    return TuneConfig(
        model=ModelConfig(name=str(folder / "base")),
        data=DataConfig(
            train=str(folder / "rows.jsonl"), test_fraction=TESTED, validation_fraction=0.0, drop_duplicates=False
        ),
        method=Adapter(rank=2),
        training=TrainingConfig(epochs=1, batch_size=BATCH, torch_compile=False),
        evaluation=EvaluationConfig(metrics=("exact_match",), max_new_tokens=4),
        measure=MeasureConfig(extent="none"),
        mitigation=MitigationConfig(plain=True),
        output=str(folder / "run"),
    )
