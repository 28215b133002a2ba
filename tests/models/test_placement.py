"""What placing the work on a CPU sets for the whole process."""

import os
import subprocess
import sys

import pytest

from keeptune.models.placement import CACHED_PRODUCTS, PRODUCT_CACHES, place

SHAPES = 100
BEFORE = """
import torch
from keeptune.models.memory import Meter
from keeptune.models.placement import place
place("cpu", "auto")
weight = torch.ones(64, 64, dtype=torch.bfloat16)
def product(rows):
    torch.ones(rows, 64, dtype=torch.bfloat16) @ weight
used = Meter(torch.device("cpu")).used
"""
TWICE = f"for rows in (*range(2, {SHAPES} + 2), 2, {SHAPES} + 1): product(rows)"
GROWTH = f"""
for rows in range(2, {SHAPES} + 2): product(rows)
before = used()
for rows in range({SHAPES} + 2, 5 * {SHAPES}): product(rows)
print("growth", used() - before)
"""


def _told(code: str, capacities: dict[str, str]) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in PRODUCT_CACHES}
    told = subprocess.run(
        [sys.executable, "-c", BEFORE + code],
        env=kept | capacities | {"ONEDNN_VERBOSE": "profile_create"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    if "create:cache_miss" not in told:
        pytest.skip("this machine multiplies bfloat16 without oneDNN")
    return told


def _made(capacities: dict[str, str]) -> int:
    """How often oneDNN made the code of a product."""
    return _told(TWICE, capacities).count("create:cache_miss")


def _growth(capacities: dict[str, str]) -> int:
    """Bytes of the process, over products of shapes that are all new."""
    return int(_told(GROWTH, capacities).rsplit("growth ", 1)[1])


def test_of_the_code_that_onednn_makes_only_the_last_is_kept() -> None:
    assert int(CACHED_PRODUCTS) < SHAPES
    assert _made({}) == SHAPES + 1


def test_new_shapes_take_less_memory_once_as_many_are_kept() -> None:
    assert _growth({}) < 0.4 * _growth({"LRU_CACHE_CAPACITY": "1024"})


def test_capacities_that_the_environment_names_stay() -> None:
    assert _made(dict.fromkeys(PRODUCT_CACHES, "1024")) == SHAPES


def test_what_is_kept_is_bounded_before_the_first_product(monkeypatch: pytest.MonkeyPatch) -> None:
    for cache in PRODUCT_CACHES:
        monkeypatch.delenv(cache, raising=False)
    place("cpu", "float32")
    assert [os.environ[cache] for cache in PRODUCT_CACHES] == [CACHED_PRODUCTS, CACHED_PRODUCTS]
