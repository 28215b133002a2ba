"""Pyrecall, run here: `python benchmarks/peers/try_pyrecall.py` in an environment with `pyrecall`."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import tiny_models
from record import Tried


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ["HOME"] = place  # its snapshots
        from pyrecall import Model

        tried = Tried("Pyrecall", "pyrecall")
        work = Path(place)
        rows = tiny_models.rows(work / "rows.csv", answer="response")
        model = Model(tiny_models.llama(work / "base"), device="cpu", lora_r=2, learning_rate=0.05, max_length=2048)
        model.snapshot("before", benchmark_mode="fast")
        model.learn(rows, epochs=2)
        report = model.check(benchmark_mode="fast")
        call = "Model(…).snapshot('before'); learn('rows.csv'); check()"
        tried.saw("rows", "yes", call, "a CSV file with columns prompt and response was trained")
        scored = [found for found in report.comparisons if found.delta == found.delta]
        worst = min(scored, key=lambda found: found.delta)
        change = f"{worst.category}: {worst.score_before:.4f} → {worst.score_after:.4f}, {worst.n_items} prompts"
        tried.saw("before", "yes", call, change)
        tried.saw(
            "abilities",
            "partly",
            call,
            f"{len(report.comparisons)} skills, healthy: {report.is_healthy}; own ones by `pyrecall benchmark add`",
        )
        tried.saw(
            "gate",
            "partly",
            f"{call}; pyrecall check exits with 2",
            f"degraded: {report.degraded_skills}, by a drop of more than 10 %, without an interval",
        )
        page = report.to_html()
        prompt = report.prompts_for_category(worst.category)
        shown = bool(prompt) and prompt[0].prompt[:30] in page
        tried.saw(
            "report",
            "yes" if shown else "partly",
            "check().to_html()",
            f"{len(page):,} characters; prompts in it: {shown}",
        )
    tried.keep()


if __name__ == "__main__":
    main()
