"""Mixes that tests of this folder make, and what is in them."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keeptune.data.mix.build import MIX, build_mix
from keeptune.data.mix.recipe import recipe_of_flags
from keeptune.data.mix.report import MixReport
from keeptune.events import silent
from tests.data.examples import write_rows

WORDS = [f"word{place}" for place in range(2000)]


def texts(count: int, seed: int, words: int = 30) -> list[str]:
    """Texts that have nothing in common but words."""
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=words)) for _ in range(count)]


def source(folder: Path, name: str, prompts: Sequence[str], answer: str = "the answer {}") -> str:
    rows = [{"prompt": text, "completion": answer.format(place)} for place, text in enumerate(prompts)]
    return write_rows(folder / f"{name}.jsonl", rows)


def mixed(folder: Path, flags: Mapping[str, Any], output: str = "mix") -> tuple[MixReport, list[dict[str, Any]]]:
    """The report, and the rows as they were written."""
    out = folder / output
    out.mkdir()
    report = build_mix(recipe_of_flags(flags), out, silent)
    with (out / MIX).open(encoding="utf-8") as handle:
        return report, [json.loads(line) for line in handle]
