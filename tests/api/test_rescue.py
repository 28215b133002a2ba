"""A model that lost what must be kept is rescued, whoever made it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from keeptune.api.rescue import rescue
from keeptune.api.tune import tune
from keeptune.cli.main import main
from keeptune.config import (
    Adapter,
    DataConfig,
    EvaluationConfig,
    Full,
    Keep,
    MeasureConfig,
    MitigationConfig,
    MitigationSearchConfig,
    ModelConfig,
    TrainingConfig,
    TuneConfig,
)
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import load_rows
from keeptune.errors import ConfigError, DataError, StoreError
from keeptune.events import CandidateDone, TrainingStarted, silent
from keeptune.experiments.rescue import Repairer, _repairing
from keeptune.exports.save import save_tuned
from keeptune.inference.encoding import NEW_TOKENS, make_encoder
from keeptune.mitigation.spec import parse
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import load_model
from keeptune.records import ForgettingReport
from keeptune.training.session import Session
from keeptune.workspace.lineage import of_run
from keeptune.workspace.workspace import Workspace
from tests.api.conftest import NUMBERS
from tests.api.runs import CPU, Told, settings
from tests.experiments.colours import plant

pytestmark = pytest.mark.usefixtures("able_bases")


@pytest.fixture(scope="module")
def counting(coloured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was tuned on the numbers alone, outside of any run's folder."""
    folder = tmp_path_factory.mktemp("counting")
    config = settings(coloured / "first" / "model", coloured, str(folder / "run"), epochs=30.0, lr=0.01, batch_size=8)
    tune(replace(config, method=Full(), data=DataConfig(train=str(coloured / "numbers.jsonl"))))
    shutil.copytree(folder / "run" / "model", folder / "model")
    return folder / "model"


def wanted(coloured: Path, output: Path, margin: float = 95.0, **more: Any) -> TuneConfig:
    """Keep the colours."""
    keep = Keep("colours", str(coloured / "kept.jsonl"), "rouge1", margin)
    return replace(
        TuneConfig(
            model=ModelConfig(name=str(coloured / "first" / "model"), **CPU),
            data=DataConfig(train=str(coloured / "numbers.jsonl"), validation_fraction=0.25),
            evaluation=EvaluationConfig(max_new_tokens=24, metrics=("rouge1",)),
            measure=MeasureConfig(keep=(keep,), abilities=("none",), extent="quick"),
            output=str(output),
        ),
        **more,
    )


def chosen(report: ForgettingReport) -> str:
    assert report.mitigation_search is not None
    return report.mitigation_search.chosen


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def tuned(path: Path) -> ModelConfig:
    return ModelConfig(name=str(path), **CPU)


def test_a_repair_on_old_rows_brings_it_back(
    coloured: Path, counting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, {"plain": (50.0, 0.95), "replay=0.5+kl=0.5": (40.0, 0.0)})
    config = wanted(
        coloured,
        tmp_path / "rescued",
        mitigation=MitigationConfig(replay=(str(coloured / "old.jsonl"),)),
        mitigation_search=MitigationSearchConfig(candidates=("interpolation=0.75", "replay=0.5+kl=0.5"), min_gain=0.5),
        training=settings(counting, coloured, "", epochs=30.0, lr=0.01, batch_size=8).training,
    )
    told = Told()
    report = rescue(config, tuned(counting), told)
    assert str(parse(chosen(report)).training) == "replay=0.5+kl=0.5"
    assert report.task is not None
    assert report.task.after > report.task.before
    assert len(told.of(TrainingStarted)) == 1
    assert report.tuned_name == str(tmp_path / "rescued" / "model")
    assert not (tmp_path / "rescued" / "candidates").exists()


def test_the_interpolation_alone_is_tried_without_train_rows(coloured: Path, counting: Path, tmp_path: Path) -> None:
    data = DataConfig(test=str(coloured / "numbers.jsonl"))
    config = wanted(
        coloured,
        tmp_path / "rescued",
        margin=0.5,
        data=data,
        mitigation_search=MitigationSearchConfig(candidates=("interpolation=0",)),
    )
    told = Told()
    report = rescue(config, tuned(counting), told)
    assert chosen(report) == "interpolation=0"
    assert not told.of(TrainingStarted)
    base = weights(coloured / "first" / "model")
    assert all(torch.equal(value, base[name]) for name, value in weights(tmp_path / "rescued" / "model").items())


