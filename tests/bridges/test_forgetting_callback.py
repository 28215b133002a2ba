"""Forgetting measured in the runs of a plain Trainer, and in TRL's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

import keeptune
from keeptune.errors import ConfigError, RunExists, StoreError
from keeptune.forgetting.training_looks import look_errors
from keeptune.records import ForgettingReport, Interval, from_plain
from tests.bridges.conftest import KNOWN, asked, written
from tests.tiny import save_llama


class Rows(torch.utils.data.Dataset):
    """Every thing is said to be black."""

    def __init__(self, tokenizer: Any) -> None:
        self.rows = [written(tokenizer, f"{colour} {thing}", "black") for thing in KNOWN for colour in ("red", "blue")]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> dict[str, list[int]]:
        return {"input_ids": self.rows[at]}


def trainer_of(start: Path, output: Path, callbacks: Sequence[TrainerCallback] = (), **given: Any) -> Trainer:
    """One that has forgotten the colours after a few steps."""
    torch.manual_seed(0)
    lora, how = given.pop("lora", False), given.pop("how", {})
    settings = {"max_steps": 8, "learning_rate": 0.02, "per_device_train_batch_size": 4, "save_strategy": "no"} | given
    tokenizer = AutoTokenizer.from_pretrained(start)
    model = AutoModelForCausalLM.from_pretrained(start, **how)
    if lora:
        model = get_peft_model(model, LoraConfig(r=4, lora_dropout=0.1, target_modules="all-linear"))
    rows = Rows(tokenizer)

    def padded(batch: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
        found = tokenizer.pad(batch, return_tensors="pt")
        return {**found, "labels": found["input_ids"].masked_fill(found["attention_mask"] == 0, -100)}

    args = TrainingArguments(
        str(output), use_cpu=True, report_to="none", disable_tqdm=True, logging_steps=1, remove_unused_columns=False,
        **settings,
    )  # fmt: skip
    return Trainer(
        model, args, train_dataset=rows, eval_dataset=rows, data_collator=padded, processing_class=tokenizer,
        callbacks=list(callbacks),
    )  # fmt: skip


def keep(colours: Path) -> str:
    return f"colours={colours}:exact_match"


def test_a_training_is_stopped_when_it_has_lost_what_was_to_be_kept(
    knowing: Path, colours: Path, tmp_path: Path
) -> None:
    callback = keeptune.ForgettingCallback(keep(colours), every=3, stop_when_lost=True)
    trainer = trainer_of(knowing, tmp_path / "out", [callback], max_steps=40, learning_rate=0.05)
    trainer.train()
    assert trainer.state.global_step in (3, 6, 9, 12)
    report = callback.report
    assert report is not None
    (ability,) = report.abilities
    assert (ability.verdict, report.gate, ability.source) == ("lost", "fail", "yours")
    assert ability.base is not None
    assert ability.base > 60
    assert isinstance(ability.drop, Interval)
    # 13 looks are planned before the last, and one of them has ended the training.
    assert ability.drop.level == pytest.approx(1 - 2 * look_errors(13).early)
    folder = tmp_path / "out" / "forgetting-1"
    assert report.path == str(folder)
    assert from_plain(ForgettingReport, json.loads((folder / "forgetting.json").read_text())) == report
    for name in ("report.html", "model_card.md", "abilities/colours/base.jsonl", "abilities/colours/tuned.jsonl"):
        assert (folder / name).stat().st_size > 0
    looks = [each for each in trainer.state.log_history if "forgetting/colours/change" in each]
    assert [each["step"] for each in looks][-2:] == [trainer.state.global_step] * 2
    assert looks[-1]["forgetting/colours/verdict"] == -1.0
    assert looks[-1]["forgetting/colours/change"] == -ability.drop.estimate
    assert looks[-1]["forgetting/colours/change_low"] <= looks[-1]["forgetting/colours/change"]


@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed")
@pytest.mark.parametrize(
    ("bits", "held"),
    [
        ({"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "nf4"),
        ({"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"}, "none"),
        ({"load_in_8bit": True}, "int8"),
    ],
)
def test_a_base_in_few_bits_is_told(
    bits: dict[str, Any], held: str, knowing: Path, colours: Path, tmp_path: Path
) -> None:
    callback = keeptune.ForgettingCallback(keep(colours))
    how = {"quantization_config": BitsAndBytesConfig(**bits)}
    trainer_of(knowing, tmp_path / "out", [callback], max_steps=1, lora=True, how=how).train()
    assert callback.report is not None
    assert [callback.report.config[each]["quantization"] for each in ("base", "tuned")] == [held] * 2
    card = (Path(callback.report.path) / "model_card.md").read_text(encoding="utf-8")
    assert (f", held in {held}" in card) == (held != "none")


class Heard(TrainerCallback):
    """A tracker."""

    def __init__(self) -> None:
        self.logs: list[dict[str, float]] = []
        self.closed = False

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        assert not self.closed
        self.logs.append(dict(logs))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        # Trainer logs its own summary before.
        self.closed = True


def test_the_trainer_logs_the_looks_beside_its_own_values(knowing: Path, colours: Path, tmp_path: Path) -> None:
    heard = Heard()
    trainer = trainer_of(
        knowing, tmp_path / "out", [heard], eval_strategy="steps", eval_steps=3, learning_rate=1e-9, max_steps=7
    )
    callback = keeptune.ForgettingCallback(f"{keep(colours)}:30", "evaluation", trainer=trainer, items=40)
    trainer.add_callback(callback)
    trainer.train()
    assert callback.report is not None
    assert callback.report.gate == "pass"
    assert [logs["forgetting/colours/verdict"] for logs in heard.logs if "forgetting/colours/verdict" in logs] == [
        1.0
    ] * 3
    assert len([logs for logs in heard.logs if "loss" in logs]) == 7
    assert len([logs for logs in heard.logs if "eval_loss" in logs]) == 3
    assert callback.report.abilities[0].items == 40


@pytest.mark.parametrize("way", ["full", "lora", "gradient_checkpointing", "bf16"])
def test_the_training_is_what_it_is_without(way: str, colours: Path, tmp_path: Path) -> None:
    """The same weights to the bit, on a model with dropout, and nothing left behind on the model."""
    start = save_llama(tmp_path / "start", dropout=0.1)
    given: dict[str, Any] = {"max_steps": 4, "learning_rate": 1e-3, "lora": way in ("lora", "gradient_checkpointing")}
    given |= {way: True} if way in ("gradient_checkpointing", "bf16") else {}
    plain = trainer_of(start, tmp_path / "plain", **given)
    plain.train()
    measured = trainer_of(start, tmp_path / "measured", [keeptune.ForgettingCallback(keep(colours), 1)], **given)
    measured.model.get_input_embeddings().eval()
    before = [module.training for module in measured.model.modules()]
    cached = measured.model.config.use_cache, measured.model.config._attn_implementation
    rng = torch.get_rng_state()
    measured.callback_handler.on_train_begin(measured.args, measured.state, measured.control)
    assert torch.equal(torch.get_rng_state(), rng)
    assert [module.training for module in measured.model.modules()] == before
    measured.train()
    for (name, expected), (_, found) in zip(
        plain.model.named_parameters(), measured.model.named_parameters(), strict=True
    ):
        assert torch.equal(expected, found), name
        assert expected.requires_grad == found.requires_grad
        assert expected.dtype == found.dtype
    assert cached == (measured.model.config.use_cache, measured.model.config._attn_implementation)
    hooks = [[len(module._forward_hooks) for module in t.model.modules()] for t in (plain, measured)]
    assert hooks[0] == hooks[1]
    losses = [[each["loss"] for each in t.state.log_history if "loss" in each] for t in (plain, measured)]
    assert losses[0] == losses[1]


def test_a_resumed_training_is_compared_with_the_model_from_which_it_began(
    knowing: Path, colours: Path, tmp_path: Path
) -> None:
    callback = keeptune.ForgettingCallback(keep(colours))
    saved: dict[str, Any] = {"save_strategy": "steps", "save_steps": 4, "learning_rate": 0.05}
    with pytest.raises(InterruptedError):
        trainer_of(knowing, tmp_path / "out", [callback, StopAt(4)], **saved).train()
    (folder,) = (tmp_path / "out").glob("forgetting-*")
    assert not (folder / "forgetting.json").exists()
    trainer_of(knowing, tmp_path / "out", [callback], **saved).train(resume_from_checkpoint=True)
    assert callback.report is not None
    assert callback.report.path == str(folder)
    assert callback.report.abilities[0].base is not None
    assert callback.report.abilities[0].base > 60
    assert callback.report.abilities[0].verdict == "lost"
    again = trainer_of(knowing, tmp_path / "out", [keeptune.ForgettingCallback(keep(colours))])
    with pytest.raises(StoreError, match="holds no answers from when it began"):
        again.train(resume_from_checkpoint=True)


def test_a_training_is_not_resumed_with_another_number_of_looks(knowing: Path, colours: Path, tmp_path: Path) -> None:
    callback = keeptune.ForgettingCallback(keep(colours), 2, items=6)
    saved: dict[str, Any] = {"save_strategy": "steps", "save_steps": 2}
    with pytest.raises(InterruptedError):
        trainer_of(knowing, tmp_path / "out", [callback, StopAt(2)], max_steps=4, **saved).train()
    longer = trainer_of(knowing, tmp_path / "out", [callback], max_steps=8, **saved)
    with pytest.raises(StoreError, match="looks before the last were 1, and are 3 now"):
        longer.train(resume_from_checkpoint=True)


def test_several_evaluation_sets_are_one_look(knowing: Path, colours: Path, tmp_path: Path) -> None:
    callback = keeptune.ForgettingCallback(keep(colours), "evaluation", items=6)
    trainer = trainer_of(
        knowing, tmp_path / "out", [callback], eval_strategy="steps", eval_steps=2, max_steps=4, learning_rate=1e-9
    )
    trainer.eval_dataset = {"a": trainer.eval_dataset, "b": trainer.eval_dataset}
    trainer.train()
    looks = [each["step"] for each in trainer.state.log_history if "forgetting/colours/verdict" in each]
    assert looks == [2, 4]
    trainer.state.global_step = 2
    trainer.evaluate()
    assert len([each for each in trainer.state.log_history if "forgetting/colours/verdict" in each]) == 2


class OutOfMemory(TrainerCallback):
    """Raises once, after the weights have changed."""

    def __init__(self) -> None:
        self.raised = False

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 6 and not self.raised:
            self.raised = True
            raise RuntimeError("CUDA out of memory.")


def test_a_smaller_batch_is_compared_with_the_first_base(knowing: Path, colours: Path, tmp_path: Path) -> None:
    callback, short = keeptune.ForgettingCallback(keep(colours)), OutOfMemory()
    trainer = trainer_of(knowing, tmp_path / "out", [callback, short], auto_find_batch_size=True, learning_rate=0.05)
    trainer.train()
    assert short.raised
    assert callback.report is not None
    assert callback.report.path == str(tmp_path / "out" / "forgetting-1")
    assert callback.report.abilities[0].base is not None
    assert callback.report.abilities[0].base > 60
    assert callback.report.abilities[0].verdict == "lost"


def test_a_last_look_that_fails_does_not_cost_the_weights(
    knowing: Path, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any) -> None:
        raise StoreError("the disk is full", "free space")

    monkeypatch.setattr("keeptune.bridges.measured_training.write_report", full)
    callback = keeptune.ForgettingCallback(keep(colours), "epoch", items=6)
    trainer = trainer_of(knowing, tmp_path / "out", [callback], max_steps=1)
    trainer.train()
    assert callback.report is None
    assert "the disk is full" in caplog.text
    trainer.evaluate()


class StopAt(TrainerCallback):
    """Raises once a checkpoint is saved."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            raise InterruptedError


