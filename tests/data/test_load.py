"""Rows to Examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeptune.config.schema import DataConfig
from keeptune.data.load import LoadedData, load_examples
from keeptune.errors import DataError
from keeptune.records import Message
from tests.data.examples import real_data, write_rows


def _load(folder: Path, *rows: dict[str, Any], **settings: Any) -> LoadedData:
    return load_examples(write_rows(folder / "rows.jsonl", rows), DataConfig(**settings), "train")


def test_a_plain_pair_keeps_what_is_optional(tmp_path: Path) -> None:
    row = {"id": 7, "prompt": "2+2?", "completion": 4, "references": ["four", "4"], "choices": ["3", "4"]}
    (found,) = _load(tmp_path, {**row, "group": "sums", "task": "arithmetic"}).examples
    assert found.id == "7"
    assert found.prompt == (Message("user", "2+2?"),)
    assert found.completion == "4"
    assert found.references == ("4", "four")
    assert found.choices == ("3", "4")
    assert (found.group, found.task, found.cluster) == ("sums", "arithmetic", "sums")
    assert found.source == f"{tmp_path / 'rows.jsonl'}:1"


def test_rows_without_ids_are_named_by_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a", "completion": "b"}\n\n{"prompt": "c", "completion": "d"}')
    loaded = load_examples(str(tmp_path / "rows.jsonl"), DataConfig(), "train")
    assert [row.id for row in loaded.examples] == ["rows/1", "rows/3"]
    assert loaded.examples[0].references == ("b",)


def test_a_conversation_is_learnt_on_its_last_answer(tmp_path: Path) -> None:
    turns = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "Ciao")]
    (found,) = _load(tmp_path, {"messages": [{"role": r, "content": c} for r, c in turns]}).examples
    assert [(turn.role, turn.content) for turn in found.prompt] == turns[:-1]
    assert found.completion == "Ciao"
    sharegpt = [{"from": {"user": "human", "assistant": "gpt"}.get(r, r), "value": c} for r, c in turns]
    (same,) = _load(tmp_path, {"conversations": sharegpt}).examples
    assert (same.prompt, same.completion) == (found.prompt, found.completion)


def test_prompt_and_completion_may_be_written_as_turns(tmp_path: Path) -> None:
    prompt = [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]
    (found,) = _load(tmp_path, {"prompt": prompt, "completion": [{"role": "assistant", "content": "Hello"}]}).examples
    assert (found.prompt, found.completion) == ((Message("user", "Hi"),), "Hello")


def test_the_system_message_goes_first(tmp_path: Path) -> None:
    plain = _load(tmp_path, {"prompt": "Hi", "completion": "Hello"}, system="Be kind.").examples[0]
    assert plain.prompt == (Message("system", "Be kind."), Message("user", "Hi"))
    turns = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello")]
    row = {"messages": [{"role": r, "content": c} for r, c in turns]}
    own = _load(tmp_path, row, system="Be kind.").examples[0]
    assert own.prompt == (Message("system", "Be kind.\n\nBe brief."), Message("user", "Hi"))


def test_an_empty_input_is_left_out_of_the_prompt(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Add.", "input": "1 and 2", "output": "3"},
        {"instruction": "Greet.", "input": "", "output": "Hello"},
        {"instruction": "Part.", "output": "Bye"},
    ]
    assert [row.prompt_text for row in _load(tmp_path, *rows).examples] == ["Add.\n\n1 and 2", "Greet.", "Part."]


def test_squad_answers_are_references(tmp_path: Path) -> None:
    answers = {"text": ["Paris", "Paris", "in Paris"], "answer_start": [0, 0, 3]}
    row = {"question": "Where?", "context": "He was in Paris.", "answers": answers}
    (found,) = _load(tmp_path, row).examples
    assert found.prompt_text == "He was in Paris.\n\nWhere?"
    assert found.references == ("Paris", "in Paris")


def test_a_template_and_a_group_field(tmp_path: Path) -> None:
    rows = [{"dialogue": f"A: {word}", "gist": word, "scene": 1} for word in ("hi", "bye")]
    loaded = _load(tmp_path, *rows, prompt="Sum up: {dialogue}", completion="gist", group="scene")
    assert [(row.prompt_text, row.completion, row.group) for row in loaded.examples] == [
        ("Sum up: A: hi", "hi", "1"),
        ("Sum up: A: bye", "bye", "1"),
    ]
    assert loaded.mapping == 'prompt ← "Sum up: {dialogue}", completion ← gist; kept: group ← scene'


def test_plain_text_has_no_prompt_and_takes_no_system_message(tmp_path: Path) -> None:
    for rows in ([{"text": "One."}, {"text": "Two."}], [{"prompt": "", "completion": "One."}]):
        loaded = _load(tmp_path, *rows, system="Be kind.")
        assert loaded.examples[0].prompt == ()
        assert loaded.examples[0].completion == "One."
        assert "plain text" in loaded.mapping
        assert [problem.kind for problem in loaded.problems] == ["system-unused"]


def test_lost_characters_are_a_warning(tmp_path: Path) -> None:
    loaded = _load(tmp_path, {"prompt": "caf\N{REPLACEMENT CHARACTER}", "completion": "x"})
    assert [(problem.kind, problem.line, problem.severity) for problem in loaded.problems] == [
        ("lost-characters", 1, "warning")
    ]


def test_the_hash_is_of_what_is_read(tmp_path: Path) -> None:
    rows = [{"text": "One.", "label": "a"}, {"text": "Two.", "label": "b"}]
    first = _load(tmp_path, *rows)
    (tmp_path / "elsewhere").mkdir()
    assert _load(tmp_path / "elsewhere", *rows).sha256 == first.sha256
    assert _load(tmp_path, *rows, prompt="Label: {text}").sha256 != first.sha256
    assert _load(tmp_path, *reversed(rows)).sha256 != first.sha256


def test_an_error_counts_its_problems(tmp_path: Path) -> None:
    rows = [{"prompt": "a", "completion": "b"}, *({"prompt": "", "completion": "x"} for _ in range(12))]
    with pytest.raises(DataError, match="12 problems in the train data") as caught:
        _load(tmp_path, *rows)
    assert len(caught.value.problems) == 12
    assert "and 2 more" in str(caught.value)


def test_the_sample_data_loads_with_nothing_to_say() -> None:
    for name, rows in (("dialogsum/train.jsonl", 1500), ("xquad_en/dev.jsonl", 209), ("multitask/train.jsonl", 3284)):
        loaded = load_examples(real_data(name), DataConfig(), "train")
        assert len(loaded.examples) == rows
        assert loaded.problems == ()


def test_rows_of_one_line_have_ids_of_their_own(tmp_path: Path) -> None:
    rows = [{"prompt": f"question {n}", "completion": f"answer {n}"} for n in range(3)]
    file = tmp_path / "rows.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    loaded = load_examples(str(file), DataConfig(), "train")
    assert [example.id for example in loaded.examples] == ["rows/1", "rows/1.2", "rows/1.3"]


@pytest.mark.parametrize(
    ("choices", "answer"),
    [
        (["red", "green", "blue"], "B"),
        ({"text": ["red", "green", "blue"], "label": ["1", "2", "3"]}, "2"),
        ({"text": ["red", "green", "blue"], "label": ["A", "B", "C"]}, "green"),
    ],
)
def test_a_choice_may_be_named_by_its_letter_or_label(tmp_path: Path, choices: Any, answer: str) -> None:
    row = {"prompt": "What colour is grass?", "completion": answer, "choices": choices}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = load_examples(str(tmp_path / "rows.jsonl"), DataConfig(), "train").examples
    assert (found.completion, found.references, found.choices) == ("green", ("green",), ("red", "green", "blue"))


def test_choices_that_are_numbers_are_named_as_texts(tmp_path: Path) -> None:
    row = {"prompt": "2 + 2?", "completion": "2", "choices": {"text": [3, 4], "label": [1, 2]}}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    (found,) = load_examples(str(tmp_path / "rows.jsonl"), DataConfig(), "train").examples
    assert (found.completion, found.choices) == ("4", ("3", "4"))
