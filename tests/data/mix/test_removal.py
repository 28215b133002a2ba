"""Repeats and leaks are those of `keeptune.data.duplicates`, and of comparing all pairs; each is counted once."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from keeptune.config.schema import DataConfig
from keeptune.data.duplicates import drop_repeats
from keeptune.data.load import load_examples
from tests.data.mix.mixes import mixed, source, texts
from tests.data.test_duplicates import texts as alike


def kept_by_duplicates(train: str, test: str | None) -> set[str]:
    rows = [load_examples(path, DataConfig(), "train").examples if path else () for path in (train, test)]
    return {example.id for example in drop_repeats(*rows)[0]}


@settings(max_examples=100, deadline=None)
@given(alike(), st.integers(0, 12), st.booleans())
def test_one_source_is_cleaned_as_train_is(prompts: list[str], cut: int, same_answers: bool) -> None:
    train, test = prompts[: max(1, cut)], prompts[max(1, cut) :]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answer = "yes" if same_answers else "{}"
        paths = [source(folder, kind, rows, answer) if rows else None for kind, rows in (("a", train), ("t", test))]
        expected = kept_by_duplicates(paths[0] or "", paths[1])
        if not expected:
            return
        # One side's template is cut from both here, from its own side there: only alike where neither has one.
        if any("Summarize" in prompt for prompt in prompts) and test:
            return
        _, rows = mixed(folder, {"sources": (paths[0],), "test": (paths[1],) if test else None})
        assert {row["id"] for row in rows} == expected


def test_within_across_near_and_leaks_are_told_apart(tmp_path: Path) -> None:
    own, other, asked = texts(20, seed=1), texts(20, seed=2), texts(5, seed=3)
    near = f"{own[3]} changed"
    a = source(tmp_path, "a", [*own, own[0].upper(), asked[0]])
    b = source(tmp_path, "b", [*other, f" {own[1]} ", near, f"{asked[1]} changed", asked[0]])
    tests = (source(tmp_path, "t", asked[:1]), source(tmp_path, "u", asked[1:]))
    report, rows = mixed(tmp_path, {"sources": (a, b), "test": tests})
    first, second = report.sources
    assert (first.read, first.exact_within, first.exact_across, first.near, first.leaks) == (22, 1, 0, 0, (1, 0))
    assert (second.read, second.exact_within, second.exact_across, second.leaks) == (24, 0, 1, (1, 1))
    # Its answer is another: but it is one row, and no passage with many questions.
    assert second.near == 1
    assert {row["id"] for row in rows} == {f"{name}/{line}" for name in "ab" for line in range(1, 21)}


def test_templates_of_sources_make_no_repeats_and_hide_none(tmp_path: Path) -> None:
    head = "Read the following text with care, and say in one word or two what it is about, and nothing else: "
    short = [f"{head}{word} {word}s" for word in ("cat", "dog", "cow", "hen", "owl", "bee", "fox", "ant")]
    long = texts(8, seed=4)
    other = [f"Please summarize this in a sentence for me: {text}" for text in (*texts(12, seed=5), long[0])]
    a, b = source(tmp_path, "a", [*short, *[head + text for text in long]]), source(tmp_path, "b", other)
    report, _ = mixed(tmp_path, {"sources": (a, b)})
    assert (report.sources[0].near, report.sources[0].usable) == (0, 16)
    assert report.sources[1].exact_across == 1


def test_a_second_task_over_the_same_texts_stays(tmp_path: Path) -> None:
    own = texts(40, seed=7)
    topics = [f"Name the topic of this text in a word: {text}" for text in (*own, own[0], own[1])]
    short = [f"Summarize this: {text}" for text in own]
    a = source(tmp_path, "a", short)
    b = source(tmp_path, "b", topics, answer="another thing {}")
    c = source(tmp_path, "c", short[:20])
    report, rows = mixed(tmp_path, {"sources": (a, b, c)})
    _, second, third = report.sources
    assert (second.exact_across, second.exact_within, second.usable) == (0, 2, 40)
    assert (third.exact_across, third.usable) == (20, 0)
    assert len(rows) == 80
    # What a test set asks about stays out, by whatever name.
    test = source(tmp_path, "t", short[:10])
    report, _ = mixed(tmp_path, {"sources": (b,), "test": (test,)}, "again")
    assert report.sources[0].leaks == (12,)


def test_many_questions_on_one_passage_are_other_items(tmp_path: Path) -> None:
    passage = " ".join(f"fact{place}" for place in range(60))
    asked = [f"{word}: {passage} What about {word}?" for word in ("one", "two", "three", "four")]
    questions = source(tmp_path, "q", asked[:3])
    test = source(tmp_path, "t", asked[3:], answer="another {}")
    report, rows = mixed(tmp_path, {"sources": (questions,), "test": (test,)})
    assert (report.sources[0].near, report.sources[0].leaks, len(rows)) == (0, (0,), 3)
    repeated = source(tmp_path, "r", asked[:3], answer="the same answer in many words")
    report, rows = mixed(tmp_path, {"sources": (repeated,)}, "again")
    assert (report.sources[0].near, len(rows)) == (2, 1)


def test_near_repeats_stay_where_they_are_not_looked_for(tmp_path: Path) -> None:
    own = texts(10, seed=6)
    path = source(tmp_path, "a", [*own, f"{own[0]} changed", own[1]])
    report, rows = mixed(tmp_path, {"sources": (path,), "near_duplicates": "off"})
    assert (report.sources[0].exact_within, report.sources[0].near, len(rows)) == (1, 0, 11)


def test_many_lines_that_cannot_be_used_hide_no_fields(tmp_path: Path) -> None:
    path = source(tmp_path, "a", texts(20, seed=8))
    rows = Path(path).read_text(encoding="utf-8")
    Path(path).write_text("[1]\n" * 150 + rows, encoding="utf-8")
    report, _ = mixed(tmp_path, {"sources": (path,)})
    assert (report.sources[0].invalid, report.sources[0].usable) == (150, 20)
