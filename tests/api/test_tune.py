"""A whole run of a tiny model: what it leaves, what it told, and what it never touches."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from keeptune.api.tune import tune
from keeptune.config import (
    DataConfig,
    EvaluationConfig,
    Keep,
    MeasureConfig,
    MitigationConfig,
    TuneConfig,
)
from keeptune.data.task_rows import load_rows
from keeptune.errors import ConfigError, CorruptCheckpoint, RunExists, RunLocked, StoreError
from keeptune.events import (
    EvaluationDone,
    EvaluationStarted,
    Notice,
    RunFinished,
    StepDone,
    TrainingStarted,
    ValidationDone,
    silent,
)
from keeptune.forgetting.compare import compare
from keeptune.inference.answers import corpus_scores
from keeptune.models.load import load_model
from keeptune.records import EvalRecord, TuneResult, from_plain
from keeptune.scoring.table import get_metric
from keeptune.training import prepare, validation
from keeptune.training.defaults import default_epochs, default_lr
from keeptune.training.resume import _training_hash
from tests.api.runs import Ran, Told, settings, write_rows


def samples(run: Path, name: str) -> list[EvalRecord]:
    lines = (run / "samples" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [from_plain(EvalRecord, json.loads(line)) for line in lines]


def test_the_folder_holds_the_result_and_nothing_left_over(run: Ran) -> None:
    left = {entry.name for entry in run.path.iterdir()} - {".lock"}
    assert left == {
        *("result.json", "config.json", "rows.json", "training.json", "trained_on.txt", "samples", "adapter")
    }
    assert {"base.jsonl", "tuned.jsonl"} <= {entry.name for entry in (run.path / "samples").iterdir()}


def test_result_json_is_the_result(run: Ran) -> None:
    plain = json.loads((run.path / "result.json").read_text(encoding="utf-8"))
    assert from_plain(TuneResult, plain) == run.result
    assert plain["schema_version"] == 1
    assert run.result.training.steps == 24
    assert run.result.training.validation_examples > 0
    assert run.result.training.examples + run.result.training.validation_examples == 36
    assert run.result.config["training"]["lr"] == 0.03
    assert run.result.manifest.device == "cpu"
    assert len(run.result.samples) == 5
    assert run.told.of(RunFinished)[0].path == str(run.path)


def test_something_was_learned(run: Ran) -> None:
    losses = [loss for _, loss in run.result.training.loss_curve]
    assert losses[-1] < losses[0] - 0.1
    scores = run.result.scores
    assert scores["tuned"]["token_loss"] < scores["base"]["token_loss"]


def test_the_scores_come_again_from_the_samples_alone(run: Ran) -> None:
    metrics = [get_metric("rouge1"), get_metric("token_loss")]
    for name, scores in run.result.scores.items():
        records = samples(run.path, name)
        assert len(records) == 12
        assert corpus_scores(records, metrics) == dict(scores)
    base, tuned = samples(run.path, "base"), samples(run.path, "tuned")
    assert [compare(base, tuned, metric) for metric in metrics] == [
        dataclasses.replace(found, trained_on=None) for found in run.result.comparisons[:2]
    ]


def test_the_adapter_loads_in_plain_peft(run: Ran) -> None:
    plain = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(run.model, dtype=torch.float32), str(run.path / "adapter")
    )
    ids = torch.tensor([[40, 50, 60]])
    with torch.no_grad():
        ours = load_model(dataclasses.replace(run.config.model, name=str(run.path / "adapter"))).model(ids).logits
        base = load_model(run.config.model).model(ids).logits
        assert torch.equal(plain.eval()(ids).logits, ours)
    assert (ours - base).abs().max() > 0.01


def test_the_base_is_asked_once(run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPTUNE_CACHE", str(run.folder / "cache"))
    assert [(e.name, e.cached) for e in run.told.of(EvaluationDone)] == [("base", False), ("tuned", False)]
    told = Told()
    again = tune(dataclasses.replace(run.config, output=str(run.folder / "again")), told)
    assert [(e.name, e.cached) for e in told.of(EvaluationDone)] == [("base", True), ("tuned", False)]
    assert again.scores == run.result.scores
    assert again.training.loss_curve == run.result.training.loss_curve
    assert samples(Path(again.path), "base") == samples(run.path, "base")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("resume", [False, True])
def test_a_finished_result_is_never_overwritten(run: Ran, resume: bool) -> None:
    before = contents(run.path)
    with pytest.raises(RunExists, match="finished result"):
        tune(dataclasses.replace(run.config, resume=resume))
    assert contents(run.path) == before


def test_a_run_of_another_process_is_left_alone(run: Ran, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".lock"), pytest.raises(RunLocked):
        tune(dataclasses.replace(run.config, output=str(tmp_path)))
    assert set(contents(tmp_path)) <= {".lock"}


@pytest.fixture
def stopped(run: Ran, tmp_path: Path) -> TuneConfig:
    """A run that broke off after its twelfth step, with a checkpoint after each."""
    write_rows(tmp_path)
    config = settings(run.model, tmp_path, "run", checkpoint_minutes=0.0)
    told = Told(stop_at=lambda event: isinstance(event, StepDone) and event.step == 12)
    with pytest.raises(InterruptedError):
        tune(config, told)
    assert not (tmp_path / "run" / "result.json").exists()
    return config


def test_a_stopped_run_is_resumed_to_the_same_end(run: Ran, stopped: TuneConfig) -> None:
    with pytest.raises(RunExists, match="unfinished run"):
        tune(stopped)
    told = Told()
    result = tune(dataclasses.replace(stopped, resume=True), told)
    assert told.of(TrainingStarted)[0].first_step == 11
    assert result.training.loss_curve == run.result.training.loss_curve
    assert result.training.validation_curve == run.result.training.validation_curve
    assert result.scores == run.result.scores


def test_what_is_left_out_on_resuming_is_as_it_was(stopped: TuneConfig, tmp_path: Path) -> None:
    """Also before the first checkpoint, where nothing but the settings is there."""
    for checkpoint in Path(stopped.output).glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    result = tune(changed(stopped, "training", lr=None))
    assert (result.training.lr, result.config["training"]["lr"]) == (0.03, 0.03)


def test_a_folder_of_another_verb_is_not_resumed(stopped: TuneConfig) -> None:
    (Path(stopped.output) / "config.json").write_text(json.dumps({"type": "MeasureRun", "base": "a"}))
    with pytest.raises(StoreError, match="are not those of a training"):
        tune(dataclasses.replace(stopped, resume=True))


@pytest.mark.parametrize(
    ("name", "verb"), [("mitigation_search.json", "rescue"), ("candidates", "rescue"), ("trials", "curve")]
)
def test_a_training_is_not_put_into_the_folder_of_another_verb(stopped: TuneConfig, name: str, verb: str) -> None:
    (Path(stopped.output) / name).mkdir()
    with pytest.raises(StoreError, match=f"{verb}, not a training"):
        tune(dataclasses.replace(stopped, resume=True))


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        (MeasureConfig(abilities=("fcts",)), "did you mean facts"),
        (MeasureConfig(keep=(Keep("colours", "kept.jsonl", "rouge1", 150.0),)), "the margin of colours is 150"),
        (MeasureConfig(keep=(Keep("mine", "lm-eval:no_such_task"),)), "no task 'no_such_task'"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_the_training(
    run: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measure: MeasureConfig, said: str
) -> None:
    write_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    if "lm-eval" in str(measure):
        pytest.importorskip("lm_eval")
    told = Told()
    with pytest.raises(ConfigError, match=said):
        tune(dataclasses.replace(run.config, measure=measure, output=str(tmp_path / "out")), told)
    assert told.of(TrainingStarted) == []


def test_the_embedded_task_has_as_many_rows_in_every_draw() -> None:
    data = DataConfig(train="stdlib", limit_test=10, draw=1, system="Be brief.")
    rows = load_rows(TuneConfig(data=data), silent)
    assert len(rows.train) + len(rows.validation) == 500
    assert rows.train[0].prompt[0].content.startswith("Be brief.")
    with pytest.raises(ConfigError, match="has test rows of its own"):
        load_rows(TuneConfig(data=dataclasses.replace(data, test="mine.jsonl")), silent)


def test_what_an_earlier_start_has_said_of_its_training_is_in_the_result(
    tiny: Callable[..., Path], tmp_path: Path
) -> None:
    write_rows(tmp_path)
    config = settings(tiny("llama"), tmp_path, "run")
    replayed = MitigationConfig(replay=(str(tmp_path / "kept.jsonl"),), replay_fraction=0.2)
    config = dataclasses.replace(config, mitigation=replayed)
    with pytest.raises(InterruptedError):
        tune(config, Told(stop_at=lambda event: isinstance(event, EvaluationStarted)))
    told = Told()
    result = tune(dataclasses.replace(config, resume=True), told)
    assert not any("replayed rows" in each.message for each in told.of(Notice)), "they are not made again"
    assert sum("replayed rows" in notice for notice in result.notices) == 1
    assert not (tmp_path / "run" / "notices.json").exists()


def test_the_hash_of_a_slice_does_not_depend_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    paths = ("train.jsonl", str(tmp_path / "train.jsonl"))
    found = [load_rows(TuneConfig(data=DataConfig(train=path)), silent) for path in paths]
    assert found[0].test_hash == found[1].test_hash
    assert found[0].hashes() == found[1].hashes()


def changed(config: TuneConfig, section: str, **values: Any) -> TuneConfig:
    part = dataclasses.replace(getattr(config, section), **values)
    return dataclasses.replace(config, resume=True, **{section: part})


def test_a_stopped_run_is_not_resumed_as_another(stopped: TuneConfig) -> None:
    before = contents(Path(stopped.output))
    with pytest.raises(StoreError, match=r"training\.lr was 0\.03 and is now 0\.01"):
        tune(changed(stopped, "training", lr=0.01))
    with pytest.raises(StoreError, match=r"method\.rank was 4 and is now 8"):
        tune(changed(stopped, "method", rank=8))
    rows = Path(str(stopped.data.train))
    kept = rows.read_text()
    rows.write_text(kept.replace("the river is", "a river was"))
    with pytest.raises(StoreError, match="was started with other train"):
        tune(dataclasses.replace(stopped, resume=True))
    rows.write_text(kept)
    origin = Path(stopped.output) / "rows.json"
    said = origin.read_text()
    origin.unlink()
    with pytest.raises(StoreError, match=r"rows\.json, which records .* is missing"):
        tune(dataclasses.replace(stopped, resume=True))
    origin.write_text(said)
    assert contents(Path(stopped.output)) == before
    # What only says how long a run may take, or how it is computed, can change.
    result = tune(changed(stopped, "training", max_minutes=60.0, torch_compile=None))
    assert result.training.steps == 24
    assert result.config["training"]["max_minutes"] == 60.0, "the limit that it ended with"


def test_what_is_asked_may_be_another_when_a_run_goes_on(stopped: TuneConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights do not hang on it: another room and metric, fewer test rows, the same device by another name, and
    the same rows by another path."""
    monkeypatch.chdir(Path(stopped.output).parent)
    again = dataclasses.replace(
        stopped,
        model=dataclasses.replace(stopped.model, device="auto" if not torch.cuda.is_available() else "cpu"),
        data=dataclasses.replace(stopped.data, train="train.jsonl", test="../" + str(Path.cwd().name) + "/test.jsonl"),
        evaluation=EvaluationConfig(max_new_tokens=4, metrics=("rouge1",), few_shot=1),
        output="run",
        resume=True,
    )
    again = dataclasses.replace(again, data=dataclasses.replace(again.data, limit_test=3))
    told = Told()
    result = tune(again, told)
    assert told.of(TrainingStarted)[0].first_step == 11
    assert [len(result.scores["few-shot-1"]), result.config["evaluation"]["max_new_tokens"]] == [1, 4]
    assert result.config["data"]["limit_test"] == 3
    assert result.config["data"]["train"] == stopped.data.train