def test_a_report_is_never_overwritten(knowing: Path, colours: Path, tmp_path: Path) -> None:
    for _ in range(2):
        trainer_of(
            knowing, tmp_path / "out", [keeptune.ForgettingCallback(keep(colours), items=6)], max_steps=1
        ).train()
    assert (tmp_path / "out" / "forgetting-2" / "forgetting.json").exists()
    named = keeptune.ForgettingCallback(keep(colours), output=tmp_path / "out" / "forgetting-2")
    with pytest.raises(RunExists):
        trainer_of(knowing, tmp_path / "out", [named]).train()


def test_several_processes_are_refused(colours: Path) -> None:
    callback = keeptune.ForgettingCallback(keep(colours))
    for args in (SimpleNamespace(world_size=2), SimpleNamespace(world_size=1, deepspeed="zero.json")):
        with pytest.raises(ConfigError, match="in one process"):
            callback.on_train_begin(args, SimpleNamespace(global_step=0), None)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "names no ability"),
        (["mmlu=lm-eval:mmlu"], "lm-evaluation-harness"),
        (["a=b.jsonl", "A=c.jsonl"], "twice"),
        ("ner=x.jsonl:entity_fl", "entity_fl"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(given: list[str] | str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        keeptune.ForgettingCallback(given)


SCRIPT = """
import sys
from datasets import Dataset
from trl import SFTConfig, SFTTrainer
import keeptune

model, items, rows = sys.argv[1:]
trainer = SFTTrainer(
    model=model,
    args=SFTConfig("out", max_steps=12, learning_rate=0.05, per_device_train_batch_size=4, logging_steps=1,
                   save_strategy="no", report_to="none", use_cpu=True, bf16=False),
    train_dataset=Dataset.from_json(rows),
    callbacks=[keeptune.ForgettingCallback(f"colours={items}:exact_match", every="4 steps", stop_when_lost=True)],
)
trainer.train()
logged = {key for each in trainer.state.log_history for key in each}
assert {"mean_token_accuracy", "forgetting/colours/change"} <= logged, logged
"""


def test_trl(knowing: Path, colours: Path, tmp_path: Path) -> None:
    pytest.importorskip("trl")
    import subprocess
    import sys

    (tmp_path / "sft.py").write_text(SCRIPT)
    rows = [asked(thing, "black") | {"prompt": f"{colour} {thing}"} for thing in KNOWN for colour in ("red", "blue")]
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({key: row[key] for key in ("prompt", "completion")}) + "\n" for row in rows)
    )
    command = [sys.executable, "sft.py", str(knowing), str(colours), "rows.jsonl"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "forgetting-1" / "forgetting.json").read_text())
    assert report["gate"] == "fail"
