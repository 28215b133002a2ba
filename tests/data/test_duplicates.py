"""Repeats and leaks, equal to a comparison of every row with every other."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keeptune.config.schema import DataConfig
from keeptune.data.duplicates import Repeat, drop_repeats, find_duplicates, find_leaks, share_context
from keeptune.data.load import load_examples
from keeptune.data.prompt_body import prompt_bodies
from keeptune.records import Example
from tests.data.examples import example, real_data


def oracle_similarity(first: tuple[str, ...], second: tuple[str, ...]) -> Fraction:
    """Jaccard similarity of word 3-shingles, as its definition says."""

    def cut(words: tuple[str, ...]) -> set[str]:
        return {" ".join(words[i : i + 3]) for i in range(max(1, len(words) - 2))}

    return Fraction(len(cut(first) & cut(second)), len(cut(first) | cut(second)))


def oracle_matches(
    bodies: list[tuple[str, ...]], others: list[tuple[str, ...]], earlier_only: bool
) -> dict[int, tuple[bool, Fraction, int]]:
    """Row → (exact, similarity, −position) of its best match, by comparing all pairs."""
    best: dict[int, tuple[bool, Fraction, int]] = {}
    for j, body in enumerate(bodies):
        for i, other in enumerate(others):
            similarity = oracle_similarity(other, body)
            if similarity >= Fraction(4, 5) and (i < j or not earlier_only):
                found = (other == body, similarity, -i)
                best[j] = max(best.get(j, found), found)
    return best


def as_oracle(repeats: tuple[Repeat, ...]) -> set[tuple[str, str, str, float]]:
    return {(repeat.kind, repeat.first_id, repeat.second_id, repeat.similarity) for repeat in repeats}


def oracle_duplicates(rows: list[Example]) -> set[tuple[str, str, str, float]]:
    bodies = prompt_bodies([rows])[0]
    return {
        ("exact" if exact else "near", rows[-i].id, rows[j].id, float(similarity))
        for j, (exact, similarity, i) in oracle_matches(bodies, bodies, earlier_only=True).items()
    }


def oracle_leaks(train: list[Example], test: list[Example]) -> set[tuple[str, str, str, float]]:
    in_train, in_test = prompt_bodies([train, test])
    of_train = oracle_matches(in_train, in_test, earlier_only=False)
    of_test = oracle_matches(in_test, in_train, earlier_only=False)
    pairs = {(-i, j): (exact, similarity) for j, (exact, similarity, i) in of_train.items()}
    pairs |= {(j, -i): (exact, similarity) for j, (exact, similarity, i) in of_test.items()}
    return {
        ("exact" if exact else "near", test[i].id, train[j].id, float(similarity))
        for (i, j), (exact, similarity) in pairs.items()
    }


@st.composite
def texts(draw: st.DrawFn) -> list[str]:
    """Texts over few words, many of them copies of one another with a word changed, put in or left out."""
    words = st.sampled_from(["one", "two", "Three", "four", "five", "six", "seven"])
    made: list[list[str]] = []
    for _ in range(draw(st.integers(1, 12))):
        if made and draw(st.booleans()):
            text = list(draw(st.sampled_from(made)))
            place = draw(st.integers(0, max(0, len(text) - 1)))
            if draw(st.booleans()):
                text[place : place + 1] = draw(st.lists(words, max_size=2))
        else:
            text = draw(st.lists(words, min_size=1, max_size=25))
        made.append(text or ["one"])
    space = draw(st.sampled_from([" ", "  ", "\n"]))
    instruction = draw(st.sampled_from(["", "Summarize the following conversation please:\n\n"]))
    return [instruction + space.join(text) for text in made]


@settings(max_examples=150, deadline=None)
@given(texts())
def test_duplicates_equal_the_oracle(prompts: list[str]) -> None:
    rows = [example(f"r{place}", prompt) for place, prompt in enumerate(prompts)]
    assert as_oracle(find_duplicates(rows)) == oracle_duplicates(rows)


@settings(max_examples=150, deadline=None)
@given(texts(), st.integers(0, 12))
def test_leaks_equal_the_oracle(prompts: list[str], cut: int) -> None:
    rows = [example(f"r{place}", prompt) for place, prompt in enumerate(prompts)]
    train, test = rows[:cut], rows[cut:]
    assert as_oracle(find_leaks(train, test)) == oracle_leaks(train, test)


@settings(max_examples=75, deadline=None)
@given(texts(), st.integers(0, 12))
def test_what_is_kept_holds_no_exact_repeat_and_nothing_of_test(prompts: list[str], cut: int) -> None:
    rows = [example(f"r{place}", prompt) for place, prompt in enumerate(prompts)]
    kept, dropped = drop_repeats(rows[:cut], rows[cut:])
    normal = [" ".join(row.prompt_text.casefold().split()) for row in kept]
    assert len(set(normal)) == len(normal)
    assert not set(normal) & {" ".join(row.prompt_text.casefold().split()) for row in rows[cut:]}
    assert len(kept) + len(dropped) == len(rows[:cut])
    assert {row.id for row in kept}.isdisjoint(repeat.second_id for repeat in dropped)


def test_case_and_white_space_do_not_matter() -> None:
    rows = [example("a", "The cat sat down.", source="f:1"), example("b", "the  CAT\nsat down.", source="f:2")]
    assert find_duplicates(rows) == (Repeat("exact", "a", "b", 1.0, "f:1", "f:2", True),)


def test_a_pair_at_exactly_four_fifths_counts() -> None:
    words = [f"w{place}" for place in range(11)]
    near = [example("a", " ".join(words)), example("b", " ".join([*words[:10], "x"]))]
    assert find_duplicates(near)[0].similarity == pytest.approx(8 / 10)
    below = [example("a", " ".join(words[:10])), example("b", " ".join([*words[:9], "x"]))]
    assert find_duplicates(below) == ()


def test_a_shared_instruction_makes_no_row_a_repeat() -> None:
    instruction = "Summarize the following conversation in one short and clear sentence for a busy reader.\n\n"
    rows = [example(str(place), f"{instruction}{word} now\n\nSummary:") for place, word in enumerate("abcdefgh")]
    assert find_duplicates(rows) == ()
    assert find_leaks(rows[:4], rows[4:]) == ()


def test_train_and_test_may_have_other_instructions() -> None:
    bodies = [f"{word} likes {word}s and nothing else in the world" for word in ("cat", "dog", "cow", "hen", "owl")]
    train = [example(f"train{place}", f"Sum up: {body}") for place, body in enumerate(bodies)]
    test = [example(f"test{place}", f"Please write a summary of this: {body}") for place, body in enumerate(bodies)]
    leaks = find_leaks(train, test)
    assert [(repeat.kind, repeat.first_id, repeat.second_id) for repeat in leaks] == [
        ("exact", f"test{place}", f"train{place}") for place in range(5)
    ]


def test_plain_text_is_compared_by_the_text_itself() -> None:
    rows = [example("a", "", "Some text of its own."), example("b", "", "Another."), example("c", "", "another.")]
    assert [(repeat.first_id, repeat.second_id) for repeat in find_duplicates(rows)] == [("b", "c")]


def test_rows_of_one_passage_are_other_items_when_there_are_many() -> None:
    passage = " ".join(f"fact{place}" for place in range(40))
    rows = [example(f"q{place}", f"{passage}\nWhere is {place}?", f"in place {place}") for place in range(4)]
    duplicates = find_duplicates(rows)
    assert [repeat.whole_row for repeat in duplicates] == [False] * 3
    assert share_context(duplicates, len(rows))
    assert drop_repeats(rows, []) == (tuple(rows), ())
    many = [*rows[:2], *(example(f"o{place}", f"other{place} text of its own") for place in range(30))]
    kept, dropped = drop_repeats(many, [])
    assert [repeat.second_id for repeat in dropped] == ["q1"]
    assert len(kept) == 31


def test_a_label_alone_does_not_make_near_rows_one_row() -> None:
    words = " ".join(f"w{place}" for place in range(30))
    rows = [
        example("a", f"{words} x", "yes", choices=("yes", "no")),
        example("b", f"{words} y", "yes", choices=("yes", "no")),
    ]
    assert [(repeat.kind, repeat.whole_row) for repeat in find_duplicates(rows)] == [("near", False)]


def test_dialogsum_equals_the_oracle() -> None:
    train = list(load_examples(real_data("dialogsum/train.jsonl"), DataConfig(), "train").examples)
    test = list(load_examples(real_data("dialogsum/dev.jsonl"), DataConfig(), "test").examples)
    duplicates, leaks = find_duplicates(train), find_leaks(train, test)
    assert as_oracle(duplicates) == _fast_oracle(train, train, same=True)
    assert as_oracle(leaks) == _fast_oracle(train, test, same=False)
    by_kind = [[repeat.kind for repeat in found].count("exact") for found in (duplicates, leaks)]
    assert by_kind == [9, 5]
    assert [len(duplicates), len(leaks)] == [18, 12]
    raw = {row.prompt_text for row in train}
    same_text = {row.id for row in test if row.prompt_text in raw}
    assert same_text <= {repeat.first_id for repeat in leaks}
    assert len(same_text) == 4


def _fast_oracle(train: list[Example], test: list[Example], same: bool) -> set[tuple[str, str, str, float]]:
    """The oracle over all pairs, passing over pairs whose sizes alone rule them out."""
    if same:
        bodies = prompt_bodies([train])[0]
        left = right = bodies
    else:
        right, left = prompt_bodies([train, test])
    cut = [[{tuple(body[i : i + 3]) for i in range(max(1, len(body) - 2))} for body in side] for side in (left, right)]
    pairs = []
    for i, first in enumerate(cut[0]):
        for j, second in enumerate(cut[1]):
            if (i < j or not same) and min(len(first), len(second)) * 5 >= max(len(first), len(second)) * 4:
                shared = len(first & second)
                if shared * 5 >= (len(first) + len(second) - shared) * 4:
                    pairs.append((i, j, left[i] == right[j], shared / (len(first) + len(second) - shared)))
    best: dict[tuple[str, int], tuple[bool, float, int]] = {}
    for i, j, exact, similarity in pairs:
        best["second", j] = max(best.get(("second", j), (False, 0.0, 0)), (exact, similarity, -i))
        if not same:
            best["first", i] = max(best.get(("first", i), (False, 0.0, 0)), (exact, similarity, -j))
    found = set()
    for (side, place), (exact, similarity, other) in best.items():
        i, j = (-other, place) if side == "second" else (place, -other)
        firsts = train if same else test
        found.add(("exact" if exact else "near", firsts[i].id, train[j].id, similarity))
    return found
