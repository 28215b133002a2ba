"""Files of texts: their heads, their schemas, and that a wheel holds them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import keeptune
from keeptune.abilities.table import SUITES
from keeptune.forgetting.function_words import function_words
from keeptune.texts import About, about, read_table, read_texts

PACKAGE = Path(keeptune.__file__).parent
FILES = sorted(
    file.relative_to(PACKAGE).as_posix()
    for folder in ("abilities", "forgetting")
    for suffix in ("yaml", "tsv")
    for file in (PACKAGE / folder).rglob(f"*.{suffix}")
)
HEAD = 'version: "3"\nlicence: Apache-2.0\nsource: a test\n---\n'


@dataclass(frozen=True, slots=True)
class Row:
    word: str
    note: str


@dataclass(frozen=True, slots=True)
class Texts:
    words: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...] = ()


def test_the_files_are_found() -> None:
    assert len(FILES) > 14


@pytest.mark.parametrize("path", FILES)
def test_every_file_says_its_version_licence_and_source(path: str) -> None:
    said = about(path)
    assert said.licence
    assert said.source
    suite = SUITES.get(Path(path).stem.split("_")[0]) or SUITES.get(Path(path).stem)
    assert said.version == ("1" if suite is None else suite.version), "a suite and its texts are raised together"


def test_the_words_of_all_languages_are_read() -> None:
    assert len(function_words()) == 17
    assert {"the", "not"} <= function_words()["English"]
    assert all(len(words) > 15 for words in function_words().values())


def test_every_scalar_is_text_as_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(f"{HEAD}words: [no, 14, 1:30, 2020-01-01, ~, 0x1F]\n", encoding="utf-8")
    assert about(str(file)) == About("3", "Apache-2.0", "a test")
    assert read_texts(str(file), Texts).words == ("no", "14", "1:30", "2020-01-01", "~", "0x1F")


@pytest.mark.parametrize(
    "content",
    ["words: one", "words: [[one]]", "word: [one]", "words: [one]\nmore: 2", "words: [one]\npairs: [[a]]", ""],
)
def test_content_of_another_shape_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "some.yaml"
    file.write_text(HEAD + content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"some\.yaml"):
        read_texts(str(file), Texts)


def test_a_table_is_read_literally_and_cells_at_the_end_may_be_left_out(tmp_path: Path) -> None:
    file = tmp_path / "some.tsv"
    file.write_text(f'{HEAD}word\tnote\n"a" b\t#1, 2\nc\n', encoding="utf-8")
    assert read_table(str(file), Row) == (Row('"a" b', "#1, 2"), Row("c", ""))


@pytest.mark.parametrize("content", ["word\none\n", "word\tnote\tmore\none\ttwo\tthree\n", "word\tnote\na\tb\tc\n"])
def test_a_table_with_other_columns_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "some.tsv"
    file.write_text(HEAD + content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"some\.tsv"):
        read_table(str(file), Row)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib")
def test_a_wheel_holds_every_file_that_is_no_module() -> None:
    import tomllib

    project = PACKAGE.parents[1] / "pyproject.toml"
    patterns = tomllib.loads(project.read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]["keeptune"]
    held = {file for pattern in patterns for file in PACKAGE.glob(pattern)}
    assert set(_other_files()) <= held
    assert {PACKAGE / path for path in FILES} <= held


def _other_files() -> Iterator[Path]:
    for file in PACKAGE.rglob("*"):
        if file.is_file() and file.suffix != ".py" and "__pycache__" not in file.parts:
            yield file
