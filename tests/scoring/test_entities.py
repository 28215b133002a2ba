"""Entity lists and their micro F1."""

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scoring_items import corpus, example, real_examples, value, wrote

from keeptune.errors import MetricError
from keeptune.records import Undefined
from keeptune.scoring.body import looks_like_code
from keeptune.scoring.entities import parse_entities
from keeptune.scoring.metric import sum_counts
from keeptune.scoring.parse_outcome import ParseOutcome
from keeptune.scoring.table import METRICS

F1, F1_STRICT = METRICS["entity_f1"], METRICS["entity_f1_strict"]
STRICT, LENIENT, FAILED = ParseOutcome.STRICT, ParseOutcome.LENIENT, ParseOutcome.FAILED

kinds = st.sampled_from(["person", "location", "creative-work", "work of art"])
names = st.text("abcXYZ :'.", min_size=1, max_size=12).filter(lambda name: name.strip())


@pytest.mark.parametrize(
    ("output", "entities", "outcome"),
    [
        ("none", {}, STRICT),
        (" None ", {}, STRICT),
        ("location: New  York; person: Al", {("location", "New York"): 1, ("person", "Al"): 1}, STRICT),
        ("Person: Al;person: Al", {("person", "Al"): 2}, STRICT),
        ("product: Halo: Reach", {("product", "Halo: Reach"): 1}, STRICT),
        (
            "product: M&amp;M; group: Q&A; person: Al",
            {("product", "M&M"): 1, ("group", "Q&A"): 1, ("person", "Al"): 1},
            STRICT,
        ),
        ("none.", {}, LENIENT),
        ("There are no named entities in the text.", {}, LENIENT),
        ("- person: Al\n- location: Rome", {("person", "Al"): 1, ("location", "Rome"): 1}, LENIENT),
        ("1. **person**: Al", {("person", "Al"): 1}, LENIENT),
        ("Entities:\nAl (person)", {("person", "Al"): 1}, LENIENT),
        ("person: Al; and so on", {("person", "Al"): 1}, LENIENT),
        ("person: Al;", {("person", "Al"): 1}, LENIENT),
        ("", {}, FAILED),
        ("Al went to Rome", {}, FAILED),
    ],
)
def test_entity_lists_are_read(output, entities, outcome):
    assert parse_entities(output) == (Counter(entities), outcome)


@given(st.lists(st.tuples(kinds, names), min_size=1, max_size=5))
def test_what_is_written_is_read_back(entries):
    text = "; ".join(f"{kind}: {name}" for kind, name in entries)
    entities, outcome = parse_entities(text)
    assert outcome is STRICT
    assert entities == Counter((kind, " ".join(name.split())) for kind, name in entries)


def test_micro_f1_by_hand():
    outputs = ["person: Al; person: Al", "location: Rome", "none", "person: rome"]
    wanted = [("person: Al",), ("location: Rome; person: Bo",), ("none",), ("person: Rome",)]
    # tp 2 (Al, Rome), fp 2 (a second Al, rome), fn 2 (Bo, Rome): 2·2/(2·2 + 2 + 2)
    assert corpus(F1, outputs, wanted) == pytest.approx(50.0)
    assert value(F1, "PERSON: Al", "person: Al") == 100
    assert value(F1, "location: Al", "person: Al") == 0


def test_nothing_to_find():
    assert value(F1, "none", "none") == 100
    assert value(F1, "person: Al", "none") == 0
    assert value(F1, "hm", "none") == 0, "unreadable is not none"
    assert isinstance(corpus(F1, ["none", "hm"], [("none",), ("none",)]), Undefined)


def test_unreadable_answers_miss_everything_and_are_counted():
    scores = [F1.item(wrote(text), example("person: Al")) for text in ("Al", "- person: Al")]
    counts, _, _ = sum_counts(scores)
    assert (counts["tp"], counts["fp"], counts["fn"]) == (1, 0, 1)
    assert (counts["parse_failed"], counts["parse_lenient"]) == (1, 1)
    assert value(F1_STRICT, "- person: Al", "person: Al") == 0
    assert value(F1, "person: Al", "person: Bo", "person: Al") == 100


def test_a_reference_that_is_no_list_is_named():
    with pytest.raises(MetricError, match="reference of item i0"):
        F1.item(wrote("none"), example("Al went home"))


def test_real_references_all_read_strictly():
    examples = real_examples("ner_wnut17/train.jsonl")
    assert all(parse_entities(e.completion).outcome is STRICT for e in examples)
    assert corpus(F1, [e.completion for e in examples], [e.references for e in examples]) == 100


@pytest.mark.parametrize("text", ["a: x{}x", "x{}x", "{}x", "a:{}", "x (a{}a", "x{}(a)"])
def test_long_white_space_takes_no_time_by_its_square(text):
    long = text.format(" " * 100_000)
    began = time.process_time()
    parse_entities(long)
    looks_like_code(f"{long}\n{long}")
    assert time.process_time() - began < 2.0
