"""What cannot work is refused in the first seconds, by every verb, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.check import check
from keeptune.api.compare import compare
from keeptune.api.curve import curve
from keeptune.api.evaluate import evaluate
from keeptune.api.measure import measure
from keeptune.api.predict import predict
from keeptune.api.rescue import rescue
from keeptune.api.tune import tune
from keeptune.cli.main import main
from keeptune.config import (
    Adapter,
    EvaluationConfig,
    Keep,
    MeasureConfig,
    MeasureRun,
    MitigationSearchConfig,
    ModelConfig,
    TrainingConfig,
    TuneConfig,
)
from keeptune.errors import ConfigError, KeeptuneError
from keeptune.events import DataLoaded, ModelLoaded, TrainingStarted
from tests.api.runs import Told, settings, write_rows


@pytest.fixture
def config(tmp_path: Path, tiny: Callable[..., Path]) -> TuneConfig:
    write_rows(tmp_path)
    return settings(tiny("llama"), tmp_path, "runs/mine", epochs=0.3)


def asked(config: TuneConfig, **changes: Any) -> TuneConfig:
    return replace(config, evaluation=replace(config.evaluation, **changes))


def kept(config: TuneConfig, *keeps: Keep, **changes: Any) -> TuneConfig:
    return replace(config, measure=MeasureConfig(keep=keeps, abilities=("none",), **changes))


def placed(config: TuneConfig, **changes: Any) -> TuneConfig:
    return replace(config, model=replace(config.model, **changes))


CANNOT_WORK: dict[str, Callable[[TuneConfig], TuneConfig]] = {
    "answers that fill the model": lambda c: asked(c, max_new_tokens=512),
    "answers that fill what a soft prompt leaves": lambda c: replace(
        asked(c, max_new_tokens=500), method=Adapter("prompt", rank=20)
    ),
    "an unknown metric": lambda c: asked(c, metrics=("rouge",)),
    "a metric file that is not there": lambda c: asked(c, metrics=("mine.py:score",)),
    "a metric file of an ability that is not there": lambda c: kept(c, Keep("facts", metric="mine.py:score")),
    "an ability with a typo": lambda c: kept(c, Keep("fatcs")),
    "an ability beside with a typo": lambda c: replace(c, measure=MeasureConfig(abilities=("fatcs",))),
    "items that are not there": lambda c: kept(c, Keep("ner", "entities.jsonl")),
    "a run that is not there": lambda c: kept(c, Keep("before", "run:gone")),
    "a margin of all points": lambda c: kept(c, Keep("facts", margin=100)),
    "a margin below none": lambda c: kept(c, Keep("facts", margin=-1)),
    "an over-long name": lambda c: kept(c, Keep("a" * 300, "kept.jsonl")),
    "one ability twice": lambda c: kept(c, Keep("facts"), Keep("facts")),
    "a wrong type": lambda c: replace(c, training=replace(c.training, lr="fast")),
    "out of range": lambda c: replace(c, training=TrainingConfig(batch_size=0)),
    "an unknown choice": lambda c: replace(c, training=TrainingConfig(select_by="best")),
    "a device that is not here": lambda c: placed(c, device="mps"),
    "a dtype that is not for it": lambda c: placed(c, dtype="float16"),
    "an engine without its package": lambda c: placed(c, engine="vllm"),
    "nothing to search by": lambda c: replace(c, mitigation_search=MitigationSearchConfig(auto=True)),
}


@pytest.mark.parametrize("what", CANNOT_WORK)
def test_what_cannot_work_is_refused_before_a_row_is_read(
    config: TuneConfig, tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "vllm" else object())
    told = Told()
    with pytest.raises(KeeptuneError) as raised:
        tune(CANNOT_WORK[what](config), told)
    assert raised.value.fix
    assert not told.of(DataLoaded)
    assert not (tmp_path / "runs").exists()
    refused = check(CANNOT_WORK[what](config))
    assert not refused.ok
    assert raised.value.message in refused.refusal


def test_a_rank_beyond_the_width_is_refused_before_the_first_step(config: TuneConfig, tmp_path: Path) -> None:
    """PiSSA takes that many directions out of the weights, which have fewer: it could not be loaded again."""
    told = Told()
    with pytest.raises(ConfigError, match="rank 64") as raised:
        tune(replace(config, method=Adapter("pissa", rank=64)), told)
    assert "--rank 16" in raised.value.fix
    assert not told.of(TrainingStarted)
    assert not (tmp_path / "runs").exists()


def test_the_room_that_the_fix_names_is_room(config: TuneConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        tune(asked(config, max_new_tokens=511 + 1))
    room = int(raised.value.fix.rpartition(" ")[2])
    assert tune(asked(config, max_new_tokens=room)).path


VERBS: dict[str, Callable[[TuneConfig, Told], Any]] = {
    "rescue": lambda c, told: rescue(kept(c, Keep("other", str(c.data.test))), c.model, told),
    "curve": lambda c, told: curve(c, [8, 16], 1, told),
    "compare": lambda c, told: compare(c, ["lora", "full"], [0], told),
    "measure": lambda c, told: measure(MeasureRun(c.model, c.model, c.data, c.evaluation, output=c.output), told),
    "eval": lambda c, told: evaluate(c.model, c.data, c.evaluation, c.output, told),
    "predict": lambda c, told: predict(c.model, c.data, c.evaluation, f"{c.output}.jsonl", told),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_looks_first_and_leaves_nothing(config: TuneConfig, tmp_path: Path, verb: str) -> None:
    told = Told()
    with pytest.raises(ConfigError, match="512"):
        VERBS[verb](asked(config, max_new_tokens=512), told)
    assert not told.of(DataLoaded)
    assert not told.of(ModelLoaded)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_a_number_as_text(config: TuneConfig, tmp_path: Path, verb: str) -> None:
    with pytest.raises(ConfigError, match=r"data\.limit_test is '5'"):
        VERBS[verb](replace(config, data=replace(config.data, limit_test="5")), Told())
    assert not (tmp_path / "runs").exists()


def test_rows_that_cannot_be_used_leave_no_folder(config: TuneConfig, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("{}\n")
    with pytest.raises(KeeptuneError):
        tune(config)
    assert not (tmp_path / "runs").exists()


def test_an_empty_folder_of_the_users_stays(config: TuneConfig, tmp_path: Path) -> None:
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    with pytest.raises(ConfigError):
        tune(asked(config, max_new_tokens=512))
    assert list((tmp_path / "runs").rglob("*")) == [tmp_path / "runs" / "mine"]


def test_an_output_that_cannot_be_written_is_refused_first(config: TuneConfig, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told = Told()
    with pytest.raises(KeeptuneError, match="cannot be made"):
        tune(replace(config, output=str(tmp_path / "file" / "run")), told)
    assert not told.events


def test_a_measure_that_was_broken_off_begins_anew_in_its_folder(
    config: TuneConfig, tmp_path: Path, tiny: Callable[..., Path]
) -> None:
    run = MeasureRun(
        config.model,
        ModelConfig(str(tiny("plain-llama")), device="cpu", dtype="float32"),
        evaluation=EvaluationConfig(max_new_tokens=4),
        measure=MeasureConfig(keep=(Keep("other", str(tmp_path / "kept.jsonl"), "rouge1"),), abilities=("none",)),
        output=str(tmp_path / "measured"),
    )
    with pytest.raises(InterruptedError):
        measure(run, Told(stop_at=lambda event: isinstance(event, ModelLoaded)))
    assert not (tmp_path / "measured").exists()
    assert measure(run).gate


def test_check_takes_the_flags_of_tune(
    config: TuneConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--train", "train.jsonl", "--test", "test.jsonl", "--model", config.model.name, "--device", "cpu"]
    assert main(["check", *words, "--keep", "other=kept.jsonl:rouge1:3", "--method", "full"]) == 0
    assert "A run can start" in capsys.readouterr().out
    assert main(["check", *words, "--method", "prompt", "--freeze", "0.5"]) == 2
    assert "--freeze" in capsys.readouterr().out
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    assert main(["check", *words, "--output", "full"]) == 2
    assert "not empty" in capsys.readouterr().out
