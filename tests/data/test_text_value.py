"""A field's value as text."""

from __future__ import annotations

import pytest

from keeptune.data.text_value import RowFault, as_text


def test_bytes_are_text_in_utf8_or_refused() -> None:
    """Parquet files of some tools hold their texts so."""
    assert as_text("Größe\n".encode(), "a") == "Größe\n"
    with pytest.raises(RowFault) as fault:
        as_text(b"\xff\xfe", "a")
    assert fault.value.kind == "binary"
