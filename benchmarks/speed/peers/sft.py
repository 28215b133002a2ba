"""One training by TRL's SFTTrainer, in an environment in which keeptune need not be. See `measure.py`.

The rows come as token ids in the order in which they are trained on, with the learning rate's factor of every step, so
that batches, rates and losses can be compared step by step.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import tempfile
import time
from typing import Any


def main() -> None:
    """Train, and tell when each step ended, and its loss."""
    order = json.load(sys.stdin)
    import datasets
    import torch
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    setting, factors = order["setting"], order["factors"]
    how = {"attn_implementation": setting["attention"]} if "attention" in setting else {}
    if setting.get("nf4"):
        how["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=getattr(torch, setting["weights"]),
        )
    model = AutoModelForCausalLM.from_pretrained(order["model"], dtype=setting["weights"], **how)
    tokenizer = AutoTokenizer.from_pretrained(order["model"])
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    rows = [{"input_ids": r["ids"], "labels": [-100] * r["start"] + r["ids"][r["start"] :]} for r in order["rows"]]
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_arguments: Any, **_settings: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            ends.append(time.perf_counter())

    class SameRates(SFTTrainer):
        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:  # noqa: ARG002
            def factor(step: int) -> float:
                return float(factors[min(step, len(factors) - 1)])

            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, factor)
            return self.lr_scheduler

    with tempfile.TemporaryDirectory() as folder:
        config = SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=setting["rows"],
            gradient_accumulation_steps=order["rows_a_step"] // setting["rows"],
            num_train_epochs=1,
            learning_rate=order["lr"],
            bf16=setting["autocast"],
            padding_free=setting.get("padding_free", False),
            torch_compile=setting.get("compile", False),
            use_liger_kernel=setting.get("liger", False),
            train_sampling_strategy="sequential",
            shuffle_dataset=False,
            use_cpu=order["device"] == "cpu",
            gradient_checkpointing=setting.get("checkpointing", False),
            optim=setting.get("optim", "adamw_torch_fused"),
            max_length=None,
            report_to="none",
            save_strategy="no",
            logging_steps=1,
            disable_tqdm=True,
            seed=0,
        )
        lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
        trainer = SameRates(
            model=model,
            args=config,
            train_dataset=datasets.Dataset.from_list(rows),
            processing_class=tokenizer,
            peft_config=lora if order["method"] == "lora" else None,
            callbacks=[Clock()],
        )
        trainer.train()
        if "save" in order:
            trainer.save_model(order["save"])
    found: dict[str, Any] = {
        "ends": [end - ends[0] for end in ends],
        "losses": [entry["loss"] for entry in trainer.state.log_history if "loss" in entry],
        "versions": {name: importlib.metadata.version(name) for name in ("trl", "transformers", "peft", "torch")},
    }
    if order["device"] == "cuda":
        found["peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
    print(json.dumps(found))


if __name__ == "__main__":
    main()
