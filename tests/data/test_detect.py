"""Every layout by its field names, with the sentence that is shown."""

from __future__ import annotations

import pytest

from keeptune.config.schema import DataConfig
from keeptune.data.detect import detect
from keeptune.errors import DataError

KNOWN = [
    ("prompt completion id choices", "prompt ← prompt, completion ← completion; kept: id, choices"),
    ("completion prompt response messages text", "prompt ← prompt, completion ← completion"),
    ("messages prompt_id prompt", "prompt ← messages before the last answer, completion ← the last answer of messages"),
    (
        "conversations id",
        "prompt ← conversations before the last answer, completion ← the last answer of conversations; kept: id",
    ),
    ("instruction input output text", "prompt ← instruction + input, completion ← output"),
    ("instruction output", "prompt ← instruction, completion ← output"),
    ("instruction context response category", "prompt ← instruction + context, completion ← response"),
    ("id dialogue summary topic", "prompt ← dialogue, completion ← summary; kept: id"),
    ("document summary id", "prompt ← document, completion ← summary; kept: id"),
    ("article highlights id", "prompt ← article, completion ← highlights; kept: id"),
    ("text summary", "prompt ← text, completion ← summary"),
    ("question answer", "prompt ← question, completion ← answer"),
    ("question answer context", "prompt ← context + question, completion ← answer"),
    ("id title context question answers", "prompt ← context + question, completion ← answers; kept: id"),
    ("source target", "prompt ← source, completion ← target"),
    ("input output", "prompt ← input, completion ← output"),
    ("query response", "prompt ← query, completion ← response"),
    ("text label", "prompt ← text, completion ← label"),
    ("text label label_text", "prompt ← text, completion ← label_text"),
    ("idx sentence label", "prompt ← sentence, completion ← label"),
    ("sentence corrections", "prompt ← sentence, completion ← corrections"),
    ("Question Answer", "prompt ← Question, completion ← Answer"),
    ("prompt references task group", "prompt ← prompt, completion ← references; kept: group, task"),
    ("text", "completion ← text, no prompt (plain text)"),
    ("text timestamp url", "completion ← text, no prompt (plain text)"),
]


@pytest.mark.parametrize(("fields", "sentence"), KNOWN)
def test_known_names(fields: str, sentence: str) -> None:
    assert str(detect(fields.split(), DataConfig(), "f")) == sentence


@pytest.mark.parametrize("fields", ["text summary label", "question answer input output", "document text summary"])
def test_two_readings_are_refused_and_told(fields: str) -> None:
    with pytest.raises(DataError, match="ambiguous") as caught:
        detect(fields.split(), DataConfig(), "f")
    assert "; or " in caught.value.message
    assert caught.value.fix.startswith("say which: --prompt")


def test_settings_go_before_names() -> None:
    fields = ["dialogue", "summary", "topic", "scene"]
    told = DataConfig(prompt="About {topic}:\n{dialogue}", completion="topic", group="scene")
    mapping = detect(fields, told, "f")
    assert str(mapping) == 'prompt ← "About {topic}: {dialogue}", completion ← topic; kept: group ← scene'
    assert mapping.needed == {"topic", "dialogue"}
    assert str(detect(fields, DataConfig(prompt="{topic}"), "f")) == 'prompt ← "{topic}", completion ← summary'
    assert str(detect(fields, DataConfig(completion="topic"), "f")) == "prompt ← dialogue, completion ← topic"
    both = DataConfig(prompt="topic", completion="{summary} ({topic})")
    assert str(detect(fields, both, "f")) == 'prompt ← "{topic}", completion ← "{summary} ({topic})"'


def test_half_a_setting_that_leaves_the_other_half_open_is_refused() -> None:
    with pytest.raises(DataError, match="more than one field may be the answer: summary, label"):
        detect(["text", "summary", "label"], DataConfig(prompt="{text}"), "f")
    with pytest.raises(DataError, match="the fields are a, b") as caught:
        detect(["a", "b"], DataConfig(completion="b"), "f")
    assert "--prompt" in caught.value.fix


def test_optional_fields_may_be_absent_from_most_rows() -> None:
    mapping = detect(["instruction", "output"], DataConfig(), "f", ["instruction", "output", "input", "choices"])
    assert str(mapping) == "prompt ← instruction + input, completion ← output; kept: choices"
    assert mapping.needed == {"instruction", "output"}


@pytest.mark.parametrize("asked", ["question", "query"])
def test_an_instruction_beside_a_question_has_two_readings(asked: str) -> None:
    with pytest.raises(DataError, match="ambiguous"):
        detect(["instruction", asked, "response"], DataConfig(), "rows.jsonl")


@pytest.mark.parametrize(
    ("fields", "prompt"),
    [("context question answer", "context + question"), ("instruction context response", "instruction + context")],
)
def test_a_completion_that_is_told_keeps_the_context(fields: str, prompt: str) -> None:
    names = fields.split()
    found = detect(names, DataConfig(completion=names[-1]), "rows.jsonl")
    assert str(found) == f"prompt ← {prompt}, completion ← {names[-1]}"
