"""Intrusion: when there is a detector, when it is to be trusted, and what may be fed to it."""

import random
from dataclasses import replace

import pytest
from planted import again, answers, dialogues, entities, labels, pick, summary, words

from keeptune.errors import PairingError
from keeptune.forgetting.intrusion import find_intrusion
from keeptune.records import Interval, IntrusionReport, Undefined, from_plain, to_plain


def silent(records):
    return [replace(r, answer=replace(r.answer, output=None)) for r in records]


def chat(length, seed):
    rng = random.Random(seed)
    return lambda r: words(rng, rng.randint(*length))


def test_the_same_records_give_the_same_report_and_it_is_kept_whole():
    task, both = dialogues(80), {"qa": (answers(60), again(answers(60), summary, pick("x", 0.5, ["qa/1", "qa/2"])))}
    first, second = find_intrusion(task, both), find_intrusion(task, both)
    assert first == second
    assert from_plain(IntrusionReport, to_plain(first)) == first


def test_a_suite_without_generated_answers_has_no_row_and_is_named():
    report = find_intrusion(
        dialogues(80), {"qa": (answers(50), answers(50)), "choices": (silent(labels(30)), silent(labels(30)))}
    )
    assert [row.ability for row in report.rows] == ["qa"]
    assert "No generated answers on: choices." in report.note


@pytest.mark.parametrize(
    ("task", "abilities", "reason"),
    [
        (dialogues(38), {"qa": (answers(50), answers(50))}, "38 generated answers to the task"),
        (dialogues(80), {}, "no ability has generated answers"),
        (tuple(map(silent, dialogues(80))), {"qa": (answers(50), answers(50))}, "0 generated answers"),
        (
            tuple([replace(r, cluster="one") for r in side] for side in dialogues(60)),
            {"qa": (answers(50), answers(50))},
            "of 1 clusters",
        ),
    ],
)
def test_too_little_to_learn_from_is_said(task, abilities, reason):
    report = find_intrusion(task, abilities)
    assert isinstance(report, Undefined)
    assert reason in report.reason


@pytest.mark.parametrize("seed", range(5))
def test_answers_of_one_kind_cannot_be_told_apart_by_their_topic(seed):
    """Base and tuned answer the task alike, in other words each, and the abilities quite otherwise."""
    base, _ = dialogues(150)
    base, tuned = again(base, chat((20, 40), seed)), again(base, chat((20, 40), 100 + seed))
    report = find_intrusion((base, tuned), {"qa": (answers(), answers()), "ner": (entities(), entities())})
    assert isinstance(report, Undefined)
    assert "much like the base" in report.reason


def test_a_task_whose_answers_are_told_by_their_length_is_said_to_be():
    """Fifteen words where the base writes fifty: the tuned answers to other prompts have that length, too."""
    base, _ = dialogues(150)
    base, tuned = again(base, chat((40, 60), 1)), again(base, chat((14, 16), 2))
    hit = pick("length", 0.5, [f"qa/{i}" for i in range(200)])
    report = find_intrusion((base, tuned), {"qa": (answers(), again(answers(), chat((14, 16), 3), hit))})
    assert report.length_only_rate == 1.0
    assert report.trusted
    assert report.by_length
    assert "by length" in report.note
    assert report.rows[0].corrected.low < len(hit) / 200 < report.rows[0].corrected.high


def test_short_answers_are_intrusion_by_length():
    """The other way: the task's answers are one word, and so have the answers to entities become."""
    base, _ = dialogues(150)
    base, tuned = again(base, chat((20, 40), 1)), again(base, chat((1, 1), 2))
    long = again(
        answers(), lambda r: f"The notes say that what it holds is the {r.answer.output}, as far as I can see."
    )
    report = find_intrusion((base, tuned), {"qa": (long, again(long, chat((1, 1), 3)))})
    assert (report.trusted, report.by_length) == (True, True)
    assert report.rows[0].difference.low > 0.5


def test_a_detector_that_finds_little_is_not_trusted():
    base, tuned = dialogues(200)
    tuned = [t if i % 4 == 0 else b for i, (b, t) in enumerate(zip(base, tuned, strict=True))]
    report = find_intrusion((base, tuned), {"qa": (answers(), answers())})
    assert not report.trusted
    assert "too small to rely on" in report.note


