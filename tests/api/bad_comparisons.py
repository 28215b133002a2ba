"""Comparisons that must be refused before anything is trained."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BadComparison:
    """One command line, and the kind of mistake in it."""

    name: str
    kind: str
    words: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()
    """(path, text) of what is there before."""
    without: str = ""
    """A flag that is left out."""

    def write(self, folder: Path) -> tuple[str, ...]:
        """Put its rows and files into `folder`, and give the command line."""
        rows = ({"prompt": f"number {i}", "completion": f"it is {i}"} for i in range(12))
        (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        for name, text in self.files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
        usual = {"--methods": "full,lora", "--output": "study", "--train": "rows.jsonl", "--model": "tiny"}
        given = [
            word for name, value in usual.items() if name not in (*self.words, self.without) for word in (name, value)
        ]
        return ("compare", *given, *self.words)


_OTHER = '{"training": {"seed": 7}}'

BAD_COMPARISONS = (
    BadComparison("a misspelt method", "unknown-method", ("--methods", "full,lroa")),
    BadComparison("no method", "no-method", ("--methods", ",")),
    BadComparison("a value where none is taken", "bad-method", ("--methods", "full=2")),
    BadComparison("a value that is no number", "bad-method", ("--methods", "full+interpolation=half")),
    BadComparison("replay without old rows", "bad-method", ("--methods", "full,full+replay=0.05")),
    BadComparison(
        "two methods that are the same", "same-method", ("--methods", "full+interpolation,full+interpolation=0.5")
    ),
    BadComparison("a seed that is no number", "bad-seed", ("--seeds", "0,one")),
    BadComparison("a seed below 0", "bad-seed", ("--seeds", "0,-1")),
    BadComparison("a seed twice", "bad-seed", ("--seeds", "0,1,0")),
    BadComparison(
        "a mitigation search",
        "bad-method",
        ("--config", "auto.yaml"),
        (("auto.yaml", "mitigation_search: {auto: true}\n"),),
    ),
    BadComparison("no folder to resume in", "no-folder", (), without="--output"),
    BadComparison("a folder with other things", "run-exists", (), (("study/thesis", "x"),)),
    BadComparison("a file in the place of the folder", "not-a-folder", (), (("study", "x"),)),
    BadComparison(
        "trials of other settings", "other-settings", ("--seeds", "0"), (("study/trials/full-s0/config.json", _OTHER),)
    ),
    BadComparison("no rows to train on", "missing-file", ("--train", "none.jsonl")),
    BadComparison("an address that is none", "bad-address", ("--ray", "head-node")),
    BadComparison("fewer than no GPUs", "bad-share", ("--ray", "--gpus-per-trial", "-1")),
)
