"""What placing the work on a CPU sets for the whole process."""

import os
import subprocess
import sys

import pytest

from keeptune.models.placement import CACHED_PRODUCTS, place

SHAPES = 100
CODE = f"""
import torch
from keeptune.models.placement import place
place("cpu", "auto")
weight = torch.ones(64, 64, dtype=torch.bfloat16)
for rows in (*range(2, {SHAPES} + 2), 2, {SHAPES} + 1):
    torch.ones(rows, 64, dtype=torch.bfloat16) @ weight
"""


def _made(capacity: dict[str, str]) -> int:
    """How often oneDNN made the code of a product."""
    kept = {name: value for name, value in os.environ.items() if name != "ONEDNN_PRIMITIVE_CACHE_CAPACITY"}
    told = subprocess.run(
        [sys.executable, "-c", CODE],
        env=kept | capacity | {"ONEDNN_VERBOSE": "profile_create"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    made = told.count("create:cache_miss")
    if not made:
        pytest.skip("this machine multiplies bfloat16 without oneDNN")
    return made


def test_of_the_code_that_onednn_makes_only_the_last_is_kept() -> None:
    assert int(CACHED_PRODUCTS) < SHAPES
    assert _made({}) == SHAPES + 1


def test_a_capacity_that_the_environment_names_stays() -> None:
    assert _made({"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "1024"}) == SHAPES


def test_what_is_kept_is_bounded_before_the_first_product(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", raising=False)
    place("cpu", "float32")
    assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == CACHED_PRODUCTS
