"""Flags: signs that a score does not mean what it seems to."""

import pytest
from scored import losses, record, records

from keeptune.forgetting.collapse import repeats
from keeptune.forgetting.flags import find_flags
from keeptune.records import Answer
from keeptune.scoring.table import METRICS

LABEL, CHOICE, EXACT = METRICS["label_accuracy"], METRICS["choice_accuracy"], METRICS["exact_match"]
CHOICES = ("positive", "negative")


def said(outputs, references):
    return [
        record(i, 100 * (o == r), "label_accuracy", o, reference=r, choices=CHOICES)
        for i, (o, r) in enumerate(zip(outputs, references, strict=True))
    ]


def chosen(indices, references):
    rows = []
    for i, (index, reference) in enumerate(zip(indices, references, strict=True)):
        values = (-1.0, -2.0) if index == 0 else (-2.0, -1.0)
        answer = Answer(f"i{i}", choice_loglikelihoods=values, choice_tokens=(1, 1))
        right = 100 * (CHOICES[index] == reference)
        rows.append(record(i, right, "choice_accuracy", reference=reference, choices=CHOICES, answer=answer))
    return rows


REFERENCES = ["positive", "negative"] * 20


def test_a_model_that_always_says_the_same():
    base = said(REFERENCES, REFERENCES)
    flags = find_flags(base, said(["positive"] * 36 + ["negative"] * 4, REFERENCES), LABEL, 50.0)
    assert flags == (
        "degenerate: 90% of the tuned answers are 'positive' (base 50%; the commonest reference makes up 50%)",
    )
    assert find_flags(base, said(["positive"] * 24 + ["negative"] * 16, REFERENCES), LABEL, 50.0) == ()


def test_skewed_references_excuse_a_skewed_model_but_not_a_constant_one():
    references = ["positive"] * 34 + ["negative"] * 6
    base = said(references, references)
    assert find_flags(base, base[:1] + said(references, references)[1:], LABEL, 50.0)[0].startswith("identical")
    close = said(["negative", *references[1:]], references)
    assert find_flags(base, close, LABEL, 50.0) == ()
    assert "100% of the tuned" in find_flags(base, said(["positive"] * 40, references), LABEL, 50.0)[0]


def test_always_the_same_choice_by_likelihood():
    base = chosen([0, 1] * 20, REFERENCES)
    flags = find_flags(base, chosen([1] * 40, REFERENCES), CHOICE, 50.0)
    assert flags[0].startswith("degenerate: 100% of the tuned answers are 'negative'")


@pytest.mark.parametrize(("right", "flagged"), [(10, True), (24, False)])
def test_surely_below_chance(right, flagged):
    base = records([100] * 60)
    flags = find_flags(base, records([100] * right + [0] * (60 - right)), EXACT, 50.0)
    assert any(flag.startswith("below chance") for flag in flags) == flagged


def test_empty_answers_and_unscored_ones_are_counted():
    base = [record(i, 100, output=f"text {i}") for i in range(20)]
    tuned = [record(i, 0, output=" \n") if i < 4 else record(i, 100, output=f"other {i}") for i in range(20)]
    assert find_flags(base, tuned, EXACT, None) == ("empty answers: 20% of the tuned, 0% of the base",)
    unscored = [record(i, None if i < 3 else 100, output=f"other {i}") for i in range(20)]
    assert find_flags(base, unscored, EXACT, None) == ("not scored: 3 of 20 tuned answers, 0 of the base's",)


def test_half_characters_repeat_themselves_as_others_do():
    assert repeats("\ud800" * 64)
    assert not repeats("".join(map(chr, range(0xD800, 0xD880))))


def test_the_same_answers_everywhere_are_told():
    rows = losses([2.0, 3.0, 4.0])
    assert find_flags(rows, rows, METRICS["token_loss"], None)[0].startswith("identical")
    assert find_flags([], [], EXACT, None) == ()
