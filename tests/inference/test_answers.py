"""Records hold what their metrics read, and a scripted model scores what it must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from keeptune.config import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.events import EvaluationDone, EvaluationProgress, EvaluationStarted, Event, Notice, Observer, silent
from keeptune.inference import answers
from keeptune.inference.answers import AnswerSettings, answer_items, corpus_scores, evaluate_model, score_answers
from keeptune.inference.engine import Request
from keeptune.inference.generate import Generated
from keeptune.models.load import LoadedModel, load_model
from keeptune.records import Example, Message, from_plain, to_plain
from keeptune.records.eval_record import EvalRecord
from keeptune.scoring.table import get_metric

ITEMS = [
    Example(
        f"q{i}",
        (Message("user", f"Is {i} even?"),),
        ("yes", "no")[i % 2],
        (("yes", "no")[i % 2],),
        choices=("yes", "no"),
        group=f"g{i // 2}",
    )
    for i in range(6)
]


@pytest.fixture
def asked(tiny: Callable[..., Path]) -> tuple[LoadedModel, AnswerSettings]:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    return loaded, AnswerSettings(Encoder(loaded.tokenizer, "causal", 512), 6, 200)


@pytest.mark.parametrize(
    ("names", "output", "loss", "choices"),
    [
        (("exact_match",), True, False, False),
        (("token_loss",), False, True, False),
        (("choice_accuracy",), False, False, True),
        (("exact_match", "token_loss", "choice_accuracy"), True, True, True),
    ],
)
def test_answers_hold_what_the_metrics_read_and_no_more(
    asked: tuple[LoadedModel, AnswerSettings], names: Sequence[str], output: bool, loss: bool, choices: bool
) -> None:
    loaded, answer_settings = asked
    metrics = [get_metric(name) for name in names]
    answers = answer_items(loaded, answer_settings, ITEMS, metrics, silent, "base")
    assert [answer.item_id for answer in answers] == [item.id for item in ITEMS]
    for answer, item in zip(answers, ITEMS, strict=True):
        assert (answer.output is not None, answer.finish != "none") == (output, output)
        assert (answer.reference_loglikelihood is not None, answer.reference_tokens > 0) == (loss, loss)
        assert len(answer.choice_loglikelihoods) == len(answer.choice_tokens) == (2 if choices else 0)
        assert answer.prompt_tokens == len(answer_settings.encoder.prompt(item)[0])
    records = score_answers(ITEMS, answers, metrics)
    assert all(set(record.scores) == set(names) for record in records)
    assert all(score.value is not None for record in records for score in record.scores.values())
    assert [record.cluster for record in records] == ["g0", "g0", "g1", "g1", "g2", "g2"]
    # From the files alone, without a model, the same scores come again.
    again = [from_plain(EvalRecord, to_plain(record)) for record in records]
    assert again == records
    assert corpus_scores(again, metrics) == corpus_scores(records, metrics)
    if loss and choices:
        likely = [
            dict(zip(i.choices, a.choice_loglikelihoods, strict=True)) for i, a in zip(ITEMS, answers, strict=True)
        ]
        expected = [likely[n][item.completion] for n, item in enumerate(ITEMS)]
        assert [answer.reference_loglikelihood for answer in answers] == pytest.approx(expected, rel=1e-5)


def test_a_scripted_model_scores_what_it_must(
    asked: tuple[LoadedModel, AnswerSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    script = ["yes", "no", "Yes.", "maybe", "no", "no"]

    def generate(
        loaded: Any, request: Request, kept: Any, progress: Callable[[int], None], observer: Observer
    ) -> list[Generated]:
        assert (request.max_new_tokens, request.token_budget, observer) == (6, 200, told.append)
        progress(3)
        progress(6)
        return [Generated(text, len(text), "stop") for text in script]

    monkeypatch.setattr(answers, "generate_kept", generate)
    loaded, answer_settings = asked
    records, scores = evaluate_model(loaded, answer_settings, ITEMS, [get_metric("exact_match")], told.append, "base")
    assert [record.scores["exact_match"].value for record in records] == [100, 100, 100, 0, 0, 100]
    assert scores == {"exact_match": pytest.approx(100 * 4 / 6)}
    assert [event for event in told if isinstance(event, EvaluationStarted)] == [EvaluationStarted("base", 6)]
    assert [event.done for event in told if isinstance(event, EvaluationProgress)] == [3, 6]
    done = told[-1]
    assert isinstance(done, EvaluationDone)
    assert (done.name, done.items, done.cached, dict(done.metrics)) == ("base", 6, False, dict(scores))


def test_prompts_that_are_cut_are_told(asked: tuple[LoadedModel, AnswerSettings]) -> None:
    loaded, answer_settings = asked
    told: list[Event] = []
    long = Example("long", (Message("user", "word " * 200),), "yes", ("yes",))
    answers = answer_items(loaded, answer_settings, [long, *ITEMS], [get_metric("exact_match")], told.append, "base")
    notices = [event for event in told if isinstance(event, Notice)]
    assert [notice.kind for notice in notices] == ["truncated"]
    assert "1 of 7 prompts" in notices[0].message
    assert answers[0].prompt_tokens == 512 - 6


@pytest.mark.parametrize("names", [("choice_accuracy",), ("token_loss",), ("exact_match", "choice_accuracy")])
def test_progress_is_told_once_an_item(asked: tuple[LoadedModel, AnswerSettings], names: Sequence[str]) -> None:
    loaded, answer_settings = asked
    told: list[Event] = []
    answer_items(loaded, answer_settings, ITEMS, [get_metric(name) for name in names], told.append, "base")
    done = [event.done for event in told if isinstance(event, EvaluationProgress)]
    assert done == sorted(done)
    assert done[-1] == 6
    assert done.count(6) == 1
