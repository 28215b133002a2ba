"""Every bad input is refused with its file, line and way out, by the loader and by the check alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keeptune.config.schema import DataConfig
from keeptune.data.load import load_examples
from keeptune.data.validate import check_data
from keeptune.errors import DataError
from tests.data.bad_rows import BAD_ROWS, BadInput


@pytest.mark.parametrize("bad", BAD_ROWS, ids=lambda bad: bad.name)
def test_is_refused_with_its_message(bad: BadInput, tmp_path: Path) -> None:
    config = bad.write(tmp_path)
    path, role = (config.train, "train") if config.train else (config.test, "test")
    assert path is not None
    with pytest.raises(DataError) as caught:
        load_examples(path, config, role)
    assert [problem.kind for problem in caught.value.problems] == [bad.kind]
    problem = caught.value.problems[0]
    for words in bad.must_say:
        assert words in str(problem)
    assert problem.fix, "a problem without a way out"
    assert str(problem) in str(caught.value)
    report = check_data(config)
    assert report.errors == caught.value.problems
    assert not report.ok


def test_the_table_is_wide() -> None:
    assert len(BAD_ROWS) >= 28
    assert len({bad.kind for bad in BAD_ROWS}) >= 18
    assert len({bad.name for bad in BAD_ROWS}) == len(BAD_ROWS)


def test_every_problem_of_a_file_is_told_in_the_order_of_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(
        '{"prompt": "a", "completion": "b"}\n[]\n{"prompt": "", "completion": null}\n{"prompt": "a"}\n{oops\n'
    )
    problems = check_data(DataConfig(train=str(file))).problems
    assert [(problem.line, problem.kind) for problem in problems] == [
        (2, "not-an-object"),
        (3, "empty-prompt"),
        (3, "null-value"),
        (4, "missing-field"),
        (5, "bad-json"),
    ]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "text", "type"]), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = ["id", "prompt", "completion", "messages", "question", "answers", "input", "choices", "references", "group"]
ROWS = st.lists(st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS)
def test_any_rows_give_examples_or_problems_and_no_other_error(tmp_path: Path, rows: list[object]) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = DataConfig(train=str(file), test=str(file), system="Be kind.")
    report = check_data(config)
    if report.ok:
        examples = load_examples(str(file), config, "train").examples
        assert len(examples) == len(rows)
        assert all(row.completion.strip() and row.references[0] == row.completion for row in examples)
    else:
        with pytest.raises(DataError):
            load_examples(str(file), config, "train")
