"""A base in 4 or 8 bits: an adapter learns on it, and what is scored, kept and exported is told apart."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import mean

import pytest
import torch

from keeptune.api.check import check
from keeptune.api.evaluate import evaluate
from keeptune.api.export import export
from keeptune.api.load_config import load_config
from keeptune.api.measure import measure
from keeptune.api.reproduce import reproduce
from keeptune.api.rescue import rescue
from keeptune.api.runs import runs
from keeptune.api.tune import tune
from keeptune.cli.main import main
from keeptune.config import (
    Adapter,
    DataConfig,
    Full,
    Keep,
    MeasureConfig,
    MeasureRun,
    MitigationConfig,
    ModelConfig,
    TuneConfig,
)
from keeptune.config.schema import Method
from keeptune.config.sections.export import ExportConfig
from keeptune.errors import ConfigError, MissingDependency, ModelError, StoreError
from keeptune.events import EvaluationDone, EvaluationStarted, ModelLoaded, Notice, TrainingStarted
from keeptune.exports.save import save_tuned
from keeptune.inference.evaluator import load_for_inference
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import load_model
from keeptune.models.memory import out_of_memory
from keeptune.models.weights import fold_adapter
from keeptune.workspace.lineage import of_run
from keeptune.workspace.workspace import Workspace
from tests.api.runs import Told, settings, write_rows
from tests.tiny import save_other

BY_BITSANDBYTES = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)


def quantized(config: TuneConfig, name: str) -> TuneConfig:
    return replace(config, model=replace(config.model, quantization=name))


@pytest.fixture
def config(tiny: Callable[..., Path], tmp_path: Path) -> TuneConfig:
    write_rows(tmp_path)
    return settings(tiny("llama"), tmp_path, "run")


def losses(run: str) -> list[float]:
    return [loss for _, loss in Workspace(Path(run)).training().loss_curve]


@BY_BITSANDBYTES
@pytest.mark.parametrize("name", ["nf4", "int8"])
def test_an_adapter_learns_on_it(config: TuneConfig, name: str) -> None:
    whole = replace(config, output=f"{config.output}-whole")
    tune(whole)
    tune(quantized(config, name))
    assert losses(config.output)[0] == pytest.approx(losses(whole.output)[0], abs=0.01)
    assert mean(losses(config.output)) == pytest.approx(mean(losses(whole.output)), abs=0.05)
    assert losses(config.output) != losses(whole.output)
    run = Path(config.output)
    base, tuned = (
        load_for_inference(of_run(ModelConfig(each, device="cpu", dtype="float32", quantization=held)))
        for each, held in ((config.model.name, name), (str(run), "none"))
    )
    assert base.inner.is_quantized
    assert base.trainable == 0
    assert tuned.inner.is_quantized, "a run's model is loaded as it was scored"
    assert hasattr(tuned.model, "peft_config"), "folded into packed weights, small changes are rounded away"
    assert base.parameters == load_model(config.model).parameters


@BY_BITSANDBYTES
def test_scoring_leaves_its_weights_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a CPU for which bitsandbytes would repack them."""
    base = save_other(tmp_path / "wide", "llama", hidden_size=64, intermediate_size=128)
    monkeypatch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: True)
    loaded = load_model(ModelConfig(str(base), device="cpu", dtype="float32", quantization="nf4"))
    before = {name: each.clone() for name, each in loaded.model.state_dict().items()}
    assert any("absmax" in name for name in before)
    scores = loaded.model(torch.tensor([[1, 2, 3]])).logits
    monkeypatch.undo()
    after = loaded.model.state_dict()
    assert all(torch.equal(each, after[name]) for name, each in before.items())
    plain = loaded.model.train()(torch.tensor([[1, 2, 3]])).logits
    assert torch.allclose(scores, plain, atol=1e-6)


@BY_BITSANDBYTES
def test_experts_that_are_not_packed_are_told(config: TuneConfig, tmp_path: Path) -> None:
    base = save_other(tmp_path / "moe", "mixtral", num_key_value_heads=2, num_local_experts=4)
    config, told = replace(config, model=replace(config.model, name=str(base))), Told()
    tune(replace(quantized(config, "nf4"), measure=MeasureConfig(extent="none")), told)
    experts = 2 * 4 * (2 * 64 * 32 + 32 * 64)
    (notice,) = (each.message for each in told.of(Notice) if each.kind == "experts")
    assert notice.endswith(f"no adapter was attached to their {experts:,} weights, which stay in float32, not in nf4")
    held = f"nf4 but for {experts:,} weights of MoE experts, computed in float32"
    assert {event.dtype for event in told.of(ModelLoaded)} == {held}


