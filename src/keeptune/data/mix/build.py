"""Build a mix from a recipe: read, clean, select, order, write."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from keeptune.data.mix.mixed_row import as_messages, to_example
from keeptune.data.mix.recipe import MixRecipe, MixSource
from keeptune.data.mix.removal import Reason, Removals, find_removals
from keeptune.data.mix.report import MixedSource, MixedTest, MixReport
from keeptune.data.mix.seeded import Ints, choose_lines, shuffle_key
from keeptune.data.mix.spool import Role, Spool, SpooledSource
from keeptune.data.mix.weights import row_counts
from keeptune.data.token_lengths import CountTokens
from keeptune.errors import DataError
from keeptune.events import DataLoaded, Observer

MIX = "mix.jsonl"


def build_mix(
    recipe: MixRecipe, folder: Path | None, observer: Observer, count_tokens: CountTokens | None = None
) -> MixReport:
    """Make the mix, and write its rows to ``mix.jsonl`` in `folder`; None only looks at it.

    The same recipe over the same files gives the same bytes. In memory are some 100 bytes a row, 8 bytes a word of one
    source, and the shingles that several rows share; sources that are not JSON Lines are held whole, one at a time.

    Raises:
        ConfigError: proportions that cannot be met.
        DataError: a source that cannot be read or has no usable row, or that has changed since the recipe was made.
    """
    with tempfile.TemporaryDirectory(prefix="keeptune-mix-") as scratch, Spool(Path(scratch)) as spool:
        tests = [_read(spool, test, observer, "test") for test in recipe.test]
        sources = [_read(spool, source, observer, "train") for source in recipe.sources]
        removals = find_removals(spool, sources, tests, Path(scratch), near=recipe.near_duplicates)
        parts = _parts(sources, removals)
        usable = [np.flatnonzero(part.reasons == Reason.NONE) for part in parts]
        counts = row_counts(recipe, [len(places) for places in usable])
        chosen = [
            places[choose_lines(source.lines[places], count, recipe.seed, source.source.name)]
            for source, places, count in zip(sources, usable, counts, strict=True)
        ]
        sha256, tokens = _write(spool, sources, chosen, recipe.seed, folder, count_tokens)
    if recipe.made_sha256 not in ("", sha256):
        message = "the mix differs from the one that the recipe made: the same sources gave other rows"
        raise DataError(message, "mix with the version of keeptune that made it, or remove `made` from the recipe")
    rows = sum(counts)
    mixed = tuple(
        _mixed(source, part, places, rows, len(tests), spent)
        for source, part, places, spent in zip(sources, parts, chosen, tokens, strict=True)
    )
    return MixReport(
        folder=str(folder or ""),
        sha256=sha256,
        rows=rows,
        sources=mixed,
        tests=tuple(
            MixedTest(test.source.name, test.source.data, test.sha256, len(test), test.invalid) for test in tests
        ),
        problems=tuple(
            replace(problem, severity="warning") for side in (*sources, *tests) for problem in side.problems
        ),
        near_duplicates=recipe.near_duplicates,
        seed=recipe.seed,
    )


def _read(spool: Spool, source: MixSource, observer: Observer, role: Role) -> SpooledSource:
    spooled = spool.add(source, role)
    if source.sha256 not in ("", spooled.sha256):
        message = (
            f"{source.data} is not what it was when the recipe was made: its SHA-256 was {source.sha256[:12]}… and is "
            f"{spooled.sha256[:12]}…"
        )
        fix = "restore the old file, or remove `sha256` and `made` from the recipe to mix the current one"
        raise DataError(message, fix)
    observer(DataLoaded(role, source.data, len(spooled), spooled.mapping))
    return spooled


@dataclass(frozen=True, slots=True)
class _Part:
    """The removals of one source."""

    reasons: Ints
    leaked_from: Ints


def _parts(sources: Sequence[SpooledSource], removals: Removals) -> list[_Part]:
    parts, start = [], 0
    for source in sources:
        own = slice(start, start + len(source))
        parts.append(_Part(removals.reasons[own].astype(np.int64), removals.leaked_from[own]))
        start += len(source)
    return parts


def _mixed(source: SpooledSource, part: _Part, places: Ints, rows: int, tests: int, tokens: int | None) -> MixedSource:
    left_out = np.bincount(part.reasons, minlength=len(Reason)).tolist()
    leaks = np.bincount(part.leaked_from[part.leaked_from >= 0], minlength=tests).tolist()
    return MixedSource(
        name=source.source.name,
        data=source.source.data,
        sha256=source.sha256,
        mapping=source.mapping,
        read=len(source) + source.invalid,
        invalid=source.invalid,
        leaks=tuple(leaks),
        exact_within=left_out[Reason.EXACT_WITHIN],
        exact_across=left_out[Reason.EXACT_ACROSS],
        near=left_out[Reason.NEAR],
        usable=left_out[Reason.NONE],
        rows=len(places),
        share=len(places) / rows if rows else 0.0,
        characters=int(source.characters[places].sum()),
        tokens=tokens,
    )


def _write(
    spool: Spool,
    sources: Sequence[SpooledSource],
    chosen: Sequence[Ints],
    seed: int,
    folder: Path | None,
    count_tokens: CountTokens | None,
) -> tuple[str, list[int | None]]:
    """(SHA-256 of the rows, tokens of each source); the rows are written where a folder is given."""
    digest = hashlib.sha256()
    tokens = [0] * len(sources)
    target = None if folder is None else (folder / MIX).open("wb")
    try:
        for number, line in _in_order(spool, sources, chosen, seed):
            digest.update(line)
            if target is not None:
                target.write(line)
            if count_tokens is not None:
                tokens[number] += sum(count_tokens([to_example(json.loads(line))])[0])
    finally:
        if target is not None:
            target.close()
    return digest.hexdigest(), [None if count_tokens is None else count for count in tokens]


def _in_order(
    spool: Spool, sources: Sequence[SpooledSource], chosen: Sequence[Ints], seed: int
) -> Iterator[tuple[int, bytes]]:
    """(number of the source, row as a line) in the seeded order; all rows as messages where any needs it."""
    in_turns = any(source.in_turns for source in sources)
    numbers = np.repeat(np.arange(len(sources)), [len(places) for places in chosen])
    keys = np.concatenate(
        [
            shuffle_key(source.lines[places], seed, source.source.name)
            for source, places in zip(sources, chosen, strict=True)
        ]
    )
    order = np.argsort(keys, kind="stable")
    for number, place in zip(numbers[order].tolist(), np.concatenate(chosen)[order].tolist(), strict=True):
        line = spool.line_of(sources[number], place)
        if in_turns:
            line = (json.dumps(as_messages(json.loads(line)), ensure_ascii=False) + "\n").encode()
        yield number, line
