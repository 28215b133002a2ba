"""Exact match, token F1, token loss and final answer, by hand and against SQuAD's formula."""

import collections
import re
import string
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_items import corpus, example, value, wrote

from keeptune.errors import MetricError
from keeptune.forgetting.contained import CONTAINED
from keeptune.records import Answer
from keeptune.scoring.metric import UNSCORED, corpus_score
from keeptune.scoring.metrics.final_answer import final_number
from keeptune.scoring.metrics.token_f1 import token_f1
from keeptune.scoring.normalise import squad_normalise
from keeptune.scoring.table import METRICS

EXACT, F1, LOSS, FINAL = (METRICS[n] for n in ("exact_match", "token_f1", "token_loss", "final_answer"))


def slow_f1(prediction, truth):
    """The formula as the SQuAD paper states it, written apart from ours."""

    def normal(s):
        s = "".join(ch for ch in s.lower() if ch not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", s).split()

    p, t = normal(prediction), normal(truth)
    same = sum((collections.Counter(p) & collections.Counter(t)).values())
    if same == 0:
        return 0
    precision, recall = same / len(p), same / len(t)
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Quick, brown fox!", "quick brown fox"),
        ("an apple a day", "apple day"),
        ("theory", "theory"),
        ("5.1", "51"),
        ("U.S.A.", "usa"),
        ("A", ""),
        ("", ""),
    ],
)
def test_normalisation(text, normal):
    assert squad_normalise(text) == normal


def test_exact_match_is_binary_and_takes_any_reference():
    assert value(EXACT, "the Percy Shelley.", "Percy Shelley") == 100
    assert value(EXACT, "Shelley", "Byron", "shelley") == 100
    assert value(EXACT, "Percy", "Percy Shelley") == 0
    assert corpus(EXACT, ["a b", "c"], [("a b",), ("d",)]) == 50


def test_token_f1_by_hand():
    assert token_f1("cat sat", "the cat ran") == pytest.approx(2 * 0.5 * 0.5 / 1.0)
    assert token_f1("b b b", "b b") == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))
    assert token_f1("the", "a") == 0, "both empty once normalised, as in the official script"
    assert value(F1, "Percy", "Byron", "Percy Shelley") == pytest.approx(100 * 2 / 3)


@given(st.text("ab the.,X ", max_size=20), st.text("ab the.,X ", max_size=20))
def test_token_f1_properties(one, other):
    assert token_f1(one, other) == pytest.approx(slow_f1(one, other))
    assert token_f1(one, other) == pytest.approx(token_f1(other, one))
    assert 0 <= token_f1(one, other) <= 1
    assert token_f1(one, one) in (0, pytest.approx(1))


def test_token_loss_weighs_tokens_not_items():
    short = Answer("a", reference_loglikelihood=-2.0, reference_tokens=1)
    long = Answer("b", reference_loglikelihood=-9.0, reference_tokens=9)
    scores = [LOSS.item(answer, example("x")) for answer in (short, long)]
    assert [score.value for score in scores] == [2.0, 1.0]
    assert corpus_score(LOSS, scores) == pytest.approx(1.1)
    assert not LOSS.higher_is_better
    assert LOSS.unit == "nats"
    assert LOSS.item(Answer("c"), example("x")) == UNSCORED


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The answer is 72.", "72"),
        ("so $1,234.50", "1234.50"),
        ("#### -5", "-5"),
        ("4-3", "3"),
        ("4 -3", "3"),
        ("4 - 3", "3"),
        ("x-3", "3"),
        ("The answer is -5", "-5"),
        ("x is −4", "-4"),
        ("a loss of -$5", "-5"),
        ("a loss of $-1,005.50", "-1005.50"),
        ("It costs 3 dollars, not 4", "4"),
        ("7%", "7"),
        ("1,2,3", "3"),
        ("none", None),
    ],
)
def test_final_number(text, number):
    assert final_number(text) == (None if number is None else Decimal(number))


def test_final_answer_compares_values_not_spellings():
    assert value(FINAL, "Thus 72.0", "… The answer is 72.") == 100
    assert value(FINAL, "72, no, 73", "The answer is 72.") == 0
    assert value(FINAL, "I do not know", "72") == 0
    with pytest.raises(MetricError, match="item i0 holds a number"):
        FINAL.item(wrote("3"), example("three"))


@pytest.mark.parametrize("reference", ["A", "the", "+", "?"])
def test_what_normalisation_leaves_nothing_of_is_compared_as_written(reference):
    for metric in (EXACT, F1):
        assert value(metric, f" {reference.lower()}\n", reference) == 100.0
        assert [value(metric, wrong, reference) for wrong in ("", "an", "-", "B")] == [0.0] * 4


@pytest.mark.parametrize(("output", "found"), [("The answer is A.", 100.0), ("", 0.0), ("Another", 0.0), ("B", 0.0)])
def test_a_letter_is_contained_as_a_word(output, found):
    assert value(CONTAINED, output, "A") == found


def test_a_loss_that_is_not_finite_names_the_item():
    with pytest.raises(MetricError, match=r"item .* a loss of (nan|inf)"):
        LOSS.item(Answer("7", None, reference_loglikelihood=float("nan"), reference_tokens=3), example("x"))
