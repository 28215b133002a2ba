"""The join on disk finds the pairs that comparing all finds, however it is cut into blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keeptune.data.mix import near_duplicates
from keeptune.data.mix.near_duplicates import ShingleFile, similar_pairs
from keeptune.data.similarity import is_similar, jaccard


@st.composite
def families(draw: st.DrawFn) -> list[set[int]]:
    """Sets over few members, many of them copies of an earlier one with some members changed."""
    sets: list[set[int]] = []
    for _ in range(draw(st.integers(1, 14))):
        if sets and draw(st.booleans()):
            made = set(draw(st.sampled_from(sets)))
            made ^= draw(st.sets(st.integers(0, 40), max_size=3))
        else:
            made = draw(st.sets(st.integers(0, 40), min_size=1, max_size=30))
        sets.append(made or {0})
    return sets


@pytest.mark.parametrize("size", [16, 1 << 20])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sets=families())
def test_equal_to_comparing_all(
    sets: list[set[int]], size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("BLOCK", "CANDIDATES", "VERIFIED"):
        monkeypatch.setattr(near_duplicates, name, size)
    path = tmp_path / "sets"
    np.array([member for members in sets for member in sorted(members)], dtype=np.uint64).tofile(path)
    found = {}
    for pairs in similar_pairs(ShingleFile(path, np.array([len(members) for members in sets]))):
        triples = zip(pairs.earlier.tolist(), pairs.later.tolist(), pairs.similarity.tolist(), strict=True)
        found |= {(i, j): similarity for i, j, similarity in triples}
    assert found == {
        (i, j): jaccard(sets[i], sets[j]) for j in range(len(sets)) for i in range(j) if is_similar(sets[i], sets[j])
    }
