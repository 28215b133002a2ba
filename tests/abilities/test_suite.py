"""The frame of a suite: stable order, whole clusters, one template an item, and what every built-in suite must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from keeptune.abilities.suite import DEV_ITEMS, Item, Suite, first_clusters, pick, shuffled, stable_hash
from keeptune.abilities.table import SUITES, by_default
from keeptune.errors import ConfigError
from keeptune.records import Ability, Answer, Example, Message
from keeptune.scoring.table import get_metric


def _make() -> list[Item]:
    return [
        Item({"q": f"{c}-{i}"}, "yes" if i % 2 else "no", f"c{c}", ("yes", "no")) for c in range(150) for i in (1, 2)
    ]


TOY = Suite(
    name="toy",
    title="a toy",
    version="7",
    templates=("A {q}", "B {q}", "C {q}"),
    output_type="choices",
    demonstrations=(Item({"q": "one"}, "yes", "demo"), Item({"q": "two"}, "no", "demo")),
    shots=1,
    metrics=("choice_accuracy",),
    chance=50.0,
    make=_make,
)


def _ids(examples: Sequence[Example]) -> list[str]:
    return [example.id for example in examples]


def test_an_item_is_asked_in_one_template_after_the_shots_in_the_same_template() -> None:
    for example in TOY.ability().items:
        demonstration, answer, question = example.prompt
        letter = question.content[0]
        assert demonstration == Message("user", f"{letter} one")
        assert answer == Message("assistant", "yes")
        assert example.id.startswith("toy/v7/")
        number, wanted = int(example.id[-4:]), _make()
        assert question.content == f"{letter} {wanted[number].fields['q']}"
        assert (example.completion, example.references) == (wanted[number].answer, (wanted[number].answer,))
        assert example.cluster == f"toy/{wanted[number].cluster}"
    templates = Counter(example.prompt[-1].content[0] for example in TOY.ability().items)
    assert set(templates) == {"A", "B", "C"}
    assert min(templates.values()) > 15, "about a third each of 100"


def test_dev_takes_whole_clusters_and_the_rest_is_for_the_verdict() -> None:
    ability = TOY.ability()
    assert len(ability.dev) == DEV_ITEMS == 200
    assert len(ability.items) == 100
    assert not {e.cluster for e in ability.dev} & {e.cluster for e in ability.items}


def test_trimming_keeps_a_prefix_of_whole_clusters() -> None:
    whole = TOY.ability()
    for limit in (1, 2, 3, 10, 99, 100, 1000):
        trimmed = TOY.ability(limit)
        assert trimmed.items == whole.items[: len(trimmed.items)]
        assert trimmed.dev == whole.dev[: len(trimmed.dev)]
        assert set(Counter(e.cluster for e in trimmed.items).values()) == {2}
        assert len(trimmed.items) == max(2, min(limit, 100) // 2 * 2)
        for name, variant in trimmed.variants.items():
            assert variant == whole.variants[name][: len(trimmed.items)]


def test_first_clusters_stops_before_a_cluster_that_does_not_fit() -> None:
    items = [("1", Item({}, "", "a")), ("2", Item({}, "", "b")), ("3", Item({}, "", "b")), ("4", Item({}, "", "c"))]
    assert [len(first_clusters(items, limit)) for limit in (None, 0, 1, 2, 3, 4, 9)] == [4, 1, 1, 1, 3, 4, 4]
    assert [len(first_clusters(items, 1, clusters)) for clusters in (1, 2, 3, 9)] == [1, 3, 4, 4]


def test_labels_are_balanced_in_every_prefix() -> None:
    labels = ("a", "b", "c")
    items = [Item({"q": f"{c}"}, labels[c % 3], f"c{c}", labels) for c in range(600)]
    suite = replace(TOY, make=lambda: items)
    for limit in (3, 30, 301):
        counts = Counter(example.completion for example in suite.ability(limit).items)
        assert max(counts.values()) - min(counts.values()) <= 1


def test_variants_ask_the_same_items() -> None:
    ability = TOY.ability(20)
    assert list(ability.variants) == ["free", "template-1", "template-2", "template-3", "few-shot"]
    for variant in ability.variants.values():
        assert _ids(variant) == _ids(ability.items)
    assert {len(e.prompt) for e in ability.variants["free"]} == {1}
    assert {len(e.prompt) for e in ability.variants["few-shot"]} == {5}
    assert {e.prompt[-1].content[0] for e in ability.variants["template-2"]} == {"B"}
    assert [e.prompt[-1] for e in ability.variants["free"]] == [e.prompt[-1] for e in ability.items]
    assert "few-shot" not in replace(TOY, output_type="few-shot").ability(4).variants


def test_margin_and_declared_are_the_users() -> None:
    assert (TOY.ability().margin, TOY.ability().declared) == (5.0, False)
    assert (TOY.ability(margin=2.0, declared=True).margin, TOY.ability(declared=True).declared) == (2.0, True)


def test_hashed_orders_are_fixed_for_good() -> None:
    assert stable_hash("a", 1) == 0x05A9_C569_A185_AC60
    assert shuffled("abcdef", "key") == shuffled("fedcba", "key")
    assert sorted(shuffled("abcdef", "key")) == list("abcdef")
    assert {shuffled("abc", number) for number in range(60)} == {
        tuple(p) for p in ("abc", "acb", "bac", "bca", "cab", "cba")
    }
    assert {pick("abc", number) for number in range(30)} == set("abc")


def test_unknown_abilities_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean sentiment"):
        SUITES["sentimant"]
    with pytest.raises(ConfigError, match="entity_typing"):
        SUITES["zzz"]


def test_the_built_in_abilities_are_measured_by_default_in_the_order_of_reports() -> None:
    assert by_default()[:2] == ("sentiment", "topic")
    assert by_default().index("json_output") + 1 == by_default().index("language")
    assert sorted(by_default()) == sorted(SUITES.built_in)


@pytest.fixture(scope="module", params=[name for name in SUITES if SUITES[name].output_type != "loss"])
def suite(request: pytest.FixtureRequest) -> Suite:
    return SUITES[request.param]


@pytest.fixture(scope="module")
def ability(suite: Suite) -> Ability:
    return suite.ability()


def test_there_are_enough_items_in_enough_clusters(ability: Ability) -> None:
    assert len(ability.items) >= 400
    assert len(ability.dev) >= 200
    assert len({example.cluster for example in ability.items}) >= 100
    assert not {e.cluster for e in ability.items} & {e.cluster for e in ability.dev}
    assert len({*_ids(ability.items), *_ids(ability.dev)}) == len(ability.items) + len(ability.dev)


def test_the_same_every_time(suite: Suite, ability: Ability) -> None:
    assert suite.ability() == ability


def test_no_prompt_occurs_twice_and_no_demonstration_is_asked(suite: Suite, ability: Ability) -> None:
    fields = [tuple(sorted(item.fields.items())) for item in suite.make()]
    assert len(set(fields)) == len(fields)
    prompts = [example.prompt for example in (*ability.items, *ability.dev)]
    assert len(set(prompts)) == len(prompts)
    assert not {tuple(sorted(shot.fields.items())) for shot in suite.demonstrations} & set(fields)
    assert len(suite.demonstrations) >= max(suite.shots, 1)


def test_template_differ_and_use_every_field(suite: Suite, ability: Ability) -> None:
    assert len(set(suite.templates)) == len(suite.templates) >= 3
    asked = [ability.variants[f"template-{k}"] for k in range(1, len(suite.templates) + 1)]
    for versions in zip(*asked, strict=True):
        assert len({example.prompt[-1] for example in versions}) == len(suite.templates)
    item = suite.make()[0]
    for template in suite.templates:
        without = dict.fromkeys(item.fields, "\0")
        assert template.format_map(without).count("\0") >= len(item.fields)


def test_prompts_are_short(ability: Ability) -> None:
    """About four characters a token: 120 tokens alone, 300 after the shots."""
    for variant, limit in (("free", 480), ("template-1", 1200)):
        assert max(sum(len(m.content) for m in e.prompt) for e in ability.variants[variant]) <= limit


def test_answers_are_among_the_choices_and_the_labels_balanced(suite: Suite, ability: Ability) -> None:
    if suite.output_type != "choices":
        assert all(example.completion for example in ability.items)
        return
    for example in (*ability.items, *ability.dev):
        assert len(set(example.choices)) == len(example.choices) >= 2
        assert example.completion in example.choices
    for side in (ability.items, ability.dev):
        positions = Counter(example.choices.index(example.completion) for example in side)
        fair = len(side) / max(len(example.choices) for example in side)
        assert max(positions.values()) < 1.35 * fair, "guessing one position must not pay"


def test_the_references_get_full_marks(suite: Suite, ability: Ability) -> None:
    for name in suite.metrics:
        metric = get_metric(name)
        for example in ability.items:
            # The first reference of a constraint is what an answer must keep, not an answer.
            for reference in example.references[name.startswith("constraints") :]:
                likelihoods = tuple(0.0 if choice == reference else -9.0 for choice in example.choices)
                answer = Answer(
                    example.id,
                    output=reference,
                    finish="stop",
                    choice_loglikelihoods=likelihoods,
                    choice_tokens=(1,) * len(likelihoods),
                )
                assert metric.item(answer, example).value == 100.0, (example.id, reference)
