"""Short ways to make an example, an answer, and a metric's score of a whole set."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from keeptune.records import Answer, Example, Message
from keeptune.scoring.metric import corpus_score


def example(*references, prompt="Say it.", choices=(), item_id="i0"):
    return Example(
        id=item_id,
        prompt=(Message("user", prompt),) if prompt else (),
        completion=references[0],
        references=tuple(references),
        choices=tuple(choices),
    )


def wrote(text, item_id="i0"):
    return Answer(item_id=item_id, output=text, finish="stop")


def value(metric, text, *references, **more):
    return metric.item(wrote(text), example(*references, **more)).value


def corpus(metric, outputs, references):
    return corpus_score(metric, [metric.item(wrote(o), example(*r)) for o, r in zip(outputs, references, strict=True)])


def real_examples(name, limit=None):
    """Examples of a sample file under $KEEPTUNE_DATA; skips where the variable is unset."""
    folder = os.environ.get("KEEPTUNE_DATA")
    if not folder:
        pytest.skip("KEEPTUNE_DATA is unset: the real sample data is not here")
    rows = [json.loads(line) for line in (Path(folder) / name).read_text().splitlines()[:limit]]
    return [
        example(
            *(row.get("references") or [row["completion"]]),
            prompt=row["prompt"],
            choices=row.get("choices", ()),
            item_id=row["id"],
        )
        for row in rows
    ]
