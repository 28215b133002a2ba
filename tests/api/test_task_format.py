"""A run is asked as it was trained: its prompt template, system message and field of the answer go with its weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.chat import open_chat
from keeptune.api.evaluate import evaluate
from keeptune.api.measure import measure
from keeptune.api.predict import predict
from keeptune.api.route import open_router
from keeptune.api.tune import tune
from keeptune.config import DataConfig, EvaluationConfig, MeasureConfig, MeasureRun, ModelConfig
from keeptune.errors import ConfigError
from keeptune.events import Notice
from keeptune.records import Message
from tests.api.runs import COLOURS, CPU, THINGS, Told, settings

ASKED = EvaluationConfig(max_new_tokens=8, metrics=("rouge1", "token_loss"))
FORMAT = {"prompt": "A {thing}, please", "completion": "said", "system": "You know colours."}


@pytest.fixture(scope="module")
def formatted(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was trained with a template, a system message and a field of answers of its own."""
    folder = tmp_path_factory.mktemp("formatted")
    rows = [{"thing": t, "said": f"the {t} is {c}", "note": c} for t, c in zip(THINGS, COLOURS * 2, strict=False)]
    for name in ("train", "test"):
        lines = [json.dumps({**row, "id": f"{name}-{n}", "note": name}) for n, row in enumerate(rows * 2)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    config = settings(tiny("llama"), folder, "run", epochs=1.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPTUNE_CACHE", str(folder / "cache"))
        data = replace(config.data, **FORMAT, drop_duplicates=False, limit_test=4)
        tune(replace(config, data=data, evaluation=ASKED))
    return folder


def asked_by(run: Path | str) -> ModelConfig:
    return ModelConfig(str(run), **CPU)


def answers(model: Path | str, folder: Path, out: Path, **more: Any) -> tuple[list[dict[str, str]], Told]:
    file = folder / "ask.jsonl"
    file.write_text(json.dumps({"id": "a", "thing": "spoon"}) + "\n")
    told = Told()
    predict(asked_by(model), DataConfig(test=str(file), **more), ASKED, str(out), told)
    return [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()], told


def formats(told: Told) -> list[str]:
    return [event.message for event in told.of(Notice) if event.kind == "format"]


@pytest.mark.parametrize("named", ["run", "run/adapter", "elsewhere"])
def test_predict_asks_by_the_runs_format(formatted: Path, tmp_path: Path, named: str) -> None:
    model = formatted / named
    if named == "elsewhere":
        model = Path(shutil.copytree(formatted / "run" / "adapter", tmp_path / "elsewhere"))
    found, told = answers(model, tmp_path, tmp_path / "out.jsonl")
    wanted, _ = answers(model, tmp_path, tmp_path / "wanted.jsonl", **FORMAT)
    assert found == wanted
    assert found[0]["prompt"].endswith("A spoon, please")
    assert [FORMAT["prompt"] in line and "task_format.json" in line for line in formats(told)] == [True]


def test_flags_go_before_the_runs_format(formatted: Path, tmp_path: Path) -> None:
    found, told = answers(formatted / "run", tmp_path, tmp_path / "out.jsonl", prompt="Say {thing}", system="Be kind.")
    assert found[0]["prompt"].endswith("Say spoon")
    assert "with prompt" not in formats(told)[0]
    _, told = answers(formatted / "run", tmp_path, tmp_path / "all.jsonl", **FORMAT)
    assert formats(told) == []


def test_a_run_without_the_file_is_asked_by_its_settings(formatted: Path, tmp_path: Path) -> None:
    older = Path(shutil.copytree(formatted / "run", tmp_path / "older"))
    (older / "adapter" / "task_format.json").unlink()
    found, told = answers(older, tmp_path, tmp_path / "out.jsonl")
    assert found[0]["prompt"].endswith("A spoon, please")
    assert "config.json" in formats(told)[0]


def test_evaluate_gives_the_scores_of_such_a_run(formatted: Path, tmp_path: Path) -> None:
    data = DataConfig(test=str(formatted / "test.jsonl"), limit_test=4)
    result = evaluate(asked_by(formatted / "run"), data, ASKED, str(tmp_path / "eval"))
    of_run = json.loads((formatted / "run" / "result.json").read_text(encoding="utf-8"))["scores"]["tuned"]
    assert result.scores == pytest.approx(of_run, rel=1e-6)
    kept = json.loads((tmp_path / "eval" / "config.json").read_text(encoding="utf-8"))["data"]
    assert {name: kept[name] for name in FORMAT} == FORMAT


def test_measure_asks_base_and_tuned_in_the_same_format(
    formatted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = json.loads((formatted / "run" / "config.json").read_text(encoding="utf-8"))
    run = MeasureRun(
        base=asked_by(config["model"]["name"]),
        tuned=asked_by(formatted / "run"),
        data=DataConfig(test=str(formatted / "test.jsonl"), limit_test=4),
        evaluation=ASKED,
        measure=MeasureConfig(extent="quick", abilities=("none",)),
    )
    report = measure(run)
    assert report.path == "runs/measure-run-1"  # the run's name, not that of the folder of its weights
    scores = json.loads((formatted / "run" / "result.json").read_text(encoding="utf-8"))["scores"]
    assert report.task is not None
    assert (report.task.before, report.task.after) == pytest.approx(
        (scores["base"]["rouge1"], scores["tuned"]["rouge1"])
    )


def test_chat_and_router_put_the_first_words_into_the_template(formatted: Path) -> None:
    chat = open_chat(asked_by(formatted / "run"))
    first = (Message("system", FORMAT["system"]), Message("user", "A spoon, please"))
    assert chat.format.turns("spoon") == first
    answer = chat.reply("spoon")[1]
    router = open_router(asked_by(formatted / "run"))
    assert answer.startswith(router.answer(["spoon"], "tuned", 8)[0])
    assert router.format == chat.format
    plain = open_chat(asked_by(formatted / "run"), data=DataConfig(prompt="{thing}", system="Be kind."))
    assert plain.format.turns("spoon") == (Message("system", "Be kind."), Message("user", "spoon"))


def test_a_format_file_of_another_shape_is_refused(formatted: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(formatted / "run" / "adapter", tmp_path / "broken"))
    (broken / "task_format.json").write_text('{"prompt": 7}')
    with pytest.raises(ConfigError, match="prompt is 7"):
        answers(broken, tmp_path, tmp_path / "out.jsonl")
