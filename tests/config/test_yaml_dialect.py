"""YAML means what it looks like: no times in base 60, octal numbers, dates or Norways."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from keeptune.config.load import load_config
from keeptune.config.yaml_dialect import Dumper, Loader


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1:30", "1:30"),
        ("010", 10),
        ("0o10", 8),
        ("0x10", 16),
        ("1e3", 1000.0),
        ("1e-5", 1e-5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-3", -3),
        ("no", "no"),
        ("on", "on"),
        ("Yes", "Yes"),
        ("True", True),
        ("~", None),
        ("null", None),
        ("2024-01-31", "2024-01-31"),
        ("2024-13-45", "2024-13-45"),
        ("1_000", "1_000"),
        ("-.inf", -math.inf),
        ("'1:30'", "1:30"),
    ],
)
def test_a_scalar_is_what_it_looks_like(written: str, meant: Any) -> None:
    found = yaml.load(f"key: {written}", Loader)["key"]
    assert (found, type(found)) == (meant, type(meant))


@pytest.mark.parametrize("text", ["1e3", "12e4567", "010", "1:30", "no", "true", "", "~", "2024-01-31", "0x1f", ".5"])
@pytest.mark.parametrize("around", ["", "\x85", "\u2028", "\u2029", "\ufeff"])
def test_what_is_written_is_read_again(text: str, around: str) -> None:
    written = {"key": f"{around}{text}{around}"}
    assert yaml.load(yaml.dump(written, Dumper=Dumper, allow_unicode=True), Loader) == written


def test_settings_in_a_file_mean_what_they_look_like(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("rank: 010\nlr: 1e-3\ncompletion: no\noutput: 2024-01-31\nbf16: yes\nseed: 1_000\n")
    config = load_config(file, {}, methods=("lora",), metrics=())
    assert (config.method.rank, config.training.lr, config.training.seed) == (10, 1e-3, 1000)
    assert (config.data.completion, config.output, config.model.dtype) == ("no", "2024-01-31", "bfloat16")
