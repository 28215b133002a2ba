"""YAML that unfolds to more than any settings are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from keeptune.config import yaml_file
from keeptune.config.yaml_file import read_yaml
from keeptune.errors import ConfigError

_PAIRS = tuple(pairwise("abcdefghijklmn"))
_LISTS = "a: &a [1, 2]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in _PAIRS)
_MAPPINGS = "a: &a {x: 1}\n" + "".join(f"{b}: &{b} {{x: *{a}, y: *{a}, z: *{a}}}\n" for a, b in _PAIRS)


@pytest.mark.parametrize("text", [_LISTS, _MAPPINGS, "a: &a [*a]\n", "a: &a {b: *a}\n"])
def test_aliases_without_end(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(ConfigError, match="aliases written out"):
        read_yaml(tmp_path / "run.yaml")


def test_a_few_aliases_are_what_they_stand_for(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("data: {train: &rows a.jsonl, test: *rows}\n")
    assert [entry.value for entry in read_yaml(tmp_path / "run.yaml")] == ["a.jsonl", "a.jsonl"]


def test_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_file, "MOST_BYTES", 10)
    (tmp_path / "run.yaml").write_text("lr: 0.0001 # and more\n")
    with pytest.raises(ConfigError, match="the limit is"):
        read_yaml(tmp_path / "run.yaml")
