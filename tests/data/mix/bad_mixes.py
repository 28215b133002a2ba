"""Mixes that must be refused: a recipe over ``a.jsonl``, ``b.jsonl`` and ``t.jsonl``, or a command line without one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BadMix:
    """One mix, and the kind of mistake in it."""

    name: str
    kind: str
    recipe: str = ""
    """Text of ``recipe.yaml``; "" for none."""
    words: tuple[str, ...] = ("mix", "recipe.yaml")

    def write(self, folder: Path) -> tuple[str, ...]:
        """Put it into `folder`, and give the command line."""
        for name, count in (("a", 10), ("b", 20), ("t", 10)):
            rows = ({"prompt": f"number {i} of many", "completion": f"it is {i}"} for i in range(count))
            (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "broken.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b", "completion": ""}\n')
        (folder / "cut.csv").write_text('prompt,completion\none,1\ntwo,"2\nthree,3\n')
        (folder / "made").mkdir()
        (folder / "made" / "mix.jsonl").write_text("{}\n")
        (folder / "made" / "recipe.yaml").write_text("sources: [../a.jsonl]\nmade: {sha256: 0f1e2d}\n")
        if self.recipe:
            (folder / "recipe.yaml").write_text(self.recipe)
        return self.words


BAD_MIXES = (
    BadMix("no sources", "no-sources", words=("mix", "--seed", "1")),
    BadMix("no such recipe", "no-recipe", words=("mix", "recipes.yaml")),
    BadMix("a recipe without sources", "no-sources", "rows: 5\n"),
    BadMix("an empty list of sources", "no-sources", "sources: []\n"),
    BadMix("a misspelt key", "unknown-key", "sources: [a.jsonl]\ntemprature: 2\n"),
    BadMix("a misspelt key of a source", "unknown-key", "sources:\n- {data: a.jsonl, wieght: 2}\n"),
    BadMix("a source without data", "bad-source", "sources:\n- {weight: 2}\n"),
    BadMix("a weight and a fraction", "bad-source", "sources:\n- {data: a.jsonl, weight: 2, fraction: 0.5}\n"),
    BadMix("a fraction above 1", "bad-value", words=("mix", "--source", "a.jsonl:1.5", "--source", "b.jsonl")),
    BadMix("a cap that is no number", "bad-value", "sources: [a.jsonl]\ncap: few\n"),
    BadMix("another threshold", "bad-value", "sources: [a.jsonl]\nnear_duplicates: 0.7\n"),
    BadMix("two sources of one name", "name-twice", "sources: [a.jsonl, {data: b.jsonl, name: a}]\n"),
    BadMix("a source that is not there", "unusable-source", "sources: [aa.jsonl]\n"),
    BadMix("a source of broken rows", "unusable-source", "sources: [a.jsonl, broken.jsonl]\n"),
    BadMix("a source that breaks off", "unusable-source", "sources: [a.jsonl, cut.csv]\n"),
    BadMix("a test set that breaks off", "unusable-source", "sources: [a.jsonl]\ntest: [cut.csv]\n"),
    BadMix("a field that the rows do not have", "bad-source", "sources:\n- {data: a.jsonl, prompt: '{promt}'}\n"),
    BadMix(
        "fractions that leave nothing",
        "bad-proportions",
        "sources:\n- {data: a.jsonl, fraction: 0.5}\n- {data: b.jsonl, fraction: 0.6}\n",
    ),
    BadMix("more rows than there are", "bad-proportions", "sources: [a.jsonl]\nrows: 11\n"),
    BadMix("a weighted source of repeats", "bad-proportions", "sources: [b.jsonl, {data: a.jsonl, weight: 1}]\n"),
    BadMix("all rows in a test set", "nothing-left", "sources: [a.jsonl]\ntest: [t.jsonl]\n"),
    BadMix("a source that changed", "other-bytes", "sources:\n- {data: a.jsonl, sha256: 0f1e2d}\n"),
    BadMix("a mix that comes out otherwise", "other-bytes", "sources: [a.jsonl]\nmade: {sha256: 0f1e2d}\n"),
    BadMix("a folder in the way", "run-exists", words=("mix", "--source", "a.jsonl", "--output", "earlier")),
    BadMix(
        "training on a mix that was changed", "other-bytes", words=("tune", "--model", "tiny", "--train", "made")
    ),
)  # fmt: skip
