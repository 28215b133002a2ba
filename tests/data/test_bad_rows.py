"""Every bad input is refused with its file, line and way out, by the loader and by the check alike."""

from __future__ import annotations

from pathlib import Path

import pytest

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
    from keeptune.config.schema import DataConfig

    problems = check_data(DataConfig(train=str(file))).problems
    assert [(problem.line, problem.kind) for problem in problems] == [
        (2, "not-an-object"),
        (3, "empty-prompt"),
        (3, "null-value"),
        (4, "missing-field"),
        (5, "bad-json"),
    ]
