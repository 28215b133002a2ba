"""A run in the layout of another tool, loaded and asked there, beside what was scored."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from keeptune.api.export import export
from keeptune.api.tune import tune
from keeptune.cli.main import main
from keeptune.config import DataConfig, Full, Keep, MeasureConfig, TuneConfig
from keeptune.config.sections.export import ExportConfig
from keeptune.errors import ConfigError, MissingDependency, ModelError, RunExists, StoreError
from keeptune.events import Notice
from keeptune.exports.format import FORMATS, Source
from keeptune.exports.formats.safetensors_format import SafetensorsFormat
from keeptune.exports.llama_cpp import find_llama_cpp
from keeptune.records import ExportReport, from_plain
from keeptune.workspace.exported_run import ExportedRun
from tests.api.runs import COLOURS, THINGS, Ran, Told, settings, write_rows


def llama_cpp() -> str:
    """Its folder; "" where it or its library is not there."""
    try:
        return str(find_llama_cpp("")) if importlib.util.find_spec("llama_cpp") else ""
    except MissingDependency:
        return ""


LLAMA_CPP = llama_cpp()
MANY_THINGS = (*THINGS, "table", "chair", "lamp", "spoon", "door", "coat", "wall", "road", "hill", "boat")


@pytest.fixture(scope="module")
def kept(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TuneConfig]:
    """A run that learns its task, and declares an ability of likelihoods."""
    folder = tmp_path_factory.mktemp("exported")
    pairs = [(colour, thing) for thing in MANY_THINGS for colour in COLOURS]
    for name, part in (("train", pairs[:60]), ("test", pairs[60:])):
        rows = [{"prompt": f"{colour} {thing}", "completion": f"it is {colour}"} for colour, thing in part]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    choices = [
        {"id": f"c{n}", "prompt": f"{n}?", "completion": "even" if n % 2 == 0 else "odd", "choices": ["even", "odd"]}
        for n in range(24)
    ]
    (folder / "choices.jsonl").write_text("".join(json.dumps(row) + "\n" for row in choices))
    keep = (Keep("parity", str(folder / "choices.jsonl"), "choice_accuracy", 30.0),)
    config = settings(tiny("llama"), folder, "run", epochs=30.0, lr=0.01)
    config = replace(config, method=Full(), measure=MeasureConfig(keep=keep, abilities=("none",)))
    config = replace(config, evaluation=replace(config.evaluation, max_new_tokens=24))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPTUNE_CACHE", str(folder / "cache"))
        tune(config)
        yield config


def test_merged_weights_answer_as_the_scored_model(kept: TuneConfig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", kept.output, "safetensors"]) == 0
    out = capsys.readouterr().out
    assert "same prompt, token by token, for 48 of 48 items" in out
    assert "same answer to 72 of 72 items" in out
    run = ExportedRun(Path(kept.output))
    (report,) = run.exports()
    assert (
        from_plain(ExportReport, json.loads((run.path / "exports" / "safetensors-float32.json").read_text())) == report
    )
    assert [each.name for each in report.abilities] == ["task", "parity"]
    assert all((each.rose, each.fell) == (0, 0) for each in report.abilities)
    assert report.tool.startswith("transformers ")
    assert report.tokens_per_second > 0
    assert report.size == sum(f.stat().st_size for f in Path(report.path).rglob("*") if f.is_file())
    assert (Path(report.path) / "model.safetensors").exists()
    page = run.page.read_text()
    assert 'id="exports"' in page
    assert "safetensors" in page


def test_an_adapter_is_asked_by_peft(run: Ran, tmp_path: Path) -> None:
    (report,) = export(ExportConfig(str(run.path), "adapter", output=str(tmp_path / "adapter")))
    assert report.tool.startswith("peft ")
    assert str(report.answers) == str(report.prompts) == "12 of 12"
    assert (report.gate, report.keeps, report.sentences[0]) == ("inconclusive", True, "Every answer is the same.")
    before, after = (load_file(f / "adapter_model.safetensors") for f in (run.path / "adapter", tmp_path / "adapter"))
    assert all(torch.equal(before[name], after[name]) for name in before)
    with pytest.raises(RunExists, match="is not empty"):
        export(ExportConfig(str(run.path), "adapter", output=str(tmp_path / "adapter")))


def test_whole_weights_in_another_dtype(tiny: Callable[..., Path], tmp_path: Path) -> None:
    write_rows(tmp_path)
    config = replace(settings(tiny("t5"), tmp_path, "run"), method=Full())
    tune(config)
    (report,) = export(ExportConfig(config.output, "safetensors", ("bfloat16",)))
    weights = load_file(Path(report.path) / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    assert str(report.prompts) == "12 of 12"
    for published in ("", "me/rows"):
        with pytest.raises(ConfigError, match="holds whole weights and no adapter"):
            export(ExportConfig(config.output, "adapter", push_to_hub=published))
    for format in ("gguf", "mlx"):
        with pytest.raises(ConfigError, match="encoder-decoder"):
            export(ExportConfig(config.output, format))


@pytest.mark.skipif(importlib.util.find_spec("mlx_lm") is None, reason="mlx-lm is not installed")
def test_mlx_answers_as_the_scored_model(kept: TuneConfig) -> None:
    (report,) = export(ExportConfig(kept.output, "mlx", ("float32",)))
    assert report.tool.startswith("mlx-lm ")
    assert str(report.prompts) == "48 of 48"
    assert str(report.answers) == "72 of 72"
    (smaller,) = export(ExportConfig(kept.output, "mlx", ("2bit",), items=4))
    assert any("matrices stay bfloat16" in note for note in smaller.notes)
    assert {"model.safetensors", "tokenizer.json"} <= {file.name for file in Path(report.path).iterdir()}


class Worse(SafetensorsFormat):
    """Loses as much of the weights as it is asked to."""

    def quantizations(self, source: Source) -> tuple[str, ...]:
        return "0", "0.001", "1", "2"

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:
        super().write(source, source.dtype, folder)
        weights = load_file(folder / "model.safetensors")
        noise = torch.Generator().manual_seed(0)
        for weight in weights.values():
            weight += float(quantization) * torch.randn(weight.shape, generator=noise)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        return ("made worse",)


class Penalised(SafetensorsFormat):
    """Its settings change greedy answers."""

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:
        super().write(source, quantization, folder)
        file = folder / "generation_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"repetition_penalty": 50.0}))
        return ()


class Untemplated(SafetensorsFormat):
    """Writes another chat template, as a converter may."""

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:
        super().write(source, quantization, folder)
        template = folder / "chat_template.jinja"
        template.write_text(template.read_text().replace("<|end|>", ""))
        return ()


@pytest.fixture
def worse(monkeypatch: pytest.MonkeyPatch) -> None:
    tuple(FORMATS)
    monkeypatch.setitem(FORMATS._entries, "worse", Worse())
    monkeypatch.setitem(FORMATS._entries, "untemplated", Untemplated())


@pytest.mark.usefixtures("worse")
def test_what_lost_the_task_is_told(kept: TuneConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export", kept.output, "worse", "--quantization", "2", "--output", str(tmp_path / "worse")]
    assert main(command) == 3
    out = capsys.readouterr().out
    assert "task fell by" in out or "task collapsed" in out
    (report,) = (each for each in ExportedRun(Path(kept.output)).exports() if each.format == "worse")
    assert report.gate == "fail"
    assert report.answers.count < 48
    assert "made worse" in report.notes
    assert report.prompts.count == report.prompts.of


@pytest.mark.usefixtures("worse")
def test_another_chat_template_is_seen_in_the_prompts(kept: TuneConfig, tmp_path: Path) -> None:
    (report,) = export(ExportConfig(kept.output, "untemplated", output=str(tmp_path / "files"), items=8))
    assert report.prompts.count == 0
    assert report.prompts.of == 8


@pytest.mark.usefixtures("worse")
def test_of_several_types_the_smallest_that_keeps_everything_is_exported(kept: TuneConfig) -> None:
    margin = 30.0
    wanted = ("0", "0.001", "2", "1")
    reports = export(ExportConfig(kept.output, "worse", wanted, margin=margin))
    assert [each.quantization for each in reports] == ["0.001", "0", "2"]
    assert [bool(each.path) and Path(each.path).exists() for each in reports] == [True, False, False]


def test_a_secret_in_an_item_is_masked_on_both_sides(tiny: Callable[..., Path], tmp_path: Path) -> None:
    _, test = write_rows(tmp_path)
    rows = [json.loads(line) for line in test.read_text().splitlines()]
    rows[0] |= {"prompt": "password: hunter22?", "completion": "the token=abcdef"}
    test.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = settings(tiny("llama"), tmp_path, "run")
    tune(config)
    (report,) = export(ExportConfig(config.output, "safetensors"))
    assert str(report.answers) == "12 of 12"
    assert "hunter22" not in (Path(config.output) / "exports" / "safetensors-float32.json").read_text()


def test_items_that_were_cut_are_left_out(tiny: Callable[..., Path], tmp_path: Path) -> None:
    _, test = write_rows(tmp_path)
    rows = [json.loads(line) for line in test.read_text().splitlines()]
    rows[0]["prompt"] = "red house " * 40
    test.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = settings(tiny("llama"), tmp_path, "run")
    tune(replace(config, data=replace(config.data, max_length=200)))
    (report,) = export(ExportConfig(config.output, "safetensors"))
    assert str(report.prompts) == str(report.answers) == "11 of 11"
    assert any("1 items are left out, whose prompts were cut" in note for note in report.notes)


def test_a_task_whose_prompts_were_all_cut_is_not_asked(tiny: Callable[..., Path], tmp_path: Path) -> None:
    _, test = write_rows(tmp_path)
    rows = [json.loads(line) for line in test.read_text().splitlines()]
    test.write_text("".join(json.dumps(row | {"prompt": row["prompt"] * 40}) + "\n" for row in rows))
    config = settings(tiny("llama"), tmp_path, "run", epochs=1.0)
    tune(replace(config, data=replace(config.data, max_length=200)))
    with pytest.raises(StoreError, match=r"no item whose prompt was whole.*\n.*--no-check"):
        export(ExportConfig(config.output, "safetensors"))
    assert not (Path(config.output) / "exports").exists()


@pytest.mark.usefixtures("worse")
def test_a_check_that_fails_leaves_nothing_and_can_be_repeated(
    run: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worse, "tool", "no_such_tool")
    asked = ExportConfig(str(run.path), "worse", output=str(tmp_path / "files"))
    for _ in range(2):
        with pytest.raises(ModelError, match="no_such_tool cannot load or ask"):
            export(asked)
    assert not (tmp_path / "files").exists()
    assert "worse-0" not in {each.name for each in ExportedRun(run.path).exports()}


@pytest.mark.usefixtures("worse")
def test_each_type_has_a_folder_below_output(kept: TuneConfig, tmp_path: Path) -> None:
    reports = export(ExportConfig(kept.output, "worse", ("0", "0.001"), margin=30.0, output=str(tmp_path / "all")))
    assert [each.path for each in reports] == [str(tmp_path / "all" / "worse-0.001"), ""]
    with pytest.raises(RunExists):
        export(ExportConfig(kept.output, "worse", ("0", "0.001"), output=str(tmp_path / "all")))


@pytest.mark.usefixtures("worse")
def test_what_was_said_of_other_files_stays(kept: TuneConfig, tmp_path: Path) -> None:
    export(ExportConfig(kept.output, "worse", ("1",), output=str(tmp_path / "one"), items=4))
    export(ExportConfig(kept.output, "worse", ("1",), output=str(tmp_path / "two"), check=False))
    found = {each.path: each.was_asked for each in ExportedRun(Path(kept.output)).exports() if each.name == "worse-1"}
    assert found == {str(tmp_path / "one"): True, str(tmp_path / "two"): False}


def test_a_declared_ability_that_is_not_asked_is_told_and_nothing_passes(kept: TuneConfig, tmp_path: Path) -> None:
    shutil.copytree(kept.output, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "abilities")
    asked = ExportConfig(str(tmp_path / "run"), "safetensors", margin=30.0, output=str(tmp_path / "files"))
    (report,) = export(asked)
    assert report.abilities[0].verdict == "kept"
    assert [each.name for each in report.abilities] == ["task"]
    assert report.gate == "inconclusive"
    assert any("parity is left out" in note for note in report.notes)
    # That all other answers are the same says nothing of it.
    assert report.answers.count == report.answers.of
    assert not report.keeps
    assert report.sentences[0] == "Every answer is the same."
    assert report.sentences[-1] == "Not asked, so that nothing passes: parity."


def test_settings_of_the_model_that_the_tool_uses_are_named(run: Ran, tmp_path: Path) -> None:
    shutil.copytree(run.path, tmp_path / "run", ignore=shutil.ignore_patterns("exports"))
    tuple(FORMATS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FORMATS._entries, "penalised", Penalised())
        (report,) = export(ExportConfig(str(tmp_path / "run"), "penalised"))
    assert report.answers.count < report.answers.of
    assert any("the tool uses repetition_penalty=50.0" in note for note in report.notes)


@pytest.mark.usefixtures("worse")
def test_what_lost_something_is_not_published(
    kept: TuneConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed: list[tuple[Path, str, bool]] = []

    def push(folder: Path, name: str, *, private: bool) -> str:
        pushed.append((folder, name, private))
        return "https://hub/me/rows/commit/1"

    monkeypatch.setattr("keeptune.experiments.export.push", push)
    told = Told()
    lost = ExportConfig(kept.output, "worse", ("2",), push_to_hub="me/rows", output=str(tmp_path / "lost"))
    (report,) = export(lost, told)
    assert (report.gate, pushed) == ("fail", [])
    assert any("not published as me/rows" in event.message for event in told.of(Notice))
    whole = ExportConfig(
        kept.output, "safetensors", push_to_hub="me/rows", private=True, output=str(tmp_path / "whole")
    )
    export(whole, told)
    assert pushed == [(tmp_path / "whole", "me/rows", True)]
    assert any(event.message == "published: https://hub/me/rows/commit/1" for event in told.of(Notice))


@pytest.mark.real
@pytest.mark.skipif(not LLAMA_CPP, reason="llama-cpp-python or llama.cpp's converter is not installed")
def test_llama_cpp_answers_as_the_scored_model(tmp_path: Path) -> None:
    data = DataConfig(train="stdlib", limit_train=4, limit_test=4)
    config = settings(Path("smollm2"), tmp_path, "run", epochs=1.0, lr=0.001)
    tune(replace(config, data=data))
    for format, types in (("gguf", ("F16", "Q8_0", "Q2_K")), ("gguf-adapter", ("F16",))):
        for name in types:
            (report,) = export(ExportConfig(config.output, format, (name,), llama_cpp=LLAMA_CPP))
            assert report.tool.startswith("llama-cpp-python ")
            assert report.prompts.count == 4
            assert report.answers.count == 4 or name != "F16"
    sizes = {each.name: each.size for each in ExportedRun(Path(config.output)).exports()}
    assert sizes["gguf-adapter-f16"] < sizes["gguf-q2_k"] < sizes["gguf-q8_0"] < sizes["gguf-f16"]
    assert (tmp_path / "run" / "exports" / "gguf-q8_0" / "Modelfile").exists()
