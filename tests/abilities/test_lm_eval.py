"""Tasks asked by the harness's own code: the same answers and scores as its command line, and its errors in words."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.abilities.lm_eval import evaluate_harness, harness_examples
from keeptune.config.schema import Adapter, ModelConfig
from keeptune.data.lm_eval_log import read_lm_eval_log
from keeptune.data.lm_eval_task import HarnessTask
from keeptune.errors import ConfigError, DataError, MissingDependency
from keeptune.events import EvaluationDone, EvaluationStarted, Event, Notice
from keeptune.forgetting.compare import compare, pair
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel, load_model
from keeptune.scoring.table import get_metric
from tests.tiny import save_llama

TASKS = Path(__file__).parents[1] / "data" / "lm_eval"


@pytest.fixture
def _harness(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The harness, its task files' folder, and a cache of data sets of the test's own."""
    pytest.importorskip("lm_eval")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.chdir(TASKS)


def _load(folder: Path) -> LoadedModel:
    return load_model(ModelConfig(name=str(folder), device="cpu", dtype="float32"))


@pytest.mark.usefixtures("_harness")
def test_it_answers_and_scores_as_the_command_line_does(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    tracker = EvaluationTracker(output_path=str(tmp_path / "log"))
    manager = TaskManager(include_path=str(TASKS), include_defaults=False)
    results = simple_evaluate(
        "hf",
        {"pretrained": str(tiny("llama")), "dtype": "float32"},
        tasks=manager.all_subtasks,
        task_manager=manager,
        device="cpu",
        bootstrap_iters=0,
        evaluation_tracker=tracker,
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task in samples:
        tracker.save_results_samples(task_name=task, samples=samples[task])
    logged = read_lm_eval_log(tmp_path / "log")

    asked = evaluate_harness(_load(tiny("llama")), [TASKS])
    assert set(asked) == set(logged) == set(results["results"])
    for task, (ability, records) in asked.items():
        assert ability == logged[task].ability
        for here, there in pair(records, logged[task].records):
            assert here.answer.output == there.answer.output
            assert {name: score.value for name, score in here.scores.items()} == pytest.approx(
                {name: score.value for name, score in there.scores.items()}, rel=1e-4
            )
            assert here.answer.choice_loglikelihoods == pytest.approx(there.answer.choice_loglikelihoods, rel=1e-4)


@pytest.mark.usefixtures("_harness")
def test_what_is_asked_is_told_without_a_model(tiny: Callable[[str], Path]) -> None:
    found = {example.id: (example.prompt_text, example.completion) for example in harness_examples([TASKS])}
    asked = evaluate_harness(_load(tiny("llama")), [TASKS])
    assert len(found) == sum(len(task.records) for task in asked.values())
    assert found["keeptune_kinds/1"] == ("A ladle is a kind of", "spoon")
    assert found["keeptune_pages/0"] == ("", "The ferry leaves at nine.")


@pytest.mark.usefixtures("_harness")
def test_base_and_tuned_are_compared_item_by_item(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    heard: list[Event] = []
    loaded = _load(tiny("llama"))
    loaded = replace(loaded, engine="vllm")
    base = evaluate_harness(loaded, [TASKS / "kinds.yaml"], observer=heard.append)["keeptune_kinds"]
    tuned = evaluate_harness(_load(save_llama(tmp_path / "other", seed=3)), [TASKS / "kinds.yaml"])["keeptune_kinds"]
    found = compare(base.records, tuned.records, get_metric(base.ability.metrics[0]))
    assert found.items == 6
    assert found.rose + found.fell + found.unchanged == 6
    assert found.after - found.before == pytest.approx(100 * (found.rose - found.fell) / 6)
    notice, started, done = heard
    assert isinstance(notice, Notice)
    assert "run on torch" in notice.message
    assert started == EvaluationStarted("keeptune_kinds", 6)
    assert isinstance(done, EvaluationDone)
    assert done.metrics["lm-eval:acc"] == found.before


@pytest.mark.usefixtures("_harness")
def test_an_encoder_decoder_model_is_asked_too(tiny: Callable[[str], Path]) -> None:
    asked = evaluate_harness(_load(tiny("t5")), [TASKS / "kinds.yaml", TASKS / "sums.yaml"], limit=2)
    assert {task: len(found.records) for task, found in asked.items()} == {"keeptune_kinds": 2, "keeptune_sums": 2}
    assert all(math.isfinite(v) for r in asked["keeptune_kinds"].records for v in r.answer.choice_loglikelihoods)


@pytest.mark.usefixtures("_harness")
def test_an_adapter_takes_part(tiny: Callable[[str], Path]) -> None:
    """The adapter's weights, not those of the base beneath, must give the answers."""
    import torch
    from peft import LoraConfig, get_peft_model

    loaded = _load(tiny("llama"))
    plain = _likelihoods(evaluate_harness(loaded, [TASKS / "kinds.yaml"])["keeptune_kinds"])
    loaded.model = get_peft_model(loaded.model, LoraConfig(target_modules=["q_proj", "v_proj"])).eval()
    untrained = _likelihoods(evaluate_harness(loaded, [TASKS / "kinds.yaml"])["keeptune_kinds"])
    with torch.no_grad():
        for name, weight in loaded.model.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.3)
    trained = _likelihoods(evaluate_harness(loaded, [TASKS / "kinds.yaml"])["keeptune_kinds"])
    assert untrained == pytest.approx(plain, rel=1e-5)
    assert trained != pytest.approx(plain, rel=1e-3)


@pytest.mark.usefixtures("_harness")
def test_worked_examples_and_the_chat_template_are_the_harness_s(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    task = tmp_path / "shots.yaml"
    text = (TASKS / "kinds.yaml").read_text()
    task.write_text(text + "fewshot_split: test\n")
    loaded = _load(tiny("llama"))
    (plain,) = evaluate_harness(loaded, [task], limit=1).values()
    (two,) = evaluate_harness(loaded, [task], limit=1, shots=2).values()
    assert plain.records[0].prompt == "A heron is a kind of"
    assert two.records[0].prompt.endswith("\n\nA heron is a kind of")
    assert two.records[0].prompt.count("is a kind of") == 3
    (chat,) = evaluate_harness(loaded, [task], limit=1, chat=True).values()
    assert chat.records[0].prompt == "<|user|>A heron is a kind of<|end|>\n<|assistant|>"


@pytest.mark.usefixtures("_harness")
def test_it_prints_nothing(tiny: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    evaluate_harness(_load(tiny("llama")), [TASKS / "pages.yaml"])
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.usefixtures("_harness")
def test_what_cannot_be_asked_is_told(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    loaded = _load(tiny("llama"))
    with pytest.raises(DataError, match=r"missing\.yaml cannot be loaded"):
        evaluate_harness(loaded, [tmp_path / "missing.yaml"])
    with pytest.raises(DataError, match="no task of lm-evaluation-harness in"):
        evaluate_harness(loaded, [tmp_path])
    text = (TASKS / "kinds.yaml").read_text()
    (tmp_path / "bad.yaml").write_text(text.replace("kinds.jsonl", "nowhere.jsonl"))
    with pytest.raises(DataError, match=r"keeptune_kinds cannot be loaded: .*nowhere\.jsonl"):
        evaluate_harness(loaded, [tmp_path])
    (tmp_path / "bad.yaml").write_text(text + "unsafe_code: true\n")
    with pytest.raises(ConfigError, match="runs code that the model writes"):
        evaluate_harness(loaded, [tmp_path / "bad.yaml"])
    attach_adapter(loaded, Adapter(kind="prompt"), seed=0)
    with pytest.raises(ConfigError, match="with a soft prompt"):
        evaluate_harness(loaded, [TASKS / "sums.yaml"])


@pytest.mark.usefixtures("_harness")
def test_a_file_that_the_harness_passes_over_is_told(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text((TASKS / "kinds.yaml").read_text())
    (tmp_path / "torn.yaml").write_text("task: [")
    heard: list[Event] = []
    assert list(evaluate_harness(_load(tiny("llama")), [tmp_path], limit=1, observer=heard.append)) == [
        "keeptune_kinds"
    ]
    (notice,) = [event for event in heard if isinstance(event, Notice)]
    assert "torn.yaml" in notice.message


def test_without_the_harness_the_install_line_is_given(
    tiny: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(MissingDependency, match=r"pip install 'lm-eval>="):
        evaluate_harness(_load(tiny("llama")), ["hellaswag"])


def _likelihoods(task: HarnessTask) -> list[Any]:
    return [value for record in task.records for value in record.answer.choice_loglikelihoods]
