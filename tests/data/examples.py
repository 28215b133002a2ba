"""Examples and files that several tests of this folder make."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from keeptune.records import Example, Message


def example(id_: str, prompt: str, completion: str = "a", **fields: Any) -> Example:
    turns = (Message("user", prompt),) if prompt else ()
    return Example(id_, turns, completion, references=(completion,), **fields)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def real_data(name: str) -> str:
    """A file of the sample data; skips the test where the samples are not at hand."""
    folder = os.environ.get("KEEPTUNE_DATA")
    if not folder:
        pytest.skip("KEEPTUNE_DATA is unset: it names the folder of sample data that this test reads")
    return str(Path(folder) / name)
