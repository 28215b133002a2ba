from __future__ import annotations

import platform
from collections import Counter

from keeptune.abilities.suites.language import LANGUAGE, MAX_ITEMS, MAX_WORDS, MIN_WORDS, make
from keeptune.data.stdlib_functions import stdlib_examples
from keeptune.records import Answer
from keeptune.scoring.table import get_metric


def test_the_version_names_the_python_that_the_text_is_from() -> None:
    assert LANGUAGE.version == f"1-python{platform.python_version()}"


def test_there_are_enough_paragraphs_from_enough_places() -> None:
    ability = LANGUAGE.ability()
    assert len(ability.items) >= 400
    assert len(ability.dev) >= 200
    assert len({example.cluster for example in ability.items}) >= 100
    assert not {e.cluster for e in ability.items} & {e.cluster for e in ability.dev}
    assert max(Counter(e.cluster for e in (*ability.items, *ability.dev)).values()) <= MAX_ITEMS


def test_the_text_is_the_same_every_time() -> None:
    first = LANGUAGE.ability()
    make.cache_clear()
    assert LANGUAGE.ability() == first


def test_items_are_prose_without_a_prompt_and_none_occurs_twice() -> None:
    texts = [item.answer for item in make()]
    assert len(set(texts)) == len(texts)
    for text in texts:
        assert MIN_WORDS <= len(text.split()) <= MAX_WORDS
        assert ">>>" not in text
        assert text[-1] in ".!?"
    ability = LANGUAGE.ability(20)
    assert {example.prompt for example in ability.items} == {()}
    assert all(example.references == (example.completion,) for example in ability.items)
    assert ability.variants == {}


def test_it_does_not_overlap_with_the_built_in_task() -> None:
    train, test = stdlib_examples()
    summaries = {example.completion for example in (*train, *test)}
    assert not [item.answer for item in make() if item.answer in summaries]


def test_the_loss_of_an_item_is_in_nats_a_token() -> None:
    item = LANGUAGE.ability(1).items[0]
    (name,) = LANGUAGE.metrics
    score = get_metric(name).item(Answer(item.id, reference_loglikelihood=-150.0, reference_tokens=60), item)
    assert score.value == 2.5
    assert (LANGUAGE.margin, LANGUAGE.chance) == (0.05, None)
