"""Accuracy over closed choices: by likelihood, and by what is written."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_items import example, wrote

from keeptune.errors import MetricError
from keeptune.records import Answer
from keeptune.scoring.metric import UNSCORED, corpus_score, sum_counts
from keeptune.scoring.metrics.label_accuracy import parse_label
from keeptune.scoring.parse_outcome import ParseOutcome
from keeptune.scoring.table import METRICS

BY_SUM, BY_TOKEN = METRICS["choice_accuracy"], METRICS["choice_accuracy_norm"]
LABEL, LABEL_STRICT = METRICS["label_accuracy"], METRICS["label_accuracy_strict"]
ITEM = example("no", choices=("yes", "no"))
STRICT, LENIENT, FAILED = ParseOutcome.STRICT, ParseOutcome.LENIENT, ParseOutcome.FAILED


def likely(*values, tokens=None):
    return Answer("i0", choice_loglikelihoods=values, choice_tokens=tokens or (1,) * len(values))


def test_the_most_likely_choice_decides():
    assert BY_SUM.item(likely(-2.0, -1.0), ITEM).value == 100
    assert BY_SUM.item(likely(-1.0, -2.0), ITEM).value == 0
    assert BY_SUM.item(likely(-math.inf, -700.0), ITEM).value == 100


def test_by_token_takes_away_the_advantage_of_the_short():
    answer = likely(-2.0, -3.0, tokens=(1, 3))
    assert BY_SUM.item(answer, ITEM).value == 0
    assert BY_TOKEN.item(answer, ITEM).value == 100


def test_a_tie_is_wrong_whatever_the_order():
    assert BY_SUM.item(likely(-1.0, -1.0), ITEM).value == 0
    assert BY_SUM.item(likely(-1.0, -1.0), example("yes", choices=("yes", "no"))).value == 0


def test_a_tie_between_two_right_choices_is_right():
    both = example("no", "nope", choices=("yes", "no", "nope"))
    assert BY_SUM.item(likely(-2.0, -1.0, -1.0), both).value == 100


def test_choices_that_cannot_be_scored_say_which_item():
    assert BY_SUM.item(Answer("i0"), ITEM) == UNSCORED
    for answer, item, words in [
        (likely(-1.0), ITEM, "item i0 has 2 choices"),
        (likely(-1.0, math.nan), ITEM, "item i0 has the log-likelihood NaN"),
        (likely(-1.0, -2.0), example("perhaps", choices=("yes", "no")), "not among its choices"),
        (likely(-1.0), example("yes"), "closed set of choices; item i0"),
    ]:
        with pytest.raises(MetricError, match=words):
            BY_SUM.item(answer, item)
    with pytest.raises(MetricError, match="number of tokens"):
        BY_TOKEN.item(Answer("i0", choice_loglikelihoods=(-1.0, -2.0)), ITEM)


LETTERS = ("A", "B", "C", "D")


@pytest.mark.parametrize(
    ("output", "choices", "index", "outcome"),
    [
        ("no", ("yes", "no"), 1, STRICT),
        (" no\n", ("yes", "no"), 1, STRICT),
        ("No.", ("yes", "no"), 1, LENIENT),
        ("**no**", ("yes", "no"), 1, LENIENT),
        ("No, because yes would be odd", ("yes", "no"), 1, LENIENT),
        ("No one can tell if yes", ("yes", "no"), None, FAILED),
        ("no\nExplanation: yes and no", ("yes", "no"), 1, LENIENT),
        ("The answer is no.", ("yes", "no"), 1, LENIENT),
        ("Topic: Sports", ("World", "Sports"), 1, LENIENT),
        ("I would say it is sports news", ("World", "Sports"), 1, LENIENT),
        ("they are not duplicates", ("duplicates", "not duplicates"), 1, LENIENT),
        ("know", ("yes", "no"), None, FAILED),
        ("yes or no", ("yes", "no"), None, FAILED),
        ("", ("yes", "no"), None, FAILED),
        ("less, I think", ("more", "less", "no effect"), 1, LENIENT),
        ("A", ("A", "a"), 0, STRICT),
        ('"a"', ("A", "a"), 1, LENIENT),
        ("a or A", ("A", "a"), None, FAILED),
        ("B) a mammal", LETTERS, 1, LENIENT),
        ("(B) A mammal", LETTERS, 1, LENIENT),
        ("B - a mammal", LETTERS, 1, LENIENT),
        ("The correct answer is (B) because a whale is one", LETTERS, 1, LENIENT),
        ("The answer is B because a whale is one", LETTERS, 1, LENIENT),
        ("I think it is a mammal.", LETTERS, None, FAILED),
        ("it is NO", ("yes", "no"), 1, LENIENT),
    ],
)
def test_labels_are_read(output, choices, index, outcome):
    assert parse_label(output, choices) == (index, outcome)


@given(st.sampled_from(["World", "Sports", "Business", "Technology"]), st.sampled_from(["", " ", "\n"]))
def test_a_choice_itself_is_always_read_strictly(choice, space):
    choices = ("World", "Sports", "Business", "Technology")
    assert parse_label(space + choice + space, choices) == (choices.index(choice), STRICT)


def test_unreadable_labels_are_wrong_and_counted():
    scores = [LABEL.item(wrote(text), ITEM) for text in ("no", "No!", "perhaps", "yes")]
    counts, scored, unscored = sum_counts(scores)
    assert [score.value for score in scores] == [100, 100, 0, 0]
    assert (scored, unscored) == (4, 0)
    assert (counts["parse_strict"], counts["parse_lenient"], counts["parse_failed"]) == (2, 1, 1)
    assert corpus_score(LABEL, scores) == 50
    assert [LABEL_STRICT.item(wrote(text), ITEM).value for text in ("no", "No!")] == [100, 0]
