"""Which metrics are chosen from the data."""

import pytest
from scoring_items import example, real_examples

from keeptune.errors import MetricError
from keeptune.scoring.choose import choose_metrics
from keeptune.scoring.table import METRICS


def primary(examples):
    names, reason = choose_metrics(examples)
    assert names[-1] == "token_loss"
    assert len(set(names)) == len(names)
    assert all(name in METRICS for name in names)
    assert reason.endswith(".")
    return names[0]


def many(*pairs, **more):
    return [example(answer, prompt=prompt, item_id=str(i), **more) for i, (prompt, answer) in enumerate(pairs * 10)]


def test_synthetic_sets():
    assert primary(many(("Is it?", "yes"), ("Is it not?", "no"), choices=("yes", "no"))) == "choice_accuracy"
    assert primary(many(("", "Some text that goes on and on."))) == "token_loss"
    assert primary(many(("List.", "person: Al; place: Rome"), ("List.", "none"))) == "entity_f1"
    assert primary(many(("What is 3 + 4?", "7"), ("What is 3 + 9?", "12"))) == "exact_match"
    answers = [(f"Who wrote book {i}?", f"Author number {i}") for i in range(30)]
    assert primary(many(*answers)) == "token_f1"
    text = "the ministers met on Monday to speak about the price of bread"
    assert primary(many((f"Summarize.\n\n{text * 3}", "A meeting was held about how dear bread is now."))) == "rouge1"
    assert primary(many(("Correct.\n\nthey goes to school every day", "they go to school every day"))) == "chrf"
    assert (
        primary(many(("Translate to German.\n\nThe dog sleeps a lot today", "Der Hund schläft heute sehr viel")))
        == "chrf"
    )
    assert primary(many(("Resume.\n\n" + "новости " * 30, "Вчера министры встретились и говорили о ценах"))) == "chrf"
    assert (
        primary(many(("Solve.\n\nTwo and two apples", "We add 2 and 2 and get 4. The answer is 4."))) == "final_answer"
    )
    code = "def f(x):\n    return x + 1\n\nfor i in range(3):\n    f(i)"
    assert primary(many(("Write a loop over a function", code))) == "chrf"


def test_one_label_type_is_no_entity_list():
    assert primary(many(("Say.", "answer: red"), ("Say.", "answer: blue"))) != "entity_f1"


def test_no_examples_is_an_error():
    with pytest.raises(MetricError, match="no examples"):
        choose_metrics([])


@pytest.mark.parametrize(
    ("file", "metrics"),
    [
        ("ag_news/train.jsonl", "choice_accuracy label_accuracy"),
        ("clinc150/train.jsonl", "choice_accuracy label_accuracy"),
        ("nli/sick_train.jsonl", "choice_accuracy label_accuracy"),
        ("dialogsum/train.jsonl", "rouge1 rouge2 rougeL"),
        ("e2e/dev.jsonl", "rouge1 rouge2 rougeL"),
        ("instruct/general_train.jsonl", "rouge1 rouge2 rougeL"),
        ("instruct/code_train.jsonl", "chrf bleu"),
        ("jfleg/train.jsonl", "chrf bleu"),
        ("gsm8k/train.jsonl", "final_answer"),
        ("svamp/train.jsonl", "exact_match token_f1"),
        ("xquad_en/train.jsonl", "token_f1 exact_match"),
        ("multitask/train.jsonl", "token_f1 exact_match"),
        ("ner_wnut17/train.jsonl", "entity_f1 exact_match"),
        ("lm_text/c4.jsonl", ""),
    ],
)
def test_real_sets(file, metrics):
    names, _ = choose_metrics(real_examples(file))
    assert names == (*metrics.split(), "token_loss")


def test_a_metric_that_refuses_an_item_is_not_chosen():
    """Its error would come after the training."""
    entities = many(*[("List.", f"person: Al; place: Rome{i}") for i in range(3)], ("List.", "none"))
    assert primary(entities) == "entity_f1"
    assert primary([*entities, example("not available, sorry", prompt="List.", item_id="odd")]) != "entity_f1"
    solved = many(("Solve.\n\nTwo and two apples", "We add 2 and 2 and get 4. The answer is 4."))
    assert primary(solved) == "final_answer"
    assert (
        primary([*solved, example("We cannot tell how many apples.", prompt="Solve.", item_id="odd")]) != "final_answer"
    )