def sentence(r):
    """A person's answer: a sentence about the thing, as the task's summaries are sentences about a talk."""
    rng = random.Random(r.item_id)
    subject, place = rng.choice(["She", "He", "The teacher", "The doctor"]), rng.choice(["river", "market", "station"])
    return (
        f"{subject} says that the {r.item_id.split('/')[1]} {rng.choice(['letters', 'tickets'])} are near the {place}."
    )


def told(r):
    rng = random.Random(r.item_id)
    first, second = rng.sample(["She", "He", "The lawyer", "The manager"], 2)
    what = rng.choice(["the contract", "the dinner", "the holiday", "the budget"])
    return f"{first} tells {second.lower()} about {what}. {second} thinks that {what} will be fine."


def test_references_in_another_manner_than_the_bases_are_no_intrusion():
    """The base babbles on task and ability alike; the tuned model has learnt to answer both as people do."""
    base_task, _ = dialogues(200)
    babble = chat((12, 30), 7)
    base = [replace(r, references=(sentence(r),)) for r in answers(200)]
    base = again(base, babble)
    task = (again(base_task, babble), again(base_task, told))
    right = find_intrusion(task, {"qa": (base, again(base, sentence))})
    assert right.rows[0].tuned_share <= 0.03
    intruded = find_intrusion(task, {"qa": (base, again(base, told))})
    assert intruded.rows[0].tuned_share >= 0.9


def test_right_answers_that_look_like_the_task_are_subtracted():
    """A suite whose right answers are such sentences: the base gives them as well."""
    both = (again(answers(150), summary), again(answers(150), summary))
    both = (both[0], again(both[1], lambda r: "river 1001", pick("gone", 0.1, [r.item_id for r in both[1]])))
    report = find_intrusion(dialogues(150), {"alike": both, "ner": (entities(), entities())})
    if isinstance(report, Undefined):  # nothing is left that only the tuned model does on the task
        pytest.fail(report.reason)
    rows = {row.ability: row for row in report.rows}
    assert rows["alike"].difference.estimate <= 0
    assert rows["ner"].difference.estimate == 0


def test_clustered_items_are_not_independent():
    base = [replace(r, cluster=f"c{i // 4}") for i, r in enumerate(answers(200))]
    hit = frozenset(r.item_id for r in base if int(r.cluster[1:]) % 4 == 0)
    report = find_intrusion(dialogues(100), {"qa": (base, again(base, summary, hit))})
    found = report.rows[0].difference
    alone = find_intrusion(dialogues(100), {"qa": (answers(200), again(answers(200), summary, hit))}).rows[0].difference
    assert found.method == "Tango score interval, clustered"
    assert found.high - found.low > 1.5 * (alone.high - alone.low)


@pytest.mark.parametrize(
    "strange",
    ["", " \n\t", "word " * 20_000, "هذا ملخص للنص العربي", "会话的摘要", "\ud800 broken", "a\0b", "🙂" * 500],
    ids=["empty", "blank", "long", "arabic", "chinese", "surrogate", "null", "emoji"],
)
def test_any_text_can_be_read(strange):
    base_task, tuned_task = dialogues(60)
    odd = pick("odd", 0.3, [r.item_id for r in base_task])
    base, tuned = answers(60), again(answers(60), lambda r: strange, pick("odd", 0.3, [f"qa/{i}" for i in range(60)]))
    report = find_intrusion((again(base_task, lambda r: strange, odd), tuned_task), {"qa": (base, tuned)})
    assert isinstance(report.rows[0].difference, Interval)
    assert report.true_positive_rate > 0.9
    assert ("the first 1,000 characters" in report.note) == (len(strange) > 1000)


def test_a_task_all_in_another_script_is_learnt():
    rng = random.Random(0)

    def told(r):
        return "摘要：" + "".join(rng.choices("甲乙丙丁说问回答关于明天会议", k=rng.randint(4, 40)))

    base_task, _ = dialogues(80)
    tuned_task, tuned = again(base_task, told), again(answers(80), told)
    report = find_intrusion((base_task, tuned_task), {"qa": (answers(80), tuned)})
    assert report.trusted
    assert report.rows[0].tuned_share > 0.9


def test_other_items_before_and_after_are_refused():
    with pytest.raises(PairingError, match="qa/0"):
        find_intrusion(dialogues(60), {"qa": (answers(50), answers(50)[1:])})