@BY_BITSANDBYTES
def test_products_in_int8_are_not_told_one_by_one(config: TuneConfig, caplog: pytest.LogCaptureFixture) -> None:
    evaluate(quantized(config, "int8").model, config.data, config.evaluation)
    assert not [record for record in caplog.records if record.name.startswith("bitsandbytes")]


@BY_BITSANDBYTES
def test_it_is_exported_on_the_whole_base(config: TuneConfig) -> None:
    tune(quantized(config, "nf4"))
    (report,) = export(ExportConfig(config.output, "safetensors"))
    assert str(report.prompts) == "12 of 12"
    exported = load_model(replace(config.model, name=report.path))
    assert not getattr(exported.model, "is_quantized", False)
    assert {weight.dtype for weight in exported.model.parameters()} == {torch.float32}
    adapter = load_model(replace(config.model, name=str(Path(config.output) / "adapter")), train_weights=True)
    fold_adapter(adapter)
    expected, found = adapter.model.state_dict(), exported.model.state_dict()
    assert all(torch.equal(weight, found[name]) for name, weight in expected.items())


def test_an_export_does_without_its_package(config: TuneConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    tune(config)
    as_scored_in(config.output, "nf4")
    monkeypatch.setattr("keeptune.models.quantization.find_spec", lambda name: None)
    (report,) = export(ExportConfig(config.output, "safetensors", check=False))
    assert load_model(replace(config.model, name=report.path)).quantization == "none"


@BY_BITSANDBYTES
def test_the_default_mitigation_keeps_what_is_declared(config: TuneConfig, tmp_path: Path) -> None:
    keep = (Keep("other things", str(tmp_path / "kept.jsonl"), "rouge1"),)
    config = replace(config, mitigation=MitigationConfig(), measure=MeasureConfig(keep=keep, abilities=("none",)))
    result = tune(quantized(config, "nf4"))
    assert [each.name for each in result.forgetting.abilities] == ["other things"]
    assert result.config["mitigation"]["kl"] == 3.0


@BY_BITSANDBYTES
def test_what_it_alone_costs_the_base(config: TuneConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, rows = config.model.name, str(tmp_path / "kept.jsonl")
    words = ["measure", "--base", name, "--tuned", name, "--keep", f"other={rows}:rouge1:30", "--abilities", "none"]
    held = ["--quantization", "nf4", "--base-quantization", "none", "--device", "cpu", "--dtype", "float32"]
    main([*words, *held, "--json", "--output", str(tmp_path / "cost")])
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["abilities"]] == ["other"]
    assert any("none in the base, nf4 in the tuned model" in notice for notice in told["notices"])
    assert [model["quantization"] for model in (told["config"]["base"], told["config"]["tuned"])] == ["none", "nf4"]


@pytest.fixture
def measured(config: TuneConfig, tmp_path: Path) -> TuneConfig:
    keep = (Keep("other things", str(tmp_path / "kept.jsonl"), "rouge1", 30.0),)
    return quantized(replace(config, measure=MeasureConfig(keep=keep, abilities=("none",))), "nf4")


@BY_BITSANDBYTES
def test_a_run_tells_what_it_alone_cost(measured: TuneConfig) -> None:
    cost = tune(measured).forgetting.quantization
    base = measured.model
    alone = MeasureRun(replace(base, quantization="none"), base, measured.data, measured.evaluation, measured.measure)
    expected = measure(replace(alone, output=f"{measured.output}-alone"))
    assert cost.abilities == expected.abilities
    assert cost.task.before == pytest.approx(
        evaluate(alone.base, measured.data, measured.evaluation).scores[cost.task.metric]
    )
    assert [cost.config[side]["quantization"] for side in ("base", "tuned")] == ["none", "nf4"]
    run = Workspace(Path(measured.output))
    assert run.tune_result().forgetting.quantization == cost
    assert "What nf4 alone costs the base" in run.page.read_text()
    assert f"{base.name}</bdi> in nf4" in Path(cost.path, "report.html").read_text()
    assert [entry.path for entry in runs(measured.output)] == [measured.output], "the comparison is not a run"


@BY_BITSANDBYTES
def test_a_whole_base_that_memory_may_not_hold_is_left_out(
    measured: TuneConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("keeptune.assessment.quantization_cost.Meter.free", lambda meter: 1000)
        report = tune(measured).forgetting
    assert report.quantization is None
    (told,) = (notice for notice in report.notices if "was not measured" in notice)
    main([*shlex.split(told.partition("more memory: keeptune ")[2]), "--json"])
    made = json.loads(capsys.readouterr().out)
    assert [model["quantization"] for model in (made["config"]["base"], made["config"]["tuned"])] == ["none", "nf4"]
    assert [ability["name"] for ability in made["abilities"]] == ["other things"]


@BY_BITSANDBYTES
def test_answers_of_another_version_of_the_package_are_not_taken_over(
    config: TuneConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may round otherwise."""
    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    model, cached, version = quantized(config, "nf4").model, [], importlib.metadata.version
    for number in ("0.50.0", "0.50.1", "0.50.0"):
        monkeypatch.setattr(
            importlib.metadata, "version", lambda name, n=number: n if name == "bitsandbytes" else version(name)
        )
        told = Told()
        evaluate(model, config.data, config.evaluation, str(tmp_path / f"answers-{len(cached)}"), told)
        cached.append(next(done.cached for done in told.of(EvaluationDone)))
    assert cached == [False, False, True]


@BY_BITSANDBYTES
def test_it_is_reproduced(config: TuneConfig) -> None:
    """Its manifest names the version of the package; in the same bits the run gives the same bytes."""
    tune(quantized(config, "nf4"))
    versions = json.loads((Path(config.output) / "result.json").read_text())["manifest"]["versions"]
    assert versions["bitsandbytes"] == importlib.metadata.version("bitsandbytes")
    assert reproduce(config.output).outcome == "same bytes"


@BY_BITSANDBYTES
def test_answers_of_both_are_kept_apart(config: TuneConfig) -> None:
    hashes = [load_model(replace(config.model, quantization=name)).hash for name in ("none", "nf4", "int8")]
    assert len(set(hashes)) == 3


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"method": Full()}, "full fine-tuning trains the weights"),
        ({"method": Adapter("pissa")}, "pissa cannot be trained on a base in nf4"),
        ({"mitigation": MitigationConfig(ewc=1.0)}, "ewc computes with the base's matrices"),
    ],
)
def test_what_does_not_go_with_it_is_refused(config: TuneConfig, changes: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        tune(replace(quantized(config, "nf4"), **changes))


def test_an_engine_that_would_load_it_whole_is_refused(config: TuneConfig) -> None:
    with pytest.raises(ConfigError, match=r"the engine vllm loads .* whole, not in nf4"):
        tune(replace(config, model=replace(config.model, quantization="nf4", engine="vllm")))


def as_scored_in(run: str, name: str) -> None:
    """Let a run's settings say that its base was held so."""
    file = Path(run) / "config.json"
    file.write_text(file.read_text().replace('"quantization": "none"', f'"quantization": "{name}"'))


@BY_BITSANDBYTES
def test_a_run_goes_on_in_the_same_bits(config: TuneConfig) -> None:
    with pytest.raises(InterruptedError):
        tune(config, Told(stop_at=lambda event: isinstance(event, EvaluationStarted)))
    with pytest.raises(StoreError, match=r"model\.quantization was 'none' and is now 'nf4'"):
        tune(replace(quantized(config, "nf4"), resume=True))


@BY_BITSANDBYTES
def test_a_training_in_other_bits_is_not_taken_over(config: TuneConfig) -> None:
    tune(replace(config, output=f"{config.output}-whole"))
    told = Told()
    tune(replace(quantized(config, "nf4"), mitigation=MitigationConfig(plain=True, interpolation=0.5)), told)
    assert told.of(TrainingStarted)


@pytest.mark.usefixtures("able_bases")
def test_a_rescue_is_of_whole_weights(config: TuneConfig, tmp_path: Path) -> None:
    tune(config)
    as_scored_in(config.output, "nf4")
    keep = Keep("other things", str(tmp_path / "kept.jsonl"), "rouge1", 95.0)
    asked = replace(
        config,
        data=DataConfig(test=config.data.test),
        measure=MeasureConfig(keep=(keep,), abilities=("none",), extent="quick"),
        mitigation=MitigationConfig(),
        output=str(tmp_path / "rescued"),
    )
    told, run = Told(), replace(config.model, name=config.output)
    rescue(asked, run, told)
    assert {event.dtype for event in told.of(ModelLoaded)} == {"float32"}
    assert any("was scored on a base in nf4, and is repaired" in notice.message for notice in told.of(Notice))
    with pytest.raises(ConfigError, match="a repair changes weights, which --quantization nf4 packs"):
        rescue(replace(quantized(asked, "nf4"), output=str(tmp_path / "packed")), run)


def test_a_lora_alone_is_loaded_on_it(config: TuneConfig, tmp_path: Path) -> None:
    loaded = load_model(config.model)
    attach_adapter(loaded, Adapter("hra", rank=4), 0)
    adapter = save_tuned(loaded, Workspace(tmp_path / "hra"))
    with pytest.raises(ModelError, match="of type HRA, and on a base in nf4 a LoRA alone"):
        load_model(ModelConfig(str(adapter), quantization="nf4"))


def test_weights_in_few_bits_are_not_packed_again(config: TuneConfig, tmp_path: Path) -> None:
    packed = shutil.copytree(config.model.name, tmp_path / "packed")
    file = packed / "config.json"
    held = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"quantization_config": held}))
    with pytest.raises(ModelError, match="hold weights in few bits"):
        load_model(ModelConfig(str(packed), quantization="nf4"))


