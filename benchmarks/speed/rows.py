"""The data of the speed benchmarks, as token ids that ours and the peer are both given."""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path
from typing import Any

from measure import Found

MODEL = "smollm2"
LONGEST = 2048


def data_file(name: str) -> Path:
    """A file of the data folder."""
    folder = os.environ.get("KEEPTUNE_DATA")
    if not folder:
        sys.exit("set KEEPTUNE_DATA to the folder of the data sets")
    return Path(folder).resolve() / name


def first_rows(name: str, count: int) -> list[Found]:
    """The first rows of a file; fewer where it has fewer."""
    with data_file(name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line, _ in zip(lines, range(count), strict=False)]


def model_folder(model: str = MODEL) -> str:
    """Weights and tokenizer as transformers reads them; those of the built-in model in the user's cache."""
    from keeptune.config import ModelConfig
    from keeptune.models.find import find_model

    return find_model(ModelConfig(name=model)).source


@functools.cache
def encoder(model: str = MODEL) -> Any:
    from keeptune.config import ModelConfig
    from keeptune.data.encode import Encoder
    from keeptune.models.tokenizer import load_tokenizer

    tokenizer, kind, _ = load_tokenizer(ModelConfig(name=model))
    return Encoder(tokenizer, kind, LONGEST)


def encoded(name: str, count: int, model: str = MODEL) -> list[Found]:
    """Rows to learn from: {"ids": prompt and completion, "start": where the completion begins}."""
    rows = [encoder(model).row(_example(row)) for row in first_rows(name, count)]
    return [{"ids": list(row.ids), "start": row.spans[0][0]} for row in rows]


def encoded_choices(name: str, count: int, end: bool, model: str = MODEL) -> list[list[Found]]:
    """Items, each as one row a choice; `end`: the end token is scored with it."""
    items = []
    for row in first_rows(name, count):
        asked = [encoder(model).scored_row(_example(row), choice) for choice in row["choices"]]
        items.append(
            [{"ids": list(one.ids if end else one.ids[:-1]), "start": one.spans[0][0]} for one in asked],
        )
    return items


def _example(row: Found) -> Any:
    from keeptune.records import Example, Message

    return Example(row["id"], (Message("user", row["prompt"]),), row["completion"])
