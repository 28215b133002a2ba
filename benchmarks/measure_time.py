"""How long the built-in abilities take: what `keeptune measure` asks of a tuned model, its base's answers being kept.

    python benchmarks/measure_time.py            measure the built-in model, full and quick, and keep the record
    python benchmarks/measure_time.py --table    print the table from the record alone

Every ability of `measure` and of `measure --quick`, all verdict items, one template an item, nothing from any cache.
`forward` is the time within the model's own forward passes, which no other way of asking the same tokens avoids; the
rest is tokenising, picking, scoring and keeping. The record goes to results/measure_time.json.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "measure_time.json"


def measure() -> dict[str, Any]:
    """Seconds by extent and ability."""
    from keeptune.abilities.declared import wanted_abilities
    from keeptune.assessment.verdict_pass import AbilityEvaluator
    from keeptune.config import DataConfig, MeasureConfig, ModelConfig
    from keeptune.events import silent
    from keeptune.inference.encoding import make_encoder
    from keeptune.inference.evaluator import load_for_inference
    from keeptune.workspace import provenance

    model = ModelConfig()
    began = time.monotonic()
    encoder, loaded = make_encoder(model, DataConfig()), load_for_inference(model)
    found: dict[str, Any] = {"loading": time.monotonic() - began, "extents": {}}
    spent = _timed_forward(loaded.inner)
    for extent in ("quick", "full"):
        os.environ["KEEPTUNE_CACHE"] = tempfile.mkdtemp()
        ability_evaluator = AbilityEvaluator(loaded, encoder, 16384, extent, silent)
        rows: dict[str, Any] = {}
        for ability in wanted_abilities(MeasureConfig(extent=extent), DataConfig(), encoder, silent):
            spent.clear()
            began = time.monotonic()
            ability_evaluator.evaluate(ability, ability.items)
            seconds = time.monotonic() - began
            rows[ability.name] = {"items": len(ability.items), "seconds": seconds, "forward": sum(spent)}
            print(f"{extent} {ability.name}: {len(ability.items)} items in {seconds:.0f} s", flush=True)
        found["extents"][extent] = rows
    found["commit"] = provenance.source_commit()
    found["machine"] = provenance.machine()
    found["dtype"] = loaded.placement.dtype_name
    return found


def _timed_forward(model: Any) -> list[float]:
    """Seconds of each forward pass of `model`, appended as they end."""
    spent: list[float] = []
    forward = model.forward

    @functools.wraps(forward)
    def timed(*arguments: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return forward(*arguments, **more)
        finally:
            spent.append(time.perf_counter() - began)

    model.forward = timed
    return spent


def table(record: dict[str, Any]) -> str:
    """Markdown: a line an extent, then the dearest abilities."""
    lines = ["| measurement of one model | items | minutes | within forward passes |", "|---|---|---|---|"]
    for extent, rows in record["extents"].items():
        items, seconds, forward = (sum(row[key] for row in rows.values()) for key in ("items", "seconds", "forward"))
        lines.append(f"| {extent} | {items:,} | {seconds / 60:.1f} | {100 * forward / seconds:.0f} % |")
    rows = record["extents"]["full"]
    dearest = sorted(rows, key=lambda name: -rows[name]["seconds"])[:3]
    told = ", ".join(f"{name} {rows[name]['seconds'] / 60:.1f}" for name in dearest)
    return "\n".join(
        [*lines, "", f"The slowest, in minutes: {told}. In {record['dtype']}, on {record['machine']['processor']}."]
    )


def main() -> None:
    """Measure, keep and print."""
    if "--table" not in sys.argv:
        RESULTS.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
    print(table(json.loads(RESULTS.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
