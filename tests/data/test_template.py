"""Templates: plain substitution, and messages that show the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptune.data.template import field_or_template, parse_template
from keeptune.errors import DataError

FIELDS = ("dialogue", "topic name", "x")


def test_fields_are_filled_and_doubled_braces_stand_for_one() -> None:
    template = parse_template("{{json}} {dialogue} / { topic name }{{", FIELDS, "--prompt")
    assert template.fields == ("dialogue", "topic name")
    assert template.fill({"dialogue": "{x} {{y}}", "topic name": "T"}) == "{json} {x} {{y}} / T{"


@given(st.text())
def test_a_value_is_put_in_as_it_is(value: str) -> None:
    assert parse_template("<{x}>", FIELDS, "--prompt").fill({"x": value}) == f"<{value}>"


@given(st.text())
def test_escaped_text_is_itself(text: str) -> None:
    escaped = text.replace("{", "{{").replace("}", "}}")
    assert parse_template(escaped, FIELDS, "--prompt").fill({}) == text


@pytest.mark.parametrize("name", ["x.__class__", "x[0]", "x!r", "x:>10", "", "0", "dialog"])
def test_anything_but_a_field_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="no field") as caught:
        parse_template(f"a\nb\n{{{name}}}", FIELDS, "--prompt")
    assert "--prompt, line 3" in caught.value.message
    assert "dialogue, topic name, x" in caught.value.fix


@pytest.mark.parametrize("text", ["{x", "x}", "{{x}", "{x}}"])
def test_a_stray_brace_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="a single"):
        parse_template(text, FIELDS, "--prompt")


def test_a_field_stands_for_itself() -> None:
    assert field_or_template("topic name", FIELDS, "--completion").fields == ("topic name",)
    with pytest.raises(DataError, match=r'"dialoge" is not a field.*did you mean "dialogue"'):
        field_or_template("dialoge", FIELDS, "--completion")


@pytest.mark.parametrize(
    ("template", "fitting", "other"),
    [
        ("Sum up: {a}", ["Sum up: x", "Sum up: "], ["sum up: x", "x", " Sum up: x", ""]),
        ("A {a}, please", ["A x, please", "A , please"], ["A x", "A, please", "A x, please."]),
        ("{a}\nAnswer: {b} {{x}}", ["q\nAnswer: y {x}"], ["q\nAnswer y {x}", "q\nAnswer: y"]),
        ("aXa{a}aXa", ["aXaaXa"], ["aXaXa"]),
        ("{a}{b}", ["", "x"], []),
    ],
)
def test_a_text_fits_where_a_template_could_have_made_it(template: str, fitting: list[str], other: list[str]) -> None:
    read = parse_template(template, ("a", "b"), "--prompt")
    assert [read.fits(text) for text in (*fitting, *other)] == [True] * len(fitting) + [False] * len(other)
    assert read.has_words == (template != "{a}{b}")
