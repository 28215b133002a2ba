"""Read sources once, row by row, onto disk, with a few numbers per row in memory."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from keeptune.data.detect import Mapping as FieldMapping
from keeptune.data.formats import ENDS_THE_FILE, STREAMED, RawRow, Reading, read_rows
from keeptune.data.formats.jsonl import stream_jsonl
from keeptune.data.mix.mixed_row import Row, needs_messages, to_example, to_row
from keeptune.data.mix.recipe import MixSource
from keeptune.data.mix.seeded import Ints, UInts
from keeptune.data.prompt_body import normalised_words
from keeptune.data.row_builder import RowBuilder, RowShapes
from keeptune.errors import DataError, Problem
from keeptune.records import Example
from keeptune.workspace.hashing import hash_file

FIRST_ROWS = 100
"""Rows from which the mapping is chosen. It is chosen again from all rows; the two rarely differ."""
PROBLEMS = 20
"""Maximum unusable rows of a source that are named; all are counted."""
KNOWN_WORDS = 1 << 20
"""Maximum word hashes in the cache."""

Role = Literal["train", "test"]

_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class SpooledSource:
    """One source: the position of each usable row, and the problems of the others."""

    source: MixSource
    sha256: str
    """Of the file's bytes; of the usable rows where the source is no file."""
    mapping: str
    invalid: int
    problems: tuple[Problem, ...]
    lines: Ints
    """The line, or row of a table, of each usable row; no two are the same."""
    starts: Ints
    """Where each row begins in the rows' file, and where the last one ends: one more than there are rows."""
    words: Ints
    """Likewise of the words of its prompt, in the words' file; in words."""
    characters: Ints
    """Of prompt and completion together."""
    in_turns: bool
    """Whether any row needs the form of messages."""

    def __len__(self) -> int:
        return len(self.lines)


