"""One small run, and the cache it filled, shared by all tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from keeptune.api.tune import tune
from keeptune.config import DataConfig, Full
from keeptune.experiments import dev_comparison
from keeptune.forgetting import verdict
from tests.api.runs import COLOURS, THINGS, Ran, ran, settings


@pytest.fixture(scope="session")
def run(tiny: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("api")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPTUNE_CACHE", str(folder / "cache"))
        return ran(tiny("llama"), folder)


@pytest.fixture(scope="module")
def able_bases() -> Iterator[None]:
    """A tiny base on a few items is never surely above the floor: here every base is taken to be, so that what comes
    after can be seen."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (dev_comparison, verdict):
            patch.setattr(module, "why_not_measurable", lambda *_, **__: "")
        yield


SIZES = ("big", "small")
NUMBERS = ("one", "two", "three", "four", "five", "six")


@pytest.fixture(scope="session")
def coloured(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    """A folder with a run, ``first``, whose full model knows the colours of things, and rows: what it learnt, in two
    halves that share every colour and thing (``old``, ``kept``), what it was tested on (``sizes``), and another task
    (``numbers``)."""
    folder = tmp_path_factory.mktemp("coloured")
    colours = [(f"{colour} {thing}", f"the {thing} is {colour}") for colour in COLOURS for thing in THINGS]
    numbers = [(f"{number} {thing}", f"{thing} times {number}") for number in NUMBERS for thing in THINGS]
    write(folder / "colours.jsonl", colours)
    halves: tuple[list[tuple[str, str]], ...] = ([], [])
    for place, pair in enumerate(colours):
        halves[sum(divmod(place, len(THINGS))) % 2].append(pair)
    write(folder / "old.jsonl", halves[0])
    write(folder / "kept.jsonl", halves[1])
    write(folder / "numbers.jsonl", numbers)
    write(folder / "sizes.jsonl", [(f"{size} {thing}", f"a {size} {thing}") for size in SIZES for thing in THINGS])
    config = settings(tiny("llama"), folder, "first", epochs=40.0, lr=0.01)
    data = DataConfig(train=str(folder / "colours.jsonl"), test=str(folder / "sizes.jsonl"), validation_fraction=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEEPTUNE_CACHE", str(folder / "cache"))
        tune(replace(config, method=Full(), data=data))
    return folder


def write(file: Path, pairs: Sequence[tuple[str, str]]) -> None:
    rows = [{"id": prompt, "prompt": prompt, "completion": completion} for prompt, completion in pairs]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
