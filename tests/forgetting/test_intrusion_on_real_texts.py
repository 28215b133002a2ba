"""Human answers to other tasks are no intrusion, summaries in their place are: on real texts, if they are at hand."""

import json
import os
import random
from pathlib import Path

import pytest

from keeptune.forgetting.intrusion import find_intrusion
from keeptune.records import Answer, EvalRecord

DATA = os.environ.get("KEEPTUNE_DATA", "")
SUITES = {
    "data-to-text": ("e2e/dev.jsonl", 100),
    "grammar": ("jfleg/dev.jsonl", 150),
    "instructions": ("instruct/general_dev.jsonl", 100),
    "qa": ("xquad_en/dev.jsonl", 200),
}

pytestmark = pytest.mark.skipif(not DATA, reason="KEEPTUNE_DATA names no folder of real data sets")


def rows(name, count):
    lines = (Path(DATA) / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[:count]]


def record(row, output):
    references = tuple(row.get("references") or (row["completion"],))
    return EvalRecord(row["id"], row["id"], row["prompt"], references, (), Answer(row["id"], output, "stop"), {})


def untuned(row):
    """As a small chat model goes on: it repeats parts of the prompt, with chatter around them."""
    body = row["prompt"].split("\n\n", 1)[-1]
    lines = [line for line in body.split("\n") if line.strip()]
    return random.Random(row["id"]).choice(
        [
            " ".join(body.split()[:40]),
            "Sure! Here is what you asked for:\n\n- " + "\n- ".join(lines[:3]),
            "The text says: " + " ".join(body.split()[-30:]),
        ]
    )


def both(found, answer):
    return [record(row, untuned(row)) for row in found], [record(row, answer(row)) for row in found]


def test_gold_is_no_intrusion_and_summaries_are():
    task = both(rows("dialogsum/dev.jsonl", 300), lambda row: row["completion"])
    summaries = [row["completion"] for row in rows("dialogsum/train.jsonl", 400)]
    suites = {name: rows(*of) for name, of in SUITES.items()}
    right = {name: both(found, lambda row: row["completion"]) for name, found in suites.items()}
    for row in find_intrusion(task, right).rows:
        assert row.tuned_share <= 0.03, row
    intruded = {
        name: both(found, lambda row: random.Random(row["id"]).choice(summaries)) for name, found in suites.items()
    }
    for row in find_intrusion(task, intruded).rows:
        assert row.tuned_share >= 0.85, row
        assert row.corrected.high >= 0.95, row