def test_what_chooses_the_checkpoint_may_not(run: Ran, tmp_path: Path) -> None:
    write_rows(tmp_path)
    config = settings(run.model, tmp_path, "run", checkpoint_minutes=0.0, select_by="metric")
    with pytest.raises(InterruptedError):
        tune(config, Told(stop_at=lambda event: isinstance(event, StepDone) and event.step == 3))
    again = dataclasses.replace(config, evaluation=EvaluationConfig(max_new_tokens=8, metrics=("chrf",)), resume=True)
    with pytest.raises(StoreError, match=r"evaluation\.metrics"):
        tune(again)


def test_other_weights_of_the_same_name_are_refused(stopped: TuneConfig, tmp_path: Path) -> None:
    shutil.copytree(stopped.model.name, tmp_path / "copy")
    again = dataclasses.replace(stopped, model=dataclasses.replace(stopped.model, name=str(tmp_path / "copy")))
    (tmp_path / "copy" / "generation_config.json").write_text('{"max_length": 7}')
    with pytest.raises(StoreError, match="other weights"):
        tune(dataclasses.replace(again, resume=True))


def test_settings_left_open_resume_as_they_were_filled_in(run: Ran, tmp_path: Path) -> None:
    write_rows(tmp_path)
    config = settings(run.model, tmp_path, "run", lr=None, epochs=None)
    told = Told(stop_at=lambda event: isinstance(event, StepDone) and event.step == 12)
    with pytest.raises(InterruptedError):
        tune(config, told)
    result = tune(dataclasses.replace(config, resume=True))
    assert result.config["training"]["lr"] == default_lr(
        config.method, result.training.total_parameters - result.training.trainable_parameters
    )
    assert result.config["training"]["epochs"] == result.training.epochs == default_epochs(32)


