"""TRL, run here: `python benchmarks/peers/try_trl.py` in an environment with `trl` and a CPU build of torch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import tiny_models
from record import Tried


def config(folder: Path, **settings: Any) -> Any:
    from trl import SFTConfig

    quiet = {"use_cpu": True, "bf16": False, "report_to": "none", "disable_tqdm": True, "max_length": 256}
    sizes = {"per_device_train_batch_size": 4, "gradient_checkpointing": False, "logging_steps": 1}
    return SFTConfig(output_dir=str(folder), **{**quiet, **sizes, **settings})


def main() -> None:
    import peft
    from datasets import load_dataset
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer
    from trl import SFTTrainer

    tried = Tried("TRL", "trl")
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        model = tiny_models.llama(work / "base")
        csv = tiny_models.rows(work / "rows.csv")
        data = load_dataset("csv", data_files=csv, split="train")

        def trained(steps: int, folder: str, **more: Any) -> Any:
            settings = {"max_steps": steps, "save_steps": 1, "seed": 0, "lr_scheduler_type": "constant"}
            return SFTTrainer(model=model, args=config(work / folder, **settings), train_dataset=data, **more)

        dora = peft.LoraConfig(r=2, use_dora=True, target_modules="all-linear")
        trainer = trained(1, "dora", peft_config=dora)
        labels = next(iter(trainer.get_train_dataloader()))["labels"]
        trainer.train()
        loss = trainer.state.log_history[0]["loss"]
        share = f"{(labels != -100).sum()} of {labels.numel()} tokens have a label; loss {loss:.3f}"
        tried.saw("training", "yes", "SFTTrainer(peft_config=LoraConfig(use_dora=True)).train(), one step", share)
        tried.saw(
            "rows", "yes", "SFTTrainer on a CSV file read by datasets", f"columns {data.column_names} are trained"
        )

        whole = trained(2, "whole")
        whole.train()
        first = trained(1, "resumed")
        first.train()
        second = trained(2, "resumed")
        second.train(resume_from_checkpoint=True)
        apart = max(
            (one - other).abs().max().item()
            for one, other in zip(whole.model.parameters(), second.model.parameters(), strict=True)
        )
        tried.saw(
            "resume",
            "yes" if apart == 0 else "partly",
            "train(resume_from_checkpoint=True) after step 1 of 2",
            f"largest difference of a weight from the run without a stop: {apart:.1e}",
        )

        try:
            t5 = tiny_models.t5(work / "t5")
            trainer = SFTTrainer(
                model=AutoModelForSeq2SeqLM.from_pretrained(t5),
                processing_class=AutoTokenizer.from_pretrained(t5),
                args=config(work / "t5-run", max_steps=1),
                train_dataset=data,
            )
            trainer.train()
            tried.saw("t5", "yes", "SFTTrainer(model=T5ForConditionalGeneration).train()", "one step was trained")
        except (ValueError, TypeError, RuntimeError, KeyError) as error:
            tried.saw(
                "t5", "no", "SFTTrainer(model=T5ForConditionalGeneration).train()", f"{type(error).__name__}: {error}"
            )
    tried.keep()


if __name__ == "__main__":
    main()
