"""Damage of a known kind and size is found, named for what it is, and measured right; none where there is none."""

import random
import re

import pytest
from planted import LABELS, ability, again, answers, at_999, dialogues, entities, labels, pick, ranked, summary

from keeptune.forgetting.confusion import confuse
from keeptune.forgetting.format import diagnose
from keeptune.forgetting.intrusion import find_intrusion
from keeptune.records import Undefined
from keeptune.statistics.tango import tango_interval

SUITES = {"ner": entities, "label": labels, "qa": answers}


def ids(records):
    return [r.item_id for r in records]


def cell(table, reference, given):
    return next(c for c in table.cells if (c.reference, c.given) == (reference, given))


def inside(truth, interval):
    return interval.low <= truth <= interval.high


def shared_label(r):
    """Another label than the one that was given, whatever the text."""
    return LABELS[(LABELS.index(r.answer.output) + 1 + int(r.item_id.split("/")[1]) % 2) % 3]


@pytest.mark.parametrize("share", [0.15, 0.5, 0.9])
def test_a_label_taken_for_another_is_its_cell(share):
    base = labels(600)
    swapped = pick(f"swap {share}", share, [r.item_id for r in base if r.references[0] == "negative"])
    tuned = again(base, lambda r: "neutral", swapped)
    table = confuse("label", base, tuned, "label_accuracy")
    rose = max(table.cells, key=lambda c: c.tuned - c.base)
    assert (rose.reference, rose.given) == ("negative", "neutral")
    assert set(rose.item_ids) <= swapped
    items = sum(c.base for c in table.cells if c.reference == "negative")
    already = cell(table, "negative", "neutral").base / items
    found = tango_interval(rose.tuned - rose.base, 0, items, level=0.999)
    assert inside(share * (1 - already), found)
    assert all(c.tuned == c.base for c in table.cells if c.reference != "negative")


@pytest.mark.parametrize("share", [0.2, 0.7])
def test_an_entity_type_taken_for_another_is_its_cell(share):
    base = entities(400)
    hit = pick(f"type {share}", share, ids(base))
    tuned = again(base, lambda r: r.answer.output.replace("group: ", "product: "), hit)
    table = confuse("ner", base, tuned, "entity_f1")
    right, wrong = cell(table, "group", "group"), cell(table, "group", "product")
    assert wrong.base == 0
    assert right.base - right.tuned == wrong.tuned == len(wrong.item_ids)
    assert inside(share, tango_interval(wrong.tuned, 0, right.base, level=0.999))
    assert all(c.tuned == c.base for c in table.cells if c not in (right, wrong))


@pytest.mark.parametrize("share", [0.08, 0.4, 0.9])
def test_answers_in_the_way_of_the_task_are_its_intrusion(share):
    task = dialogues()
    both = {name: (make(), again(make(), summary, pick(name, share, ids(make())))) for name, make in SUITES.items()}
    report = find_intrusion(task, both, level=0.999)
    assert report.trusted
    assert report.true_positive_rate > 0.9
    assert report.false_positive_rate < 0.03
    for row in report.rows:
        planted = pick(row.ability, share, ids(both[row.ability][0]))
        assert inside(share, row.corrected), row
        assert row.difference.low > 0
        assert len(set(row.item_ids) & planted) >= 0.95 * len(row.item_ids)


def test_intrusion_is_found_in_its_suite_alone():
    both = {name: (make(), make()) for name, make in SUITES.items()}
    both["qa"] = (answers(), again(answers(), summary, pick("alone", 0.5, ids(answers()))))
    report = find_intrusion(dialogues(), both)
    rows = {row.ability: row for row in report.rows}
    assert rows["qa"].difference.low > 0.3
    for name in ("ner", "label"):
        assert rows[name].difference.estimate == 0
        assert rows[name].item_ids == ()


@pytest.mark.parametrize(
    "other",
    [
        lambda r: "I am sorry, but I cannot help with that.",
        lambda r: "",
        lambda r: "the the the " * 60,
        lambda r: "".join(random.Random(r.item_id).choices("abcdefgh ijk", k=120)),
        lambda r: r.prompt[-150:],
        lambda r: "这是一个回答" * 9,
    ],
    ids=["refusal", "nothing", "circles", "noise", "copy", "other-script"],
)
def test_other_damage_is_not_taken_for_the_task(other):
    both = {name: (make(), again(make(), other, pick(name, 0.4, ids(make())))) for name, make in SUITES.items()}
    report = find_intrusion(dialogues(), both)
    for row in report.rows:
        assert abs(row.difference.estimate) < 0.05, row


