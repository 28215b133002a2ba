"""Tokens a second of training and evaluation, and peak memory, beside TRL's SFTTrainer on the same work.

    KEEPTUNE_DATA=<folder> python benchmarks/speed.py [--pairs 3] [--steps 5] [--work lora full loss generate]

Work: SmolLM2-135M, DialogSum rows, 8 rows an optimizer step, completion-only loss, AdamW; LoRA rank 16 on all linear
layers, no dropout. Every figure comes from a process of its own; TRL's settings are tried once each, its best then
runs against keeptune pair by pair, in turn. Tokens are those of the rows, padding not counted, over all steps but the
first. Peer: `pip install -r benchmarks/requirements.txt`. The record goes to results/speed.json.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "speed.json"
ROWS_A_STEP = 8
EVALUATED = 64
NEW_TOKENS = 48
TRL_TRAINING = {
    "float32, 8 rows": {"rows": 8, "dtype": "float32", "bf16": False},
    "float32, 1 row x 8": {"rows": 1, "dtype": "float32", "bf16": False},
    "bf16 weights, 1 row x 8": {"rows": 1, "dtype": "bfloat16", "bf16": False},
    "bf16 autocast, 1 row x 8": {"rows": 1, "dtype": "float32", "bf16": True},
    "bf16 autocast, 8 rows of like length": {"rows": 8, "dtype": "float32", "bf16": True, "like": True},
    "bf16 weights and autocast, 8 rows of like length": {"rows": 8, "dtype": "bfloat16", "bf16": True, "like": True},
}
TRL_LOSS = {
    "float32, 8 rows": {"rows": 8, "dtype": "float32"},
    "bf16 weights, 8 rows": {"rows": 8, "dtype": "bfloat16"},
}
PLAIN_GENERATE = {
    f"{dtype}, {rows} rows": {"rows": rows, "dtype": dtype} for dtype in ("float32", "bfloat16") for rows in (8, 20)
}


def rows_of(count: int) -> list[dict[str, Any]]:
    """The first rows of DialogSum's train file."""
    path = Path(os.environ["KEEPTUNE_DATA"]) / "dialogsum" / "train.jsonl"
    with path.open(encoding="utf-8") as lines:
        return [json.loads(next(lines)) for _ in range(count)]


def encoded(count: int, loaded: Any) -> list[Any]:
    from keeptune.data.encode import Encoder
    from keeptune.records import Example, Message

    encoder = Encoder(loaded.tokenizer, loaded.kind, 2048)
    rows = rows_of(count)
    return encoder.rows([Example(r["id"], (Message("user", r["prompt"]),), r["completion"]) for r in rows])


def keeptune_training(method: str, steps: int) -> dict[str, Any]:
    import tempfile

    from keeptune.config import Adapter, ModelConfig, TrainingConfig
    from keeptune.events import Event, StepDone
    from keeptune.models.adapters import attach_adapter
    from keeptune.models.load import load_model
    from keeptune.training.loop import Loop

    loaded = load_model(ModelConfig(), train_weights=method == "full")
    if method == "lora":
        attach_adapter(loaded, Adapter(dropout=0.0), seed=0)
    rows = encoded(steps * ROWS_A_STEP, loaded)
    ends: list[tuple[float, float]] = []

    def hear(event: Event, /) -> None:
        if isinstance(event, StepDone):
            ends.append((time.perf_counter(), event.loss))

    training = TrainingConfig(lr=1e-4, epochs=1.0, batch_size=ROWS_A_STEP)
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(loaded, rows, training, Path(folder), "speed", hear)
        state = loop()
    from keeptune.numerics.batching import plan_epoch

    first = plan_epoch([row.length for row in rows], ROWS_A_STEP, 0, 0)[0]
    tokens = state.tokens - sum(rows[row].length for row in first)
    return {"tokens_per_second": tokens / (ends[-1][0] - ends[0][0]), "losses": [loss for _, loss in ends]}


