"""Recipes from YAML and from flags: what they mean, and what is said where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeptune.data.mix.recipe import MixRecipe, MixSource, is_recipe, read_recipe, recipe_of_flags
from keeptune.errors import ConfigError


def written(folder: Path, text: str) -> Path:
    for name in ("a", "b", "t"):
        (folder / f"{name}.jsonl").touch()
    file = folder / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_whole_recipe(tmp_path: Path) -> None:
    text = """
        sources:
        - a.jsonl
        - {data: b.jsonl, name: second, weight: 2, cap: 100, prompt: "Sum up: {text}", completion: summary}
        - b.jsonl:0.1
        - org/set:train
        rows: 500
        temperature: 2
        cap: 3000
        seed: 7
        test: [t.jsonl]
        near_duplicates: off
    """
    recipe = read_recipe(written(tmp_path, text.replace("\n        ", "\n")))
    a, b, t = (str(tmp_path / f"{name}.jsonl") for name in "abt")
    assert recipe == MixRecipe(
        (
            MixSource(a, "a"),
            MixSource(b, "second", weight=2, cap=100, prompt="Sum up: {text}", completion="summary"),
            MixSource(b, f"{tmp_path.name}-b", fraction=0.1),
            MixSource("org/set:train", "set-train"),
        ),
        rows=500,
        temperature=2,
        cap=3000,
        seed=7,
        test=(MixSource(t, "t"),),
        near_duplicates=False,
    )


def test_flags_alone_and_over_a_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags: dict[str, Any] = {"sources": ("a.jsonl", "b.jsonl:0.1"), "cap": "3000", "near_duplicates": "off"}
    recipe = recipe_of_flags(flags)
    assert recipe.sources == (MixSource("a.jsonl", "a"), MixSource("b.jsonl", "b", fraction=0.1))
    assert (recipe.cap, recipe.near_duplicates) == (3000, False)
    file = written(tmp_path, "sources: [a.jsonl]\nseed: 3\nmade: {sha256: abc, rows: 3}\n")
    assert read_recipe(file).made_sha256 == "abc"
    changed = read_recipe(file, {"seed": "4"})
    assert (changed.seed, changed.made_sha256) == (4, "")


def test_names_of_two_files_called_the_same(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "train.jsonl").touch()
    recipe = read_recipe(written(tmp_path, "sources: [one/train.jsonl, two/train.jsonl]"))
    assert [source.name for source in recipe.sources] == ["one-train", "two-train"]


def test_what_is_a_recipe(tmp_path: Path) -> None:
    assert is_recipe("mix.yaml")
    assert not is_recipe("rows.jsonl")
    assert not is_recipe(str(tmp_path))
    written(tmp_path, "sources: [a.jsonl]")
    assert is_recipe(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "must_say"),
    [
        ("", "no sources to mix"),
        ("sources: []", "sources is an empty list"),
        ("sources: [a.jsonl]\nseeds: 1", "seeds is not a key of a recipe\n  → did you mean seed?"),
        (
            "sources:\n- {data: a.jsonl, wieght: 2}",
            r"sources\[1\].wieght is not a key here\n  → did you mean weight",
        ),
        ("sources:\n- {data: a.jsonl, weight: 0}", r"sources\[1\].weight is 0\n  → it must be more than 0"),
        ("sources:\n- {data: a.jsonl, fraction: 1.5}", r"fraction is 1.5\n"),
        ("sources:\n- {data: a.jsonl, fraction: 0.5, weight: 2}", "weight and its fraction contradict each other"),
        ("sources:\n- {weight: 2}", "write a path, or a mapping with `data: PATH`"),
        ("sources:\n- {data: a.jsonl, cap: some}", r"sources\[1\].cap is 'some', not a whole number"),
        ("sources: [a.jsonl, a.jsonl]", "has 2 named"),
        ("sources: [a.jsonl]\ntest:\n- {data: t.jsonl, weight: 2}", r"test\[1\].weight is not a key"),
        ("sources: [a.jsonl]\nnear_duplicates: 0.7", "near_duplicates is 0.7\n  → one of: 0.8, off"),
        ("sources: [a.jsonl]\ntemperature: -1", "temperature is -1"),
        ("sources: [a.jsonl]\nrows: 1.5", "rows is 1.5, not a whole number"),
        ("- a.jsonl", "not a mapping"),
    ],
)
def test_mistakes_are_named(text: str, must_say: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=must_say):
        read_recipe(written(tmp_path, text))


def test_a_recipe_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no recipe"):
        read_recipe(tmp_path / "none.yaml")


def test_the_recipe_of_the_documentation_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "mixing.md").read_text(encoding="utf-8")
    recipe = read_recipe(written(tmp_path, page.partition("```yaml\n")[2].partition("```")[0]))
    assert [source.fraction for source in recipe.sources] == [None, 0.1, None]
    assert (recipe.rows, recipe.temperature, recipe.cap, recipe.near_duplicates) == (5000, 2, 3000, True)


def test_what_a_mix_says_of_all_tables_holds_for_each(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text|label\ntrès|a\n".encode("cp1252"))
    (tmp_path / "b.csv").write_bytes("text|label\nžluť|a\n".encode("cp1250"))
    sources = ["a.csv", {"data": "b.csv", "encoding": "cp1250"}]
    file = tmp_path / "mix.yaml"
    file.write_text(json.dumps({"sources": sources, "encoding": "cp1252", "delimiter": "|"}))
    recipe = read_recipe(file)
    assert [(source.encoding, source.delimiter) for source in recipe.sources] == [("cp1252", "|"), ("cp1250", "|")]
