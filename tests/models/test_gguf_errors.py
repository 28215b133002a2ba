"""What is said of a GGUF file that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers

from keeptune.errors import ModelError
from keeptune.models.gguf import convert_gguf


@pytest.mark.parametrize(("error", "is_of_memory"), [(MemoryError("no room"), True), (ValueError("no header"), False)])
def test_memory_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, is_of_memory: bool
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(transformers.AutoModelForCausalLM, "from_pretrained", fails)
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match=r"transformers cannot read .*model\.gguf: .*no ") as raised:
        convert_gguf(tmp_path / "model.gguf")
    assert ("free memory" in str(raised.value)) == is_of_memory
    assert "check that the download is whole" in str(raised.value)