def trl_training(method: str, steps: int, setting: dict[str, Any]) -> dict[str, Any]:
    import tempfile

    import datasets
    import torch
    from peft import LoraConfig
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    from keeptune.config import ModelConfig
    from keeptune.models.find import find_model
    from keeptune.models.load import load_model

    loaded = load_model(ModelConfig(dtype="float32"))
    lengths = {row.item_id: row.length for row in encoded(steps * ROWS_A_STEP, loaded)}
    model = loaded.model.to(getattr(torch, setting["dtype"])).train()
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    raw = rows_of(steps * ROWS_A_STEP)
    data = datasets.Dataset.from_list(
        [
            {
                "prompt": [{"role": "user", "content": row["prompt"]}],
                "completion": [{"role": "assistant", "content": row["completion"]}],
            }
            for row in raw
        ]
    )
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_arguments: Any, **_settings: Any) -> None:
            ends.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=setting["rows"],
            gradient_accumulation_steps=ROWS_A_STEP // setting["rows"],
            num_train_epochs=1,
            learning_rate=1e-4,
            bf16=setting["bf16"],
            use_cpu=True,
            gradient_checkpointing=False,
            completion_only_loss=True,
            max_length=2048,
            report_to="none",
            save_strategy="no",
            logging_steps=1,
            seed=0,
            **({"train_sampling_strategy": "group_by_length"} if setting.get("like") else {}),
        )
        lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=data,
            processing_class=loaded.tokenizer,
            peft_config=lora if method == "lora" else None,
            callbacks=[Clock()],
        )
        trainer.train()
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    # Which rows stood in the first step is the sampler's secret: its share of the tokens is taken as even.
    tokens = sum(lengths.values()) * (steps - 1) / steps
    return {
        "tokens_per_second": tokens / (ends[-1] - ends[0]),
        "losses": losses,
        "model": find_model(ModelConfig()).name,
    }


def keeptune_loss() -> dict[str, Any]:
    from keeptune.api.ask import load_for_asking
    from keeptune.config import ModelConfig
    from keeptune.evaluation.loglikelihood import mean_loss

    loaded = load_for_asking(ModelConfig())
    rows = encoded(EVALUATED, loaded)
    mean_loss(loaded, rows[:4], 16384)
    began = time.perf_counter()
    loss = mean_loss(loaded, rows, 16384)
    seconds = time.perf_counter() - began
    return {"tokens_per_second": sum(row.length for row in rows) / seconds, "losses": [loss]}


def plain_loss(setting: dict[str, Any]) -> dict[str, Any]:
    """transformers' own forward with labels, as SFTTrainer.evaluate runs it: padded rows of the given number."""
    import torch

    from keeptune.api.ask import load_for_asking
    from keeptune.config import ModelConfig

    loaded = load_for_asking(ModelConfig(dtype=setting["dtype"]))
    rows = sorted(encoded(EVALUATED, loaded), key=lambda row: row.length)
    total = 0.0
    began = 0.0
    for start in range(-setting["rows"], len(rows), setting["rows"]):
        if start == 0:
            began, total = time.perf_counter(), 0.0
        part = rows[max(start, 0) : max(start, 0) + setting["rows"]]
        longest = max(row.length for row in part)
        ids = torch.tensor([[*row.ids, *[0] * (longest - row.length)] for row in part])
        mask = torch.tensor([[1] * row.length + [0] * (longest - row.length) for row in part])
        labels = torch.tensor(
            [
                [-100] * row.spans[0][0] + list(row.ids[row.spans[0][0] :]) + [-100] * (longest - row.length)
                for row in part
            ]
        )
        with torch.inference_mode():
            loss = loaded.model(input_ids=ids, attention_mask=mask, labels=labels).loss
        total += float(loss) * sum(row.learned for row in part)
    seconds = time.perf_counter() - began
    learned = sum(row.learned for row in rows)
    return {"tokens_per_second": sum(row.length for row in rows) / seconds, "losses": [total / learned]}


def keeptune_generate() -> dict[str, Any]:
    from keeptune.api.ask import load_for_asking
    from keeptune.config import ModelConfig
    from keeptune.evaluation.generate import generate

    loaded = load_for_asking(ModelConfig())
    prompts = [row.ids[: row.spans[0][0]] for row in encoded(EVALUATED, loaded)]
    generate(loaded, prompts[:2], 4, 16384)
    began = time.perf_counter()
    answers = generate(loaded, prompts, NEW_TOKENS, 16384)
    return {"tokens_per_second": sum(answer.tokens for answer in answers) / (time.perf_counter() - began)}