def test_a_model_that_keeps_all_is_left_as_it_is(coloured: Path, tmp_path: Path) -> None:
    report = rescue(wanted(coloured, tmp_path / "rescued"), tuned(coloured / "first" / "model"))
    assert chosen(report) == "plain"
    assert not (tmp_path / "rescued" / "model").exists()


def test_an_adapter_that_keeps_all_leaves_no_weights(coloured: Path, tmp_path: Path) -> None:
    loaded = load_model(ModelConfig(name=str(coloured / "first" / "model"), **CPU), train_weights=True)
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    adapter, run = save_tuned(loaded, Workspace(tmp_path)), tmp_path / "rescued"
    report = rescue(wanted(coloured, run, 10.0, data=DataConfig(test=str(coloured / "sizes.jsonl"))), tuned(adapter))
    assert (chosen(report), report.tuned_name) == ("plain", str(adapter))
    assert not list(run.rglob("*.safetensors"))
    # The run still stands for the model that it left as it was.
    assert of_run(tuned(run)) == tuned(adapter)


def test_answers_have_their_room_in_a_search_without_train_rows(
    coloured: Path, counting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    data = DataConfig(test=str(coloured / "numbers.jsonl"))
    config = wanted(coloured, tmp_path / "rescued", data=data, evaluation=EvaluationConfig(metrics=("rouge1",)))
    with pytest.raises(InterruptedError):
        rescue(config, tuned(counting), Told(stop_at=lambda event: isinstance(event, CandidateDone)))
    answers = [
        json.loads(line)
        for file in (tmp_path / "cache").rglob("scores/**/*.jsonl")
        for line in file.read_text().splitlines()[1:]
    ]
    with pytest.raises(StoreError, match="was started with the model"):
        rescue(replace(config, resume=True), tuned(coloured / "first" / "model"))
    of_task = [answer for answer in answers if answer["item_id"].split()[0] in NUMBERS]
    assert max(answer["output_tokens"] for answer in of_task) > NEW_TOKENS[0]


def test_it_goes_on_with_the_base_it_was_started_with(coloured: Path, counting: Path, tmp_path: Path) -> None:
    data = DataConfig(test=str(coloured / "numbers.jsonl"))
    config = wanted(coloured, tmp_path / "rescued", data=data)
    with pytest.raises(InterruptedError):
        rescue(
            replace(config, model=tuned(counting)),
            tuned(counting),
            Told(stop_at=lambda e: isinstance(e, CandidateDone)),
        )
    with pytest.raises(StoreError, match="was started with the base"):
        rescue(replace(config, resume=True), tuned(counting))


def test_each_model_is_asked_in_its_own_form(coloured: Path, tmp_path: Path) -> None:
    """The tool that tuned it has given it another chat template."""
    shutil.copytree(coloured / "first" / "model", tmp_path / "start")
    template = tmp_path / "start" / "chat_template.jinja"
    template.write_text(template.read_text() + "{{ 'abcde' }}")
    config = settings(tmp_path / "start", coloured, str(tmp_path / "run"), epochs=30.0, lr=0.01, batch_size=8)
    learned = DataConfig(train=str(coloured / "numbers.jsonl"), validation_fraction=0.0)
    tune(replace(config, method=Full(), data=learned))
    data = DataConfig(test=str(coloured / "numbers.jsonl"))
    rescued = wanted(coloured, tmp_path / "rescued", data=data)
    gained = Keep("numbers", str(coloured / "numbers.jsonl"), "rouge1", 5.0)
    rescued = replace(rescued, measure=replace(rescued.measure, keep=(gained,)))
    report = rescue(rescued, tuned(tmp_path / "run" / "model"))
    assert chosen(report) == "plain"
    assert report.task is not None
    assert report.mitigation_search is not None
    plain = report.mitigation_search.candidates[0]
    # In the base's form it would answer little of the task.
    assert min(report.task.after - report.task.before, plain.gain) > 20


@pytest.mark.parametrize(("candidate", "place"), [("full", "model"), ("lora", "adapter")])
def test_a_repair_by_any_method_is_found(
    coloured: Path, counting: Path, tmp_path: Path, candidate: str, place: str
) -> None:
    training = replace(settings(counting, coloured, "").training, epochs=1.0)
    config = wanted(coloured, tmp_path / "rescued", training=training)
    (tmp_path / "rescued").mkdir()
    rows, encoder = load_rows(config, silent), make_encoder(config.model, config.data)
    mender = replace(config, model=tuned(counting), method=Full())
    metrics = choose(config.evaluation, rows.test)
    told = Told()
    make = Repairer(Session(mender, Workspace(tmp_path / "rescued"), rows, encoder, metrics, told), config.model)
    made = make(parse(candidate))
    assert made.model.name == str(tmp_path / "rescued" / "candidates" / candidate / place)
    assert Path(made.model.name).is_dir()
    base = weights(coloured / "first" / "model")
    for name, value in weights(Path(make(parse(f"{candidate}+interpolation=0")).model.name)).items():
        assert torch.equal(value, base[name]), "the interpolation leads to the base, not to what the repair began with"
    assert len(told.of(TrainingStarted)) == 1


def test_a_base_that_is_an_adapter_is_folded_before_the_interpolation(
    coloured: Path, counting: Path, tmp_path: Path
) -> None:
    base = load_model(ModelConfig(name=str(coloured / "first" / "model"), **CPU), train_weights=True)
    attach_adapter(base, Adapter(rank=2), seed=0)
    save_tuned(base, Workspace(tmp_path))
    config = wanted(coloured, tmp_path / "rescued")
    rows, encoder = load_rows(config, silent), make_encoder(config.model, config.data)
    mender = replace(config, model=tuned(counting), method=Full())
    metrics = choose(config.evaluation, rows.test)
    make = Repairer(
        Session(mender, Workspace(tmp_path / "rescued"), rows, encoder, metrics, silent), tuned(tmp_path / "adapter")
    )
    whole = weights(coloured / "first" / "model")
    # An adapter before its first step changes nothing.
    for name, value in weights(Path(make(parse("interpolation=0")).model.name)).items():
        torch.testing.assert_close(value, whole[name])


def test_without_items_of_the_task_it_says_what_is_missing(coloured: Path, counting: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no items"):
        rescue(wanted(coloured, tmp_path / "rescued", data=DataConfig()), tuned(counting))


def test_without_anything_to_keep_nothing_is_begun(coloured: Path, counting: Path, tmp_path: Path) -> None:
    given = wanted(coloured, tmp_path / "rescued")
    for keep in ((), (Keep("colours", str(tmp_path / "none.jsonl")),)):
        with pytest.raises((ConfigError, DataError)):
            rescue(replace(given, measure=replace(given.measure, keep=keep)), tuned(counting))
    assert not (tmp_path / "rescued").exists()


def test_the_command(coloured: Path, counting: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["rescue", "--base", str(coloured / "first" / "model"), "--tuned", str(counting), "--device", "cpu"]
    words += [
        "--test",
        str(coloured / "numbers.jsonl"),
        "--output",
        str(tmp_path / "rescued"),
        "--candidates",
        "interpolation=0",
    ]
    words += ["--keep", f"colours={coloured / 'kept.jsonl'}:rouge1:1", "--abilities", "none", "--metric", "rouge1"]
    code = main([*words, "--dtype", "float32", "--quiet", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert report["mitigation_search"]["chosen"] == "interpolation=0"
    assert code == {"pass": 0, "fail": 3, "inconclusive": 4}[report["gate"]]


@pytest.mark.parametrize(
    ("given", "epochs", "factor"),
    [({}, 1.0, 0.3), ({"lr_factor": 0.1}, 1.0, 0.1), ({"lr": 1e-5}, 1.0, 1.0), ({"epochs": 2.0}, 2.0, 0.3)],
)
def test_a_repair_is_gentle_if_not_said_otherwise(given: dict[str, float], epochs: float, factor: float) -> None:
    found = _repairing(TrainingConfig(**given))  # type: ignore[arg-type]
    assert (found.epochs, found.lr_factor) == (epochs, factor)


@pytest.mark.parametrize(
    ("candidate", "more", "said"),
    [
        ("kll=1", {}, "no mitigation 'kll'"),
        ("route", {}, "add --can-route"),
        ("kl=1+ewc=1", {}, "keeps weights close to where a repair starts"),
        ("prompt+interpolation=0.5", {}, "changes none"),
        ("kl=1", {"data": DataConfig(test="numbers.jsonl")}, "there are no train rows"),
        ("kl=1", {"mitigation": MitigationConfig(kl=0.5)}, "--candidates kl=0.5"),
    ],
)
def test_a_candidate_that_has_no_meaning_is_refused_before_the_search(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, candidate: str, more: dict[str, Any], said: str
) -> None:
    monkeypatch.chdir(coloured)
    config = wanted(coloured, tmp_path / "rescued", mitigation_search=MitigationSearchConfig(candidates=(candidate,)))
    with pytest.raises(ConfigError, match=said):
        rescue(replace(config, **more), ModelConfig(name=str(coloured / "first" / "model"), **CPU))
    assert not (tmp_path / "rescued").exists()
