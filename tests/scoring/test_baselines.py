"""Outputs without a model."""

import pytest
from scoring_items import corpus, example, real_examples

from keeptune.records import Example, Message
from keeptune.scoring.baselines import baseline_outputs
from keeptune.scoring.body import prompt_bodies, prompt_body, units
from keeptune.scoring.table import METRICS

SUMMARY = "A rather long answer of more than five words."


def texts(*prompts, answer=SUMMARY):
    return [example(answer, prompt=prompt, item_id=str(i)) for i, prompt in enumerate(prompts)]


def test_body_leaves_out_instruction_and_cue():
    assert prompt_body(example("x", prompt="Summarize.\n\nOne.\nTwo.\n\nSummary:")) == "One.\nTwo."
    assert prompt_body(example("x", prompt="Only this line")) == "Only this line"
    assert prompt_body(example("x", prompt="P: a\nH: b\n\nAnswer:")) == "P: a\nH: b"
    assert prompt_body(example("x", prompt="")) == ""
    chat = Example("c", (Message("user", "old"), Message("assistant", "well"), Message("user", "Do.\n\nnew")), "x")
    assert prompt_body(chat) == "new"


def test_code_keeps_its_lines_blank_ones_and_identifiers():
    code = "def my_function(a_b):\n    x = a_b + 1\n\n    return x\n"
    body = prompt_body(example("x", prompt=f"Summarize this function in one sentence.\n\n{code}\nSummary:"))
    assert body == code.rstrip()
    assert units(body) == ["def my_function(a_b):", "    x = a_b + 1", "    return x"]


def test_units_are_turns_sentences_or_lines():
    assert units("#A#: Hi. How are you?\n#B#: Fine. You?") == ["#A#: Hi. How are you?", "#B#: Fine. You?"]
    assert units("It rained. We left! Why? Nobody knows.") == [
        "It rained.",
        "We left!",
        "Why?",
        "Nobody knows.",
    ]
    assert units("One line\nAnother line") == ["One line", "Another line"]
    assert units("") == []


def test_a_label_that_all_share_is_left_out_but_a_speaker_is_not():
    labelled = texts(*(f"Correct.\n\nSentence: text number {i}\n\nCorrected:" for i in range(5)))
    assert prompt_bodies(labelled)[3] == "text number 3"
    dialogue = texts(*("Sum up.\n\nUser: hi\nBot: hello\nUser: bye" for _ in range(5)))
    assert prompt_bodies(dialogue)[0].startswith("User: hi")


def test_lead_and_copy_for_texts():
    prompts = [f"Summarize.\n\nFirst {i}. Second {i}. Third {i}. Fourth {i}." for i in range(4)]
    outputs = baseline_outputs([], texts(*prompts))
    assert set(outputs) == {"lead-1", "lead-3", "copy"}
    assert outputs["lead-1"][2] == "First 2."
    assert outputs["lead-3"][2] == "First 2. Second 2. Third 2."
    assert outputs["copy"][2] == "First 2. Second 2. Third 2. Fourth 2."


def test_long_bodies_are_not_copied_and_turns_stay_lines():
    turns = "\n".join(f"#Person{i % 2}#: They said something number {i} to the other." for i in range(12))
    outputs = baseline_outputs([], texts(*[f"Summarize.\n\n{turns}\n\nSummary:"] * 3))
    assert set(outputs) == {"lead-1", "lead-3"}
    assert outputs["lead-3"][0] == "\n".join(turns.split("\n")[:3])


def test_majority_is_of_train_and_only_where_one_is_frequent():
    test = [example("b", choices=("a", "b"), item_id="t")]
    train = [example(answer, choices=("a", "b"), item_id=answer + str(i)) for i, answer in enumerate("ababb")]
    assert baseline_outputs(train, test) == {"majority": ["b"]}
    unlike = [example(f"name {i}", item_id=str(i)) for i in range(9)]
    assert baseline_outputs(unlike, unlike) == {}
    assert baseline_outputs(train, []) == {}


def test_plain_text_has_no_baseline():
    assert baseline_outputs([], texts("", "")) == {}


def test_lead_3_of_real_dialogues_scores_as_known():
    examples = real_examples("dialogsum/dev.jsonl", 120)
    outputs = baseline_outputs(examples, examples)
    assert set(outputs) == {"lead-1", "lead-3"}
    score = corpus(METRICS["rouge1"], outputs["lead-3"], [e.references for e in examples])
    assert 22 < score < 32


def test_copying_real_learner_sentences_scores_high():
    examples = real_examples("jfleg/dev.jsonl")
    outputs = baseline_outputs(examples, examples)
    assert list(outputs) == ["copy"]
    assert corpus(METRICS["chrf"], outputs["copy"], [e.references for e in examples]) == pytest.approx(80, abs=12)
