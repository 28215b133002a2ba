"""Constraints that code can check, and the metric of instructions kept."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_items import corpus, example, value, wrote

from keeptune.errors import MetricError
from keeptune.records import Answer
from keeptune.scoring.constraints import Constraint, parse_constraints
from keeptune.scoring.metric import UNSCORED, sum_counts
from keeptune.scoring.metrics.constraints import readings
from keeptune.scoring.table import METRICS

LENIENT, STRICT = METRICS["constraints"], METRICS["constraints_strict"]


def test_a_line_is_read_in_order():
    assert parse_constraints("words<=8; starts:Yes; uppercase; count:red apple=3; no:,; contains:x=1") == (
        Constraint("words", "", "<=", 8),
        Constraint("starts", "Yes"),
        Constraint("uppercase"),
        Constraint("count", "red apple", "=", 3),
        Constraint("no", ","),
        Constraint("contains", "x=1"),
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("shout", "'shout' in 'shout' is not a constraint"),
        ("words<=8;uppercase", "is not a constraint"),
        ("words<8", "is not a constraint"),
        ("", "is not a constraint"),
        ("words", "not of the form 'words<=3'"),
        ("words:red=3", "not of the form 'words<=3'"),
        ("starts", "not of the form 'starts:text'"),
        ("count:red", "not of the form 'count:text<=3'"),
        ("uppercase:YES", "not of the form 'uppercase'"),
    ],
)
def test_a_line_that_cannot_be_read_says_what_is_wrong(line, words):
    with pytest.raises(MetricError, match=words):
        parse_constraints(line)


@pytest.mark.parametrize(
    ("line", "keeps", "breaks"),
    [
        ("words=3", ["a b c", " a  b\nc "], ["a b", "a b c d", ""]),
        ("words>=2", ["a b", "a b c"], ["a"]),
        ("sentences=2", ["One. Two!", 'He said "no." She left', "It costs 3.50 today. Good."], ["One.", "A. B. C."]),
        ("lines<=2", ["a", "a\n\nb"], ["a\nb\nc"]),
        ("bullets=2", ["- a\n- b", "Two:\n* a\n  * b"], ["a\nb", "-a\n-b", "- a\n- b\n- c"]),
        ("numbered=2", ["1. a\n2. b", "1) a\n\n2) b"], ["1. a\n3. b", "2. a\n1. b", "- a\n- b"]),
        ("items=3", ["a, b, c", "a, b and c, d."], ["a, b", "a,, b"]),
        ("characters<=3", ["abc", " abc "], ["abcd"]),
        ("count:cat=2", ["Cat and cat.", "the cat, the cats, a cat"], ["cat", "cat cat cat"]),
        ("count:!=2", ["No! No!"], ["No!", "!!!"]),
        ("contains:cat", ["A cat.", "CAT"], ["cats", "concatenate"]),
        ("contains:e-mail", ["an e-mail"], ["e mail"]),
        ("no:,", ["a b"], ["a, b"]),
        ("no:cat", ["cats"], ["the cat"]),
        ("starts:Yes", ["yes, I do", "Yes"], ["No", "I say yes"]),
        ("ends:the end.", ["It is The end."], ["The end"]),
        ("only:yes|no", ["Yes", "no."], ["yes and no", "maybe"]),
        ("uppercase", ["NO 3!"], ["No", "3!"]),
        ("lowercase", ["no 3!"], ["No", "3!"]),
        ("quoted", ['"a b"', "“a”"], ["a", '"a" b', '""']),
        ("json", ['{"a": 1}', "[1]", "null"], ["{'a': 1}", "a", "{"]),
    ],
)
def test_each_constraint(line, keeps, breaks):
    (constraint,) = parse_constraints(line)
    assert [text for text in keeps if not constraint.holds(text)] == []
    assert [text for text in breaks if constraint.holds(text)] == []


def test_only_all_constraints_together_count():
    spec = "words=2; starts:red; no:,"
    assert value(LENIENT, "red apple", spec) == 100
    assert value(LENIENT, "red, apple", spec) == 0
    assert corpus(LENIENT, ["red apple", "apple"], [[spec], [spec]]) == 50
    counts, _, _ = sum_counts([LENIENT.item(wrote(text), example(spec)) for text in ("red apple", "apple")])
    assert (counts["held"], counts["constraints"]) == (4, 6)
    assert LENIENT.item(Answer("i0"), example(spec)) == UNSCORED


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("Sure, here is a sentence with three words:\n\nI like tea.", "words=3"),
        ("Here are two fruits: apple, pear", "items=2; starts:apple"),
        ("Three words follow:\nI like tea", "words=3"),
        ('"I like tea."', "starts:I; ends:tea."),
        ("**Yes**", "only:yes|no"),
        ("Of course!\n\n**HELLO**", "uppercase"),
        ('```json\n{"a": 1}\n```', "json"),
        ("Here you go:\n```\nhello\n```\nHope this helps", "words=1"),
        ("\n  hello  \n", "starts:hello; characters<=5"),
        ('Sure, here is it:\n"yes it is"', "contains:sure; words<=3"),
    ],
)
def test_leniently_the_dress_of_an_answer_is_taken_off(output, line):
    assert value(LENIENT, output, line) == 100
    assert value(STRICT, output, line) == (100 if output.strip() == "hello" else 0)


@pytest.mark.parametrize(
    ("output", "line"),
    [("I like tea, and here is why: it is warm", "words=3"), ("The answer is yes", "only:yes|no"), ("", "words<=3")],
)
def test_what_is_not_dress_stays(output, line):
    assert value(LENIENT, output, line) == 0


TEXTS = st.text(st.sampled_from('ab A.,!"\n*`:-1{}'), max_size=40)
LINES = st.sampled_from(
    ["words<=3", "words>=2; no:,", "sentences=1", "uppercase", "lowercase", "quoted", "json", "bullets=1", "items=2"]
)


@given(TEXTS, LINES)
def test_what_holds_strictly_holds_leniently(text, line):
    assert value(LENIENT, text, line) >= value(STRICT, text, line)
    assert readings(text)[0] == text


@given(st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1), min_size=1, max_size=12), st.integers(0, 13))
def test_words_are_counted(words, number):
    text = " ".join(words)
    assert Constraint("words", "", "=", number).holds(text) == (len(words) == number)
    assert Constraint("words", "", "<=", number).holds(text) == (len(words) <= number)
    assert Constraint("words", "", ">=", number).holds(text) == (len(words) >= number)


@given(TEXTS.filter(str.strip), st.sampled_from(["a", "A", "ab", ",", "1", "b a"]))
def test_contains_is_the_opposite_of_no_and_follows_from_count(text, wanted):
    contains = Constraint("contains", wanted).holds(text)
    assert contains != Constraint("no", wanted).holds(text)
    assert contains == Constraint("count", wanted, ">=", 1).holds(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_all_json_is_json(tree):
    assert Constraint("json").holds(json.dumps(tree))