def test_a_forced_style_is_intrusion_and_format_but_no_confusion():
    def styled(r):
        return f"In short, as far as one can tell: {r.answer.output}"

    base_task, tuned_task = dialogues()
    base = labels()
    tuned = again(base, styled, pick("style", 0.7, ids(base)))
    row = find_intrusion((base_task, again(tuned_task, styled)), {"label": (base, tuned)}, level=0.999).rows[0]
    assert inside(0.7, row.corrected)
    table = confuse("label", base, tuned, "label_accuracy")
    assert all(c.base == c.tuned and not c.item_ids for c in table.cells)
    found = diagnose(ability(base, chance=100 / 3), base, tuned, {})
    assert found.broke == "format"


def bracketed(r):
    return re.sub(r"(\w+): ([^;]+)", r"\2 (\1)", r.answer.output)


@pytest.mark.parametrize("share", [0.4, 1.0])
@pytest.mark.parametrize(
    ("make", "broken", "chance"),
    [
        (labels, lambda r: f"I would call this {r.answer.output}, I think.", 100 / 3),
        (entities, bracketed, None),
        (answers, lambda r: f"It holds the {r.answer.output}, as the notes say.", None),
    ],
    ids=["label", "ner", "qa"],
)
def test_a_broken_form_is_format_of_its_size(make, broken, chance, share):
    base = make()
    tuned = again(base, broken, pick(f"form {share}", share, ids(base)))
    found = diagnose(ability(base, chance=chance), base, tuned, {})
    assert found.broke == "format", found.text
    strict, lenient = found.variants[:2]
    assert (strict.name, lenient.name) == ("strict", "lenient")
    assert lenient.drop.estimate == 0
    assert found.format_drop.estimate == pytest.approx(strict.drop.estimate)
    assert found.lenient_floor < lenient.tuned - 20
    truth = share * strict.base
    if make is entities:  # corpus F1 is not linear in the share: what is read of the rest, against all references
        kept = 1 - share
        recall = strict.base / (200 - strict.base)
        truth = strict.base - 100 * 2 * kept * recall / (kept * recall + 1)
    assert inside(truth, at_999(found.format_drop))


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_lost_knowledge_is_knowledge_of_its_size(share):
    base = labels()
    tuned = again(base, shared_label, pick(f"know {share}", share, ids(base)))
    ways = {f"template-{n}": (base, again(base, shared_label, pick(f"{n} {share}", share, ids(base)))) for n in (1, 2)}
    found = diagnose(ability(base, chance=100 / 3), base, tuned, ways)
    assert found.broke == "knowledge", found.text
    assert found.format_drop.estimate == 0
    wrong = 1 - found.variants[0].base / 100
    truth = 100 * share * (1 - wrong - wrong / 2)  # a wrong label becomes the right one half of the time
    for row in found.variants:
        assert inside(truth, at_999(row.drop)), row
    assert [row.name for row in found.variants] == ["strict", "lenient", "template-1", "template-2"]


def test_lost_knowledge_in_a_broken_form_is_both():
    base = labels()
    lost = pick("lost", 0.4, ids(base))
    tuned = again(again(base, shared_label, lost), lambda r: f"I would call this {r.answer.output}, I think.")
    foils = {"foils": (ranked(base), ranked(base, frozenset(ids(base)) - lost))}
    found = diagnose(ability(base, chance=100 / 3), base, tuned, foils)
    assert found.broke == "both", found.text
    assert found.variants[0].tuned == 0
    assert found.format_drop.estimate == pytest.approx(found.variants[1].tuned)


def test_two_identical_models_show_nothing():
    base_task, _ = dialogues()
    both = {name: (make(), make()) for name, make in SUITES.items()}
    assert isinstance(find_intrusion((base_task, base_task), both), Undefined)
    assert all(row.difference.estimate == 0 for row in find_intrusion(dialogues(), both).rows)
    for name, (base, tuned) in both.items():
        table = confuse(name, base, tuned, next(iter(base[0].scores)))
        assert (table is None) == (name == "qa")
        assert all(c.base == c.tuned and not c.item_ids for c in (table.cells if table else ()))
        found = diagnose(ability(base), base, tuned, {})
        assert (found.broke, found.format_drop.estimate) == ("unclear", 0)
        assert "no loss to explain" in found.text