@BY_BITSANDBYTES
@pytest.mark.parametrize("method", [Adapter(rank=4), Full()])
def test_nothing_is_trained_in_files_of_few_bits(config: TuneConfig, tmp_path: Path, method: Method) -> None:
    loaded = load_model(quantized(config, "nf4").model)
    loaded.model.save_pretrained(tmp_path / "packed")
    loaded.tokenizer.save_pretrained(tmp_path / "packed")
    told = Told()
    with pytest.raises(ModelError, match="hold weights in few bits"):
        tune(replace(config, model=replace(config.model, name=str(tmp_path / "packed")), method=method), told)
    assert not told.of(TrainingStarted)


def test_bits_that_are_not_known_are_not_taken_for_none(config: TuneConfig) -> None:
    tune(config)
    as_scored_in(config.output, "fp2")
    with pytest.raises(StoreError, match="on a base in 'fp2', which is not known here"):
        of_run(ModelConfig(config.output))


def test_it_needs_its_package(config: TuneConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keeptune.models.quantization.find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match="bitsandbytes"):
        load_model(replace(config.model, quantization="nf4"))
    assert "needs the package bitsandbytes" in check(quantized(config, "nf4")).refusal


@BY_BITSANDBYTES
@pytest.mark.parametrize(("name", "packs"), [("nf4", "quantize_4bit"), ("int8", "int8_vectorwise_quant")])
@pytest.mark.parametrize(
    ("told", "kind", "words"),
    [
        ("DefaultCPUAllocator: can't allocate memory", RuntimeError, "can't allocate memory"),
        ("no kernel for this", ModelError, "cannot be loaded: no kernel for this"),
    ],
)
def test_what_packing_failed_of_is_told(
    config: TuneConfig, monkeypatch: pytest.MonkeyPatch, name: str, packs: str, told: str, kind: type, words: str
) -> None:
    """Too little memory is no fault of the files."""

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError(told)

    monkeypatch.setattr(f"bitsandbytes.functional.{packs}", fails)
    with pytest.raises(kind, match=words) as caught:
        load_model(replace(config.model, quantization=name))
    assert out_of_memory(caught.value) == (kind is RuntimeError)


@pytest.mark.parametrize(("key", "name"), [("load_in_4bit", "nf4"), ("load_in_8bit", "int8")])
def test_names_of_other_trainers_are_read(tmp_path: Path, key: str, name: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"model:\n  {key}: true\ndata:\n  train: rows.jsonl\n")
    assert load_config(file).model.quantization == name
