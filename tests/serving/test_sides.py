"""What is said of the weights that answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from keeptune.serving.sides import Side


def test_other_weights_have_another_fingerprint() -> None:
    encoder: Any = None
    base, other = "a" * 64, "a" * 64 + "+" + "b" * 64
    sides: list[Any] = [SimpleNamespace(hash=each) for each in (base, f"{base}-nf4", other, f"{other}-nf4")]
    assert len({Side("tuned", loaded, encoder).fingerprint for loaded in sides}) == 4
