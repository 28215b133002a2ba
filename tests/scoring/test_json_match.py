"""JSON answers: read strictly or leniently, and compared by value."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_items import corpus, example, value, wrote

from keeptune.errors import MetricError
from keeptune.records import Answer
from keeptune.scoring.metric import UNSCORED, sum_counts
from keeptune.scoring.metrics.json_match import Json, parse_json, read_json, same_json
from keeptune.scoring.parse_outcome import ParseOutcome
from keeptune.scoring.table import METRICS

MATCH, MATCH_STRICT = METRICS["json_match"], METRICS["json_match_strict"]
REFERENCE = '{"name": "Ann", "age": 31}'
STRICT, LENIENT, FAILED = ParseOutcome.STRICT, ParseOutcome.LENIENT, ParseOutcome.FAILED


@pytest.mark.parametrize(
    ("output", "found", "outcome"),
    [
        ('{"a": 1}', {"a": 1}, STRICT),
        (" [1, 2]\n", [1, 2], STRICT),
        ("null", None, STRICT),
        ('```json\n{"a": 1}\n```', {"a": 1}, LENIENT),
        ('Like [this]:\n```\n{"a": 1}\n```', {"a": 1}, LENIENT),
        ('The object is {"a": {"b": []}}, I think', {"a": {"b": []}}, LENIENT),
        ('a {set} is not, but {"a": 1} is; so is {"a": 2}', {"a": 1}, LENIENT),
    ],
)
def test_json_is_found(output, found, outcome):
    assert parse_json(output) == (Json(found), outcome)


@pytest.mark.parametrize(
    "output", ["", "a: 1", "{'a': 1}", '{"a": 1,}', '{"a": NaN}', '{"a": 1', "[" * 100_000, "[" * 50 + "x"]
)
def test_what_is_not_json_is_not_found(output):
    assert parse_json(output) == (None, FAILED)


@pytest.mark.parametrize(
    ("output", "lenient", "strict"),
    [
        ('{"name": "Ann", "age": 31}', 100, 100),
        ('{"age": 31.0, "name": "Ann"}', 100, 100),
        ('Sure! {"name": "Ann", "age": 31}', 100, 0),
        ('{"name": "Ann", "age": "31"}', 0, 0),
        ('{"name": "Ann"}', 0, 0),
        ('{"name": "Ann", "age": 31, "job": null}', 0, 0),
        ("Ann is 31", 0, 0),
    ],
)
def test_the_right_keys_with_the_right_values_count(output, lenient, strict):
    assert value(MATCH, output, REFERENCE) == lenient
    assert value(MATCH_STRICT, output, REFERENCE) == strict


def test_any_reference_may_match_and_outcomes_are_counted():
    outputs = ["[1]", "so: [2]", "none"]
    assert corpus(MATCH, outputs, [["[1]", "[2]"]] * 3) == pytest.approx(200 / 3)
    counts, _, _ = sum_counts([MATCH.item(wrote(output), example("[1]", "[2]")) for output in outputs])
    assert (counts["parse_strict"], counts["parse_lenient"], counts["parse_failed"]) == (1, 1, 1)
    assert MATCH.item(Answer("i0"), example("[1]")) == UNSCORED


def test_a_reference_that_is_not_json_names_the_item():
    with pytest.raises(MetricError, match="a reference of item i0 is not JSON"):
        value(MATCH, "{}", "{a: 1}")


def test_true_is_not_one():
    assert not same_json(True, 1)
    assert not same_json([0], [False])
    assert same_json({"a": [True, 1, None]}, {"a": [True, 1.0, None]})


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(TREES, st.sampled_from([None, 2]))
def test_every_value_is_read_back_and_equals_itself(tree, indent):
    read = read_json(json.dumps(tree, indent=indent))
    assert read is not None
    assert same_json(read.value, tree)


@given(TREES, TREES)
def test_equality_is_that_of_the_written_form(one, other):
    def written(tree):
        return json.dumps(tree, sort_keys=True).replace("-0.0", "0.0")

    if written(one) == written(other):
        assert same_json(one, other)
    assert same_json(one, other) == same_json(other, one)
