"""What a finished run is used for: scored again, asked a file of prompts, talked to beside its base."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.chat import Chat, open_chat
from keeptune.api.evaluate import evaluate
from keeptune.api.predict import predict
from keeptune.api.route import open_router
from keeptune.config import DataConfig, EvaluationConfig, ModelConfig
from keeptune.errors import ConfigError, DataError, RunExists, StoreError
from keeptune.events import EvaluationDone, Notice
from keeptune.inference import chat as chat_module
from keeptune.inference.answers import corpus_scores
from keeptune.records import EvalRecord, EvalResult, from_plain
from keeptune.scoring.table import get_metric
from keeptune.workspace.run_comparison import compare_entries
from keeptune.workspace.run_entry import read_entry
from tests.api.runs import CPU, Ran, Told

ASKED = EvaluationConfig(max_new_tokens=8, metrics=("rouge1", "token_loss"))


def tuned(run: Ran) -> ModelConfig:
    return ModelConfig(name=str(run.path), **CPU)


@pytest.mark.parametrize("who", ["base", "tuned"])
def test_evaluate_gives_the_scores_of_the_run(run: Ran, tmp_path: Path, who: str) -> None:
    model = run.config.model if who == "base" else tuned(run)
    result = evaluate(model, DataConfig(test=run.config.data.test), ASKED, str(tmp_path / "eval"))
    assert result.items == 12
    assert result.scores == pytest.approx(dict(run.result.scores[who]), rel=1e-6)
    plain = json.loads((tmp_path / "eval" / "result.json").read_text(encoding="utf-8"))
    assert from_plain(EvalResult, plain) == result
    lines = Path(result.records_path).read_text(encoding="utf-8").splitlines()
    records = [from_plain(EvalRecord, json.loads(line)) for line in lines]
    assert corpus_scores(records, [get_metric(name) for name in ASKED.metrics]) == dict(result.scores)
    before = (tmp_path / "eval" / "result.json").read_bytes()
    with pytest.raises(RunExists):
        evaluate(model, DataConfig(test=run.config.data.test), ASKED, str(tmp_path / "eval"))
    assert (tmp_path / "eval" / "result.json").read_bytes() == before


def test_evaluate_keeps_the_answers_of_a_base_only(run: Ran, tmp_path: Path) -> None:
    data = DataConfig(test=run.config.data.test, limit_test=4)
    cached = []
    for number, model in enumerate((run.config.model, run.config.model, tuned(run), tuned(run))):
        told = Told()
        assert evaluate(model, data, ASKED, str(tmp_path / str(number)), told).items == 4
        cached.append(told.of(EvaluationDone)[0].cached)
    assert cached == [False, True, False, False]
    evaluate(run.config.model, dataclasses.replace(data, limit_test=3), ASKED, str(tmp_path / "fewer"))
    entries = [read_entry(tmp_path / name, name) for name in ("0", "2", "fewer")]
    assert [list(row.cells) for row in compare_entries(entries).scores] == [["0", "2"], ["fewer"]]


def test_evaluate_with_shots(run: Ran, tmp_path: Path) -> None:
    shots = dataclasses.replace(ASKED, few_shot=2)
    data = DataConfig(test=run.config.data.test, limit_test=4)
    with pytest.raises(ConfigError, match="few-shot prompts need train rows"):
        evaluate(run.config.model, data, shots, str(tmp_path / "none"))
    data = dataclasses.replace(data, train=run.config.data.train)
    shown = evaluate(run.config.model, data, shots, str(tmp_path / "shown"))
    plain = evaluate(run.config.model, data, ASKED, str(tmp_path / "plain"))
    assert shown.scores["token_loss"] != plain.scores["token_loss"]
    with pytest.raises(ConfigError, match="no items to score"):
        evaluate(run.config.model, DataConfig(), ASKED)
    # No item is shown with its answer.
    with pytest.raises(ConfigError, match="0 train rows are not among the items, and 2 are to be shown"):
        evaluate(run.config.model, DataConfig(test=run.config.data.test, train=run.config.data.test), shots)


ROWS: dict[str, tuple[list[dict[str, Any]], dict[str, str]]] = {
    "prompt": ([{"id": "a", "prompt": "red stone"}, {"id": "b", "prompt": "blue river"}], {}),
    "with answers": ([{"id": "a", "prompt": "red stone", "completion": "x"}, {"id": "b", "prompt": "blue river"}], {}),
    "messages": (
        [
            {"id": "a", "messages": [{"role": "user", "content": "red stone"}]},
            {"id": "b", "messages": [{"role": "user", "content": "blue river"}]},
        ],
        {},
    ),
    "sharegpt": (
        [
            {"id": "a", "conversations": [{"from": "human", "value": "red stone"}]},
            {"id": "b", "conversations": [{"from": "human", "value": "blue river"}]},
        ],
        {},
    ),
    "template": (
        [{"id": "a", "colour": "red", "thing": "stone"}, {"id": "b", "colour": "blue", "thing": "river"}],
        {"prompt": "{colour} {thing}"},
    ),
}


@pytest.mark.parametrize("layout", ROWS)
def test_predict_answers_every_row(run: Ran, tmp_path: Path, layout: str) -> None:
    rows, more = ROWS[layout]
    file = tmp_path / "ask.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "answers.jsonl"
    assert predict(tuned(run), DataConfig(test=str(file), **more), ASKED, str(out)) == 2
    answers = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(answer["id"], answer["prompt"]) for answer in answers] == [("a", "red stone"), ("b", "blue river")]
    assert all(set(answer) == {"id", "prompt", "output", "finish"} for answer in answers)
    chat = open_chat(tuned(run))
    talks = [first_words(chat, answer["prompt"]) for answer in answers]
    assert all(talk.startswith(a["output"]) for talk, a in zip(talks, answers, strict=True))


def test_a_table_of_answers_runs_nothing_and_says_so(run: Ran, tmp_path: Path) -> None:
    (tmp_path / "ask.jsonl").write_text('{"prompt": "=1+1"}\n{"prompt": "-3.5"}\n')
    told = Told()
    for name in ("answers.csv", "answers.jsonl"):
        predict(tuned(run), DataConfig(test=str(tmp_path / "ask.jsonl")), ASKED, str(tmp_path / name), told)
    assert "'=1+1" in (tmp_path / "answers.csv").read_text()
    assert "'-3.5" not in (tmp_path / "answers.csv").read_text()
    assert "'=1+1" not in (tmp_path / "answers.jsonl").read_text()
    notices = [notice.message for notice in told.of(Notice) if notice.kind == "formula"]
    assert len(notices) == 1
    assert "1 rows of answers.csv have an apostrophe" in notices[0]


def first_words(chat: Chat, text: str) -> str:
    chat.forget()
    return chat.reply(text)[1]


def test_predict_overwrites_nothing_and_needs_prompts(run: Ran, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    out.write_text("mine")
    with pytest.raises(StoreError, match="exists already"):
        predict(tuned(run), DataConfig(test=run.config.data.test), ASKED, str(out))
    assert out.read_text() == "mine"
    with pytest.raises(ConfigError, match="no prompts to answer"):
        predict(tuned(run), DataConfig(), ASKED, str(tmp_path / "none.jsonl"))
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "a"}\n{"prompt": 7}\n{"prompt": ""}\n')
    with pytest.raises(DataError, match=r"bad\.jsonl") as caught:
        predict(tuned(run), DataConfig(test=str(bad)), ASKED, str(tmp_path / "none.jsonl"))
    assert [problem.line for problem in caught.value.problems] == [2, 3] or len(caught.value.problems) == 1
    assert not (tmp_path / "none.jsonl").exists()


def test_predict_tells_what_it_cuts(run: Ran, tmp_path: Path) -> None:
    file = tmp_path / "ask.jsonl"
    file.write_text(json.dumps({"id": "long", "prompt": "word " * 300}) + "\n")
    told = Told()
    assert predict(tuned(run), DataConfig(test=str(file)), ASKED, str(tmp_path / "out.jsonl"), told) == 1
    assert [notice.kind for notice in told.of(Notice)] == ["truncated"]


def test_chat_with_base_and_tuned(run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_module, "REPLY_TOKENS", 12)
    chat = open_chat(tuned(run))
    assert chat.names == ("base", "tuned")
    assert not hasattr(chat.models["base"].model, "peft_config")
    first = chat.reply("red stone")
    assert first[0] != first[1]
    chat.reply("blue river")
    assert [len(turns) for turns in chat._turns.values()] == [4, 4]
    assert chat._turns["base"][1].content == first[0]
    assert chat._turns["tuned"][1].content == first[1]
    chat.forget()
    assert chat.reply("red stone") == first


def test_a_reply_that_is_stopped_leaves_the_conversation_as_it_was(run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_module, "REPLY_TOKENS", 4)
    chat = open_chat(tuned(run))
    answer, stopped = chat_module.generate, chat.models["tuned"]

    def stop(loaded: Any, *rest: Any, **named: Any) -> Any:
        if loaded is stopped:
            raise KeyboardInterrupt
        return answer(loaded, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(chat_module, "generate", stop)
        with pytest.raises(KeyboardInterrupt):
            chat.reply("red stone")
    assert [len(turns) for turns in chat._turns.values()] == [0, 0]


@pytest.mark.parametrize("opened", [open_chat, open_router])
def test_settings_of_a_model_that_cannot_be_are_refused(run: Ran, opened: Callable[[ModelConfig], Any]) -> None:
    with pytest.raises(ConfigError, match="quantization cannot be 'fp4'"):
        opened(ModelConfig(str(run.path), quantization="fp4"))


def test_chat_with_a_run_of_full_weights(coloured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_module, "REPLY_TOKENS", 8)
    chat = open_chat(ModelConfig(name=str(coloured / "first"), **CPU))
    assert chat.names == ("base", "tuned")
    assert chat.models["base"].hash != chat.models["tuned"].hash
    assert len(chat.reply("red stone")) == 2


def test_chat_with_one_model(run: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_module, "REPLY_TOKENS", 4)
    chat = open_chat(run.config.model)
    assert chat.names == ("model",)
    assert len(chat.reply("red stone")) == 1


def test_a_long_chat_never_outgrows_the_model(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_module, "REPLY_TOKENS", 16)
    chat = open_chat(ModelConfig(name=str(tiny("gpt2")), **CPU))
    for _ in range(4):
        chat.reply("word " * 40)
    assert len(chat._turns["model"]) == 8


def test_predict_asks_a_model_of_few_positions_by_default(run: Ran, tmp_path: Path) -> None:
    # Its 512 positions are no more than the room for an answer elsewhere.
    out = tmp_path / "answers.jsonl"
    assert predict(tuned(run), DataConfig(test=run.config.data.test, limit_test=1), None, str(out)) == 1