def plain_generate(setting: dict[str, Any]) -> dict[str, Any]:
    """transformers `generate`, greedy, rows of like length, a fixed number a batch."""
    import torch

    from keeptune.api.ask import load_for_asking
    from keeptune.config import ModelConfig

    loaded = load_for_asking(ModelConfig(dtype=setting["dtype"]))
    prompts = sorted((row.ids[: row.spans[0][0]] for row in encoded(EVALUATED, loaded)), key=len)
    pad = loaded.tokenizer.pad_token_id
    began = time.perf_counter()
    tokens = 0
    for start in range(0, len(prompts), setting["rows"]):
        part = prompts[start : start + setting["rows"]]
        longest = max(map(len, part))
        ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in part])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in part])
        output = loaded.model.generate(
            input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=NEW_TOKENS, pad_token_id=pad
        )
        ends = loaded.tokenizer.eos_token_id
        for row in output[:, longest:].tolist():
            tokens += row.index(ends) if ends in row else len(row)
    return {"tokens_per_second": tokens / (time.perf_counter() - began)}


def work(name: str, who: str, setting: dict[str, Any], steps: int) -> dict[str, Any]:
    """One candidate, in this process."""
    if name in ("lora", "full"):
        found = keeptune_training(name, steps) if who == "keeptune" else trl_training(name, steps, setting)
    elif name == "loss":
        found = keeptune_loss() if who == "keeptune" else plain_loss(setting)
    else:
        found = keeptune_generate() if who == "keeptune" else plain_generate(setting)
    found["peak_memory_gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return found


def in_own_process(name: str, who: str, setting: dict[str, Any], steps: int) -> dict[str, Any]:
    order = json.dumps([name, who, setting, steps])
    run = subprocess.run([sys.executable, __file__, "--worker", order], capture_output=True, text=True, check=False)
    if run.returncode:
        return {"failed": run.stderr.strip().splitlines()[-1:]}
    found: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    print(f"  {who:9} {setting or ''} {found['tokens_per_second']:.0f} tokens/s", flush=True)
    return found


def measure(name: str, pairs: int, steps: int) -> dict[str, Any]:
    """Peer settings once each, then the best of them against keeptune in turn."""
    peer = "TRL" if name in ("lora", "full") else "transformers"
    grid: dict[str, dict[str, Any]] = {"loss": TRL_LOSS, "generate": PLAIN_GENERATE}.get(name, TRL_TRAINING)
    print(f"== {name}", flush=True)
    tried = {label: in_own_process(name, peer, setting, steps) for label, setting in grid.items()}
    best = max((label for label in tried if "failed" not in tried[label]), key=lambda x: tried[x]["tokens_per_second"])
    runs = []
    for _ in range(pairs):
        ours = in_own_process(name, "keeptune", {}, steps)
        runs.append({"keeptune": ours, peer: in_own_process(name, peer, grid[best], steps)})
    ratios = [run["keeptune"]["tokens_per_second"] / run[peer]["tokens_per_second"] for run in runs]
    return {
        "peer": peer,
        "peer_settings_tried": tried,
        "peer_best": best,
        "pairs": runs,
        "ratio_median": statistics.median(ratios),
        "ratio_range": [min(ratios), max(ratios)],
    }


def table(record: dict[str, Any]) -> str:
    """Markdown, medians over the pairs."""
    lines = [
        "| work | keeptune tokens/s | peer, its best setting | peer tokens/s | ratio (range) | peak memory, GiB |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in record["work"].items():
        peer = row["peer"]

        def median(who: str, what: str, pairs: list[dict[str, Any]] = row["pairs"]) -> float:
            return statistics.median(pair[who][what] for pair in pairs)

        low, high = row["ratio_range"]
        lines.append(
            f"| {name} | {median('keeptune', 'tokens_per_second'):.0f} | {peer}: {row['peer_best']} | "
            f"{median(peer, 'tokens_per_second'):.0f} | {row['ratio_median']:.2f} ({low:.2f} to {high:.2f}) | "
            f"{median('keeptune', 'peak_memory_gib'):.1f} against {median(peer, 'peak_memory_gib'):.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, keep the record, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--work", nargs="*", default=["lora", "full", "loss", "generate"])
    parser.add_argument("--table", action="store_true", help="print the table of the kept record")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(work(*json.loads(options.worker))))
        return
    if not options.table:
        from keeptune.store import provenance

        record = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"work": {}}
        record |= {
            "commit": provenance.source_commit(),
            "created": provenance.now(),
            "machine": provenance.machine(),
            "versions": provenance.versions() | {"trl": importlib.metadata.version("trl")},
            "rows_a_step": ROWS_A_STEP,
            "steps": options.steps,
        }
        for name in options.work:
            record["work"][name] = measure(name, options.pairs, options.steps)
            RESULTS.write_text(json.dumps(record, indent=1) + "\n")
    print(table(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
