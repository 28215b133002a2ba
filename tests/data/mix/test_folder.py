"""A mix on disk: made again from its recipe, checked against its hashes, and read as train data."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from keeptune.api.mix import mix
from keeptune.config.schema import DataConfig
from keeptune.data.load import load_examples, read_examples
from keeptune.data.mix import folder
from keeptune.data.mix.recipe import RECIPE, read_recipe, recipe_of_flags
from keeptune.data.mix.report import MixReport
from keeptune.errors import DataError, StoreError
from tests.data.mix.mixes import source, texts


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with sources, a test set and a mix of them, in which paths are relative."""
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    own = texts(30, seed=0)
    source(Path("data"), "a", own)
    source(Path("data"), "b", texts(30, seed=1))
    source(Path("data"), "t", [own[0], *texts(5, seed=2)])
    flags = {"sources": ("data/a.jsonl", "data/b.jsonl:0.25"), "test": ("data/t.jsonl",), "seed": 5}
    mix(recipe_of_flags(flags), "mixed")
    return tmp_path


def test_a_recipe_makes_the_same_bytes_elsewhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = project / "elsewhere"
    again.mkdir()
    monkeypatch.chdir(again)
    report = mix(project / "mixed", "again")
    for name in ("mix.jsonl", RECIPE):
        first, second = (project / "mixed" / name).read_text(), (again / "again" / name).read_text()
        assert first == second.replace("../../data", "../data"), name
    assert read_recipe(again / "again" / RECIPE).made_sha256 == report.sha256


def test_a_source_that_changed_is_named(project: Path) -> None:
    with Path("data/b.jsonl").open("a") as handle:
        handle.write('{"prompt": "new", "completion": "row"}\n')
    with pytest.raises(DataError, match=r"data/b\.jsonl is not what it was when the recipe was made"):
        mix("mixed", "again")
    assert not Path("again").exists()
    # The rows that are there are still those that the recipe made.
    assert len(load_examples("mixed", DataConfig(), "train").examples) == 38


def test_a_mix_that_comes_out_otherwise_is_refused(project: Path) -> None:
    file = Path("mixed") / RECIPE
    file.write_text(file.read_text().replace("seed: 5", "seed: 6"))
    with pytest.raises(DataError, match="the mix differs from the one that the recipe made"):
        mix("mixed", "again")


def test_of_two_that_mix_into_one_folder_the_first_stays(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = folder.build_mix

    def slowly(*given: Any) -> MixReport:
        report = build(*given)
        monkeypatch.setattr(folder, "build_mix", build)
        mix("mixed", "again")
        return report

    monkeypatch.setattr(folder, "build_mix", slowly)
    with pytest.raises(StoreError, match="again was made meanwhile"):
        mix("mixed", "again")
    assert (project / "again" / "mix.jsonl").read_bytes() == (project / "mixed" / "mix.jsonl").read_bytes()
    assert sorted(entry.name for entry in project.iterdir()) == ["again", "data", "mixed"]


def test_a_folder_with_something_in_it_is_left_alone(project: Path) -> None:
    before = (project / "mixed" / "mix.jsonl").read_bytes()
    with pytest.raises(StoreError, match="already exists"):
        mix("mixed/recipe.yaml", "mixed")
    assert (project / "mixed" / "mix.jsonl").read_bytes() == before


@pytest.mark.parametrize("path", ["mixed", "mixed/recipe.yaml"])
def test_a_mix_as_train_data(project: Path, path: str) -> None:
    shutil.rmtree("data")
    loaded = load_examples(path, DataConfig(system="Be brief."), "train")
    # 29 rows of a are left, a row of it being in test: three quarters of 38.
    assert len(loaded.examples) == 38
    assert loaded.mapping == "2 sources mixed"
    assert {example.task for example in loaded.examples} == {"a", "b"}
    assert all(example.prompt[0].content == "Be brief." for example in loaded.examples)
    assert loaded.examples[0].source == f"{Path('mixed/mix.jsonl')}:1"


def test_rows_that_were_changed_are_refused(project: Path) -> None:
    file = Path("mixed/mix.jsonl")
    file.write_text(file.read_text().replace("the answer", "an answer", 1))
    with pytest.raises(DataError, match="does not match its recipe"):
        load_examples("mixed", DataConfig(), "train")


def test_a_recipe_that_was_never_made_is_mixed_where_it_is_read(project: Path) -> None:
    Path("plain.yaml").write_text("sources: [data/a.jsonl, data/b.jsonl]\nseed: 5\n", encoding="utf-8")
    assert len(load_examples("plain.yaml", DataConfig(), "train").examples) == 60
    assert set(os.listdir()) == {"data", "mixed", "plain.yaml"}


def test_rows_of_the_test_set_never_come_into_train(project: Path) -> None:
    Path("plain.yaml").write_text("sources: [data/a.jsonl, data/b.jsonl]\n", encoding="utf-8")
    leaky = DataConfig(test="data/t.jsonl", drop_duplicates=False)
    assert len(load_examples("plain.yaml", leaky, "train").examples) == 60
    assert len(load_examples("plain.yaml", DataConfig(test="data/t.jsonl"), "train").examples) == 59
    # A mix that was made without this test set is made anew with it.
    source(Path("data"), "u", [texts(30, seed=0)[1]])
    made = load_examples("mixed", DataConfig(), "train").examples
    anew = load_examples("mixed", DataConfig(test="data/u.jsonl"), "train").examples
    told = load_examples("mixed", DataConfig(test="data/t.jsonl"), "train").examples
    assert made == told
    leaked = {example.id for example in made} - {example.id for example in anew}
    assert "a/2" in leaked


def test_rows_that_the_test_set_got_since_never_come_into_train(project: Path) -> None:
    source(Path("data"), "t", texts(30, seed=0)[:10])
    anew = load_examples("mixed", DataConfig(test="data/t.jsonl"), "train").examples
    tested = {row.prompt for row in load_examples("data/t.jsonl", DataConfig(), "test").examples}
    assert len(tested) == 10
    assert not tested & {row.prompt for row in anew}


def test_a_bad_mix_is_a_problem_of_the_train_data(project: Path) -> None:
    Path("plain.yaml").write_text("sources: [data/none.jsonl]\n", encoding="utf-8")
    examples, _, problems = read_examples("plain.yaml", DataConfig(), "train")
    assert examples == ()
    assert "data/none.jsonl: no row can be used" in problems[0].message
    assert problems[1].kind == "missing-file"