class Spool:
    """Two files to which each source is appended: its rows as they will be mixed, and the word hashes of their prompts.

    Words are case folded, and white space is gone (`normalised_words`); of plain text, the text's own. A hash has
    64 bits: two of a million words collide with a probability below 10⁻⁷.
    """

    def __init__(self, folder: Path) -> None:
        self._words_path = folder / "words"
        self._files = ExitStack()
        self._rows = self._files.enter_context((folder / "rows").open("wb"))
        self._words = self._files.enter_context(self._words_path.open("wb"))
        self._reread = self._files.enter_context((folder / "rows").open("rb", buffering=0))
        self._hashes = _WordHashes()

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *raised: object) -> None:
        self._files.close()

    def add(self, source: MixSource, role: Role) -> SpooledSource:
        """Read a source to its end; rows that cannot be used are left out and counted.

        Raises:
            DataError: the source cannot be read, its fields have no known names, or no row can be used.
        """
        rows, table = _reader(source, role)
        shapes = RowShapes()
        for row in islice((row for row in rows() if isinstance(row, RawRow)), FIRST_ROWS):
            shapes.add(row.row)
        begin = self._rows.tell(), self._words.tell()
        while True:
            mapping = _mapping(shapes, source) if shapes.counts else FieldMapping("text")
            builder = RowBuilder(mapping, source.config, table.stem, table.labels.get(mapping.completion, ()))
            seen = RowShapes()
            spooled = self._add(source, rows(), builder, seen)
            if not len(spooled):
                raise _nothing_usable(spooled)
            for file in (self._rows, self._words):
                file.flush()
            if _mapping(seen, source) == mapping:
                read_as = f"; assumed: {'; '.join(table.assumed)}" if table.assumed else ""
                return replace(spooled, mapping=spooled.mapping + read_as)
            shapes = seen
            for file, start in zip((self._rows, self._words), begin, strict=True):
                file.seek(start)
                file.truncate()

    def _add(
        self, source: MixSource, rows: Iterable[RawRow | Problem], builder: RowBuilder, seen: RowShapes
    ) -> SpooledSource:
        kept = _Kept(starts=array("q", [self._rows.tell()]), words=array("q", [self._words.tell() // 8]))
        digest = hashlib.sha256()
        problems: list[Problem] = []
        invalid = 0
        for row in rows:
            if isinstance(row, RawRow):
                seen.add(row.row)
                built = builder.build(row)
                if not isinstance(built, list):
                    line = kept.line_of(row)
                    written = (_encode(to_row(built, source.name, line)) + "\n").encode()
                    digest.update(written)
                    self._rows.write(written)
                    words = normalised_words(built.prompt_text or built.completion)
                    self._words.write(array("Q", map(self._hashes.__getitem__, words)))
                    kept.add(built, line, len(written), len(words))
                    continue
            else:
                built = [row]
            invalid += 1
            problems.extend(built[: PROBLEMS - len(problems)])
        path = Path(source.data)
        sha256 = hash_file(path) if path.is_file() else digest.hexdigest()
        return kept.spooled(source, sha256, str(builder.mapping), invalid, problems)

    def words_of(self, spooled: SpooledSource) -> UInts:
        """The hashes of the words of all its prompts, one after another."""
        start, end = int(spooled.words[0]), int(spooled.words[-1])
        return np.fromfile(self._words_path, dtype=np.uint64, count=end - start, offset=8 * start)

    def line_of(self, spooled: SpooledSource, place: int) -> bytes:
        """One row as it was written, with its line end."""
        start, end = int(spooled.starts[place]), int(spooled.starts[place + 1])
        self._reread.seek(start)
        return self._reread.read(end - start)

    def example_of(self, spooled: SpooledSource, place: int) -> Example:
        """Read one row."""
        row: Row = json.loads(self.line_of(spooled, place))
        return to_example(row)


@dataclass(slots=True)
class _Kept:
    """The numbers per row of a source while it is read."""

    starts: array[int]
    words: array[int]
    lines: array[int] = field(default_factory=lambda: array("q"))
    characters: array[int] = field(default_factory=lambda: array("q"))
    in_turns: bool = False

    def line_of(self, row: RawRow) -> int:
        """The line that names the row; the next free one where several rows stand on one line."""
        return max(row.line or 0, self.lines[-1] + 1 if self.lines else 0)

    def add(self, example: Example, line: int, size: int, words: int) -> None:
        self.lines.append(line)
        self.starts.append(self.starts[-1] + size)
        self.words.append(self.words[-1] + words)
        self.characters.append(len(example.prompt_text) + len(example.completion))
        self.in_turns = self.in_turns or needs_messages(example)

    def spooled(
        self, source: MixSource, sha256: str, mapping: str, invalid: int, problems: Sequence[Problem]
    ) -> SpooledSource:
        lines, starts, words, characters = (
            np.array(numbers, dtype=np.int64) for numbers in (self.lines, self.starts, self.words, self.characters)
        )
        return SpooledSource(
            source, sha256, mapping, invalid, tuple(problems), lines, starts, words, characters, self.in_turns
        )


class _WordHashes(dict[str, int]):
    """Word → 64 bits of its BLAKE2 hash; the same in every process."""

    def __missing__(self, word: str) -> int:
        if len(self) >= KNOWN_WORDS:
            self.clear()
        value = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        self[word] = value
        return value


@dataclass(frozen=True, slots=True)
class _Table:
    """A reader's facts in addition to the rows, as in `RawRows`."""

    stem: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assumed: tuple[str, ...] = ()


def _reader(source: MixSource, role: Role) -> tuple[Callable[[], Iterator[RawRow | Problem]], _Table]:
    """(what gives all rows anew, what is known of them). JSON Lines are streamed; what other readers
    give is in memory while its source is read."""
    path = Path(source.data)
    if path.suffix.lower() in STREAMED and path.is_file() and os.access(path, os.R_OK):
        return lambda: stream_jsonl(path, source.encoding), _Table(path.stem)
    raw = read_rows(source.data, role, Reading.by(source.config))
    broken = [problem for problem in raw.problems if problem.kind in ENDS_THE_FILE]
    if broken:
        raise DataError(
            f"{source.data}: it cannot be read completely", "correct it, or leave it out of the mix", broken
        )
    return lambda: iter((*raw.problems, *raw.rows)), _Table(raw.stem, raw.labels, raw.assumed)


def _mapping(shapes: RowShapes, source: MixSource) -> FieldMapping:
    try:
        return shapes.mapping(source.config, source.data)
    except DataError as error:
        # Here the recipe has what flags set elsewhere.
        raise DataError(
            error.message, "name its fields in the recipe: `prompt` and `completion` of this source"
        ) from error


def _nothing_usable(spooled: SpooledSource) -> DataError:
    name = spooled.source.data
    return DataError(f"{name}: no row can be used", "correct it, or leave it out of the mix", spooled.problems[:3])
