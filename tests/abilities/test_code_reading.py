from __future__ import annotations

import contextlib
import io
from collections import Counter

from keeptune.abilities.suites.code_reading import CODE_READING, FOILS, WORDS, make, snippets
from keeptune.abilities.suites.code_templates import TEMPLATES
from tests.abilities.rendered import rendered_hash


def printed(code: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    return out.getvalue().rstrip("\n")


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (CODE_READING.version, rendered_hash(CODE_READING)) == ("1", "961a0e515f0f2622")


def test_python_prints_the_answer_of_every_item() -> None:
    for item in (*make(), *CODE_READING.demonstrations):
        assert printed(item.fields["code"]) == item.answer, item.fields["code"]


def test_every_template_gives_snippets_with_enough_wrong_outputs() -> None:
    counts = Counter(snippet.template for snippet in snippets())
    assert set(counts) == set(range(len(TEMPLATES)))
    assert min(counts.values()) >= 5
    for snippet in snippets():
        assert len(set(snippet.wrong)) >= FOILS
        assert snippet.output not in snippet.wrong


def test_truth_values_are_asked_about_both_ways() -> None:
    answers = Counter(item.answer for item in make())
    assert answers["True"] > 20
    assert answers["False"] > 20


def test_the_words_are_long_enough_for_every_slice() -> None:
    assert min(map(len, WORDS)) >= 5
