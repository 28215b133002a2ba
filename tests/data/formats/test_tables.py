"""Parquet, folders and data sets of the library `datasets`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest

from keeptune.config.schema import DataConfig
from keeptune.data.formats import READERS, read_rows
from keeptune.data.load import load_examples

ROWS = [{"text": "good film", "label": 1}, {"text": "bad film", "label": 0}]


@pytest.fixture
def labelled() -> datasets.Dataset:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])})
    return datasets.Dataset.from_list(ROWS, features=features)


def test_class_names_are_kept_from_parquet(tmp_path: Path, labelled: datasets.Dataset) -> None:
    labelled.to_parquet(str(tmp_path / "train.parquet"))
    loaded = load_examples(str(tmp_path / "train.parquet"), DataConfig(), "train")
    assert loaded.mapping == "prompt ← text, completion ← label"
    assert [(row.id, row.completion, row.choices) for row in loaded.examples] == [
        ("train/1", "pos", ("neg", "pos")),
        ("train/2", "neg", ("neg", "pos")),
    ]


@pytest.mark.parametrize(
    ("split", "role", "first"), [("", "train", "pos"), ("", "test", "neg"), (":dev", "train", "neg")]
)
def test_a_saved_data_set_gives_the_split_of_the_role(
    tmp_path: Path, labelled: datasets.Dataset, split: str, role: str, first: str
) -> None:
    splits = {"train": labelled, "dev": labelled.select([1, 0])}
    datasets.DatasetDict(splits).save_to_disk(str(tmp_path / "saved"))
    loaded = load_examples(str(tmp_path / "saved") + split, DataConfig(), role)
    assert loaded.examples[0].completion == first
    assert loaded.examples[0].choices == ("neg", "pos")


def test_a_saved_data_set_may_link_to_files_in_the_hubs_cache(tmp_path: Path, labelled: datasets.Dataset) -> None:
    labelled.save_to_disk(str(tmp_path / "saved"))
    for name in ("datasets--of--one/blobs", "elsewhere"):
        away = tmp_path / name
        away.mkdir(parents=True)
        (file,) = (tmp_path / "saved").glob("*.arrow")
        (away / "1").write_bytes(file.read_bytes())
        file.unlink()
        file.symlink_to(away / "1")
        problems = read_rows(str(tmp_path / "saved"), "train").problems
        assert bool(problems) is (name == "elsewhere")


def test_a_row_without_a_class_is_a_problem(tmp_path: Path, labelled: datasets.Dataset) -> None:
    labelled.add_item({"text": "unknown", "label": -1}).save_to_disk(str(tmp_path / "saved"))
    raw = read_rows(str(tmp_path / "saved"), "train")
    assert [row.row["label"] for row in raw.rows] == ["pos", "neg", None]


def test_a_folder_gives_the_file_of_the_role(tmp_path: Path) -> None:
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text(f"prompt,completion\n{name},x\n")
    assert read_rows(str(tmp_path), "test").rows[0].row["prompt"] == "test"
    assert read_rows(f"{tmp_path}:train", "test").rows[0].row["prompt"] == "train"


def test_a_hub_name_is_handed_to_the_library(monkeypatch: pytest.MonkeyPatch, labelled: datasets.Dataset) -> None:
    asked: list[str] = []

    def load_dataset(name: str) -> Any:
        asked.append(name)
        return datasets.DatasetDict({"train": labelled, "validation": labelled})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert len(read_rows("someone/films:validation", "train").rows) == 2
    assert len(read_rows("films", "test").rows) == 2
    assert asked == ["someone/films", "films"]
    problem = read_rows("films:tset", "train").problems[0]
    assert problem.kind == "unknown-split"
    assert "the splits are train, validation" in problem.message


def test_a_hub_name_that_cannot_be_found_says_what_was_tried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def load_dataset(name: str) -> Any:
        raise ConnectionError("offline mode is enabled\nand more")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    monkeypatch.chdir(tmp_path)
    (problem,) = read_rows("films", "train").problems
    assert problem.kind == "not-found"
    assert 'no file or folder "films"' in problem.message
    assert problem.message.endswith("offline mode is enabled")
    assert all(ending in problem.fix for ending in READERS)


def test_a_hub_data_set_of_several_configurations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for config in ("main", "other"):
        (tmp_path / config).mkdir()
        for split in ("train", "test"):
            rows = [{"question": f"{config} {split}?", "answer": "yes"}]
            (tmp_path / config / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    configs = "".join(f"- config_name: {name}\n  data_dir: {name}\n" for name in ("main", "other"))
    (tmp_path / "README.md").write_text(f"---\nconfigs:\n{configs}---\n")
    real = datasets.load_dataset
    monkeypatch.setattr(datasets, "load_dataset", lambda name, *config: real(str(tmp_path), *config))

    def asked(path: str, role: str = "train") -> str:
        (row,) = read_rows(path, role).rows
        return str(row.row["question"])

    assert asked("someone/sums:main") == "main train?"
    assert asked("someone/sums:other", "test") == asked("someone/sums:other:test") == "other test?"
    assert asked("someone/sums:main", "replay") == "main train?"
    assert asked("someone/sums:main", "what is kept") == "main test?"
    (problem,) = read_rows("someone/sums", "train").problems
    assert problem.kind == "several-configs"
    assert "main" in problem.message
    assert "someone/sums:CONFIG" in problem.fix
    (problem,) = read_rows("someone/sums:mian", "train").problems
    assert problem.kind == "not-found"


def test_a_file_has_no_splits(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("prompt,completion\na,b\n")
    (problem,) = read_rows(f"{tmp_path}/films.csv:train", "train").problems
    assert problem.kind == "unknown-split"


def test_a_path_is_never_looked_for_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "load_dataset", lambda name: pytest.fail(f"asked the hub for {name}"))
    for path in ("films.jsonl", "./films", "/no/such/films", "a/b/c", "films.gz", "films.csv:train"):
        assert [problem.kind for problem in read_rows(path, "train").problems] == ["missing-file"]
