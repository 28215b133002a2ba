"""lm-evaluation-harness, run here: `python benchmarks/peers/try_lm_eval.py` in an environment with `lm_eval[hf]`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import tiny_models
from record import Tried

TASK = """
task: sums
dataset_path: json
dataset_kwargs: {{data_files: {rows}}}
test_split: train
output_type: generate_until
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{completion}}}}"
generation_kwargs: {{until: ["<|end|>"], max_gen_toks: 8}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


def main() -> None:
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    tried = Tried("lm-evaluation-harness", "lm_eval")
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        (work / "tasks").mkdir()
        (work / "tasks" / "sums.yaml").write_text(
            TASK.format(rows=tiny_models.rows(work / "rows.jsonl")), encoding="utf-8"
        )
        manager = TaskManager(include_path=str(work / "tasks"), include_defaults=False)

        def scored(folder: str) -> Any:
            return simple_evaluate(
                model="hf",
                model_args={"pretrained": folder, "dtype": "float32"},
                tasks=["sums"],
                task_manager=manager,
                device="cpu",
                log_samples=True,
            )

        call = "simple_evaluate(model='hf', tasks=['sums'], log_samples=True)"
        base, tuned = scored(tiny_models.llama(work / "base")), scored(tiny_models.llama(work / "tuned", seed=1))
        result = base["results"]["sums"]
        tried.saw(
            "abilities",
            "partly",
            f"{call}, a task of one's own",
            f"the result holds {', '.join(sorted(result))}",
        )
        same = [one["doc_hash"] for one in base["samples"]["sums"]] == [
            two["doc_hash"] for two in tuned["samples"]["sums"]
        ]
        tried.saw(
            "before",
            "partly",
            f"{call}, once for each of two models",
            f"same items by doc_hash: {same}; two results, not compared",
        )
        tried.saw(
            "significance",
            "partly",
            call,
            f"exact_match_stderr {result['exact_match_stderr,none']}: of each model, not of their difference",
        )
        t5 = scored(tiny_models.t5(work / "t5"))
        tried.saw(
            "t5",
            "yes",
            f"{call} on a T5",
            f"exact_match {t5['results']['sums']['exact_match,none']} (evaluates; does not train)",
        )
    tried.keep()


if __name__ == "__main__":
    main()
