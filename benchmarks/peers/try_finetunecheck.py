"""FineTuneCheck, run here: `python benchmarks/peers/try_finetunecheck.py` where `finetunecheck[inference]` is."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import tiny_models
from record import Tried


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        os.environ["HOME"] = place  # its cache
        from finetunecheck.config import EvalConfig
        from finetunecheck.eval.runner import EvalRunner
        from finetunecheck.forgetting.metrics import REGRESSION_THRESHOLDS, paired_delta_interval
        from finetunecheck.probes.custom import CustomProbe
        from finetunecheck.probes.registry import ProbeRegistry
        from finetunecheck.report.generator import ReportGenerator

        tried = Tried("FineTuneCheck", "finetunecheck")
        work = Path(place)
        base, tuned = tiny_models.llama(work / "base"), tiny_models.llama(work / "tuned", seed=1)
        sums = tiny_models.rows(work / "sums.csv", "input", "reference")
        ProbeRegistry.register(
            CustomProbe.from_csv(name="sums", csv_path=sums, category="sums", judge_type="exact_match")
        )
        config = EvalConfig(
            base_model=base,
            finetuned_model=tuned,
            general_probes=["math", "classification"],
            target_tasks=["sums"],
            num_samples=10,
            max_tokens=16,
            device="cpu",
            cache_baseline=False,
        )
        results = EvalRunner(config).run()
        call = "EvalRunner(EvalConfig(…, target_tasks=['sums'])).run()"
        same = all(
            score.selected_sample_ids == results.ft_scores[name].selected_sample_ids
            for name, score in results.base_scores.items()
        )
        names = ", ".join(results.base_scores)
        tried.saw("before", "yes", call, f"both models answered {names}; same items: {same}")
        tried.saw(
            "abilities",
            "partly",
            f"{call}, CustomProbe.from_csv",
            f"own probe scored {results.base_scores['sums'].mean_score}; bounds for all: {REGRESSION_THRESHOLDS}",
        )
        tried.saw("gate", "partly", f"{call}; ftcheck run --exit-code", f"{results.verdict.value}: {results.summary}")
        tried.saw(
            "significance",
            "partly",
            "paired_delta_interval([1, 1, 0, 1], [0, 1, 0, 1]); target_delta_intervals_95",
            f"{paired_delta_interval([1, 1, 0, 1], [0, 1, 0, 1])}; {results.target_delta_intervals_95}",
        )
        page = Path(ReportGenerator().generate(results, str(work / "report.html"))).read_text(encoding="utf-8")
        shown = results.base_scores["sums"].selected_sample_ids[0] in page
        tried.saw(
            "report",
            "yes" if shown else "partly",
            "ReportGenerator().generate(results, 'report.html')",
            f"{len(page):,} characters; items' ids in it: {shown}",
        )
    tried.keep()


if __name__ == "__main__":
    main()
