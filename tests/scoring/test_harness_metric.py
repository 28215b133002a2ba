"""Metrics of lm-evaluation-harness: their names, and what is read from the values that it logged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptune.records import Answer, Example, Undefined
from keeptune.scoring.harness_metric import HarnessMetric, harness_metric, harness_scores
from keeptune.scoring.metric import UNSCORED, corpus_score
from keeptune.scoring.table import counted_in, get_metric


@given(
    st.sampled_from(["acc", "exact_match,strict-match", "pass@1", "f1"]),
    st.sampled_from(["", "graded", "nats"]),
    st.booleans(),
)
def test_a_name_tells_all_of_its_metric(of: str, kind: Any, higher: bool) -> None:
    metric = HarnessMetric(of, kind, higher and kind != "nats")
    assert harness_metric(metric.name) == metric
    assert get_metric(metric.name) == metric


def test_names_units_and_kinds() -> None:
    assert HarnessMetric("acc").name == "lm-eval:acc"
    assert HarnessMetric("wer", "graded", False).name == "lm-eval:wer:graded:lower"
    binary, graded, loss = (get_metric(f"lm-eval:{name}") for name in ("acc", "f1:graded", "word_perplexity:nats"))
    assert [metric.binary for metric in (binary, graded, loss)] == [True, False, False]
    assert [metric.unit for metric in (binary, graded, loss)] == ["points", "points", "nats"]
    assert [metric.higher_is_better for metric in (binary, graded, loss)] == [True, True, False]
    assert binary.item(Answer("a", "text"), Example("a", (), "b")) is UNSCORED


def test_a_loss_says_what_it_is_counted_in() -> None:
    assert counted_in("lm-eval:word_perplexity:nats") == "nats per word"
    assert counted_in("lm-eval:bits_per_byte:nats") == "nats per byte"
    assert counted_in("lm-eval:perplexity:nats") == "nats per answer"
    assert counted_in("lm-eval:acc") == counted_in("rouge1") == counted_in("own.py:score") == "points"
    assert counted_in("token_loss") == "nats per token"


def test_right_and_wrong_are_also_graded() -> None:
    (binary, scores), (graded, same) = harness_scores("acc", [1, 0.0, True, np.float64(1), np.bool_(False), "True"])
    assert (binary.name, graded.name) == ("lm-eval:acc", "lm-eval:acc:graded")
    assert [score.value for score in scores] == [100.0, 0.0, 100.0, 100.0, 0.0, 100.0]
    assert same == scores
    assert corpus_score(binary, scores) == pytest.approx(400 / 6)


def test_values_between_are_points() -> None:
    ((metric, scores),) = harness_scores("f1,none", [0.25, 1.0, None, math.nan])
    assert metric.name == "lm-eval:f1,none:graded"
    assert [score.value for score in scores] == [25.0, 100.0, None, None]
    assert corpus_score(metric, scores) == 62.5


def test_what_is_better_when_lower() -> None:
    assert harness_scores("wer", [0.5], higher_is_better=False)[0][0].name == "lm-eval:wer:graded:lower"
    assert harness_scores("ter", [0.5])[0][0].higher_is_better is False
    assert harness_scores("unheard", [0.5])[0][0].higher_is_better is True


def test_a_weighted_loss_weighs_words_not_items() -> None:
    ((metric, scores),) = harness_scores("word_perplexity", [(-20.0, 10), [-6.0, 2]])
    assert [score.value for score in scores] == [2.0, 3.0]
    assert corpus_score(metric, scores) == pytest.approx(26 / 12)
    ((single, scores),) = harness_scores("perplexity", [-3.0, -5.0])
    assert (single.name, corpus_score(single, scores)) == ("lm-eval:perplexity:nats", 4.0)


@pytest.mark.parametrize(
    "values", [[(0, 1), (1, 1)], [0.5, 37.0], [-0.1], ["a"], [{"x": 1}], [np.array([1, 0])], [None]]
)
def test_what_has_no_mean_of_fractions_is_unscored(values: list[Any]) -> None:
    ((metric, scores),) = harness_scores("mcc", values)
    assert metric.name == "lm-eval:mcc:graded"
    assert scores == [UNSCORED] * len(values)
    assert isinstance(corpus_score(metric, scores), Undefined)


def test_a_mean_that_is_not_the_harness_s_score_is_not_used() -> None:
    assert harness_scores("acc", [1, 0, 1], corpus=2 / 3)[0][1][0].value == 100.0
    assert harness_scores("acc", [1, 0, 1], corpus=0.5)[0][1] == [UNSCORED] * 3


def test_a_text_of_endless_size_is_unscored() -> None:
    ((metric, scores),) = harness_scores("bits_per_byte", [[-20.0, math.inf], [-6.0, 2]])
    assert scores[0] == UNSCORED
    assert corpus_score(metric, scores) == 3.0


def test_a_loss_beyond_all_numbers_is_unscored() -> None:
    ((_, scores),) = harness_scores("word_perplexity", [(-1e308, 1e-9), (-1.0, 0), (-1.0, 2)])
    assert [score.value for score in scores] == [None, None, 0.5]
