"""Text that is unfit to learn from, and text that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keeptune.mitigation.text_faults import copies, distinct_share, text_fault


@pytest.mark.parametrize(
    ("text", "ids", "fault"),
    [
        ("", [], "empty"),
        (" \n", [5], "empty"),
        ("no", [5, 6], "too short"),
        ("caf\N{REPLACEMENT CHARACTER}", [5, 6, 7], "broken characters"),
        ("on and on", [5, 6] * 20, "repetitive"),
        ("a list of three lines, twice", [1, 2, 3, 4, 5, 6, 7, 8, 9] * 2, ""),
        ("ha ha ha", [5, 5, 5], ""),
        ("a sentence", list(range(40)), ""),
    ],
)
def test_faults(text: str, ids: list[int], fault: str) -> None:
    assert text_fault(text, ids, shortest=3) == fault


@given(st.lists(st.integers(0, 5), max_size=60))
def test_the_share_of_distinct_runs(ids: list[int]) -> None:
    share = distinct_share(ids)
    assert 0 < share <= 1
    if len(ids) >= 19:
        runs = [tuple(ids[start : start + 4]) for start in range(len(ids) - 3)]
        assert share == len(set(runs)) / len(runs)
    else:
        assert share == 1


def test_copies() -> None:
    asked = "Write a short poem about the sea and the wind at night"
    assert copies(asked, asked.upper() + "\n")
    assert copies(asked, f"{asked} please")
    assert not copies(asked, "The waves are dark, and all the stars are low")
    assert not copies("Say yes", "yes")