def test_a_failure_leaves_the_results_beside_it(run: Ran, stopped: TuneConfig) -> None:
    before = contents(run.path)
    for checkpoint in Path(stopped.output).glob("checkpoint-*"):
        (checkpoint / "weights.safetensors").write_bytes(b"")
    with pytest.raises(CorruptCheckpoint, match="no checkpoint under"):
        tune(dataclasses.replace(stopped, resume=True))
    assert contents(run.path) == before


def test_the_metric_selects(run: Ran, tmp_path: Path) -> None:
    write_rows(tmp_path)
    told = Told()
    result = tune(settings(run.model, tmp_path, "run", select_by="metric", validations_per_epoch=2), told)
    seen = [event for event in told.of(ValidationDone) if event.step > 0]
    assert all({"loss", "rouge1"} <= set(event.metrics) for event in seen)
    best = max(event.metrics["rouge1"] for event in seen)
    assert result.training.best_step == next(e.step for e in seen if e.metrics["rouge1"] == best)


def test_a_metric_without_a_score_selects_nothing(run: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lower loss does, and any score is better than none."""
    write_rows(tmp_path)
    found = iter([{}, {"rouge1": 1.0}, {}, {}, {}])
    monkeypatch.setattr(validation, "corpus_scores", lambda *_: next(found))
    config = settings(run.model, tmp_path, "run", epochs=2.0, select_by="metric", validations_per_epoch=2)
    told = Told()
    state = tune(config, told).training
    seen = told.of(ValidationDone)
    assert state.best_step == next(event.step for event in seen if "rouge1" in event.metrics)


@pytest.mark.parametrize("own_test", [True, False], ids=["test file", "slice of train"])
def test_test_rows_are_unread_until_the_final_score(
    run: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_test: bool
) -> None:
    write_rows(tmp_path)
    config = settings(run.model, tmp_path, "run", epochs=1.0, select_by="metric")
    if not own_test:
        config = dataclasses.replace(config, data=dataclasses.replace(config.data, test=None))
    rows = load_rows(config, silent)
    roles = [{example.id for example in part} for part in (rows.train, rows.validation, rows.test)]
    assert all(roles)
    assert not roles[0] & roles[1]
    assert not (roles[0] | roles[1]) & roles[2]
    used: set[str] = set()

    def watch(module: Any, name: str, ids: Any) -> None:
        real = getattr(module, name)

        def watched(*arguments: Any, **more: Any) -> Any:
            used.update(ids(arguments))
            return real(*arguments, **more)

        monkeypatch.setattr(module, name, watched)

    def of_rows(arguments: Sequence[Any]) -> set[str]:
        return {row.item_id for row in arguments[1]}

    def of_source(arguments: Sequence[Any]) -> set[str]:
        return {row.item_id for batch in arguments[1].sample() for row in batch}

    watch(validation, "mean_loss", of_rows)
    watch(prepare, "Loop", of_source)
    watch(validation, "answer_items", lambda arguments: {example.id for example in arguments[2]})
    result = tune(config)
    assert used == roles[0] | roles[1]
    assert {record.item_id for record in samples(Path(result.path), "tuned")} == roles[2]


def test_weights_held_to_another_reference_of_the_same_name_are_others(run: Ran, tmp_path: Path) -> None:
    write_rows(tmp_path)
    reference = shutil.copytree(run.model, tmp_path / "reference")
    config = settings(run.model, tmp_path, "run")
    held = dataclasses.replace(config, mitigation=MitigationConfig(kl=0.1, kl_on="task", reference=str(reference)))
    before, without = _training_hash(held), _training_hash(config)
    weights = reference / "model.safetensors"
    tensors = load_file(weights)
    save_file({name: tensor + 0.01 for name, tensor in tensors.items()}, weights, {"format": "pt"})
    assert _training_hash(held) != before
    assert _training_hash(config) == without
