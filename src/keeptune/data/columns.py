"""Which columns are prompt and answer: by their names as everywhere, and where those do not tell, a guess for the user
to confirm."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from keeptune.config.schema import DataConfig
from keeptune.data.detect import field_template, pair_readings
from keeptune.data.field_names import CONTEXTS, KEPT, PROMPTS
from keeptune.data.formats import RawRow, Reading, read_rows
from keeptune.data.mix.recipe import is_recipe
from keeptune.data.row_builder import RowShapes
from keeptune.errors import DataError

LOOKED_AT = 1000
"""Rows whose values are looked at."""
FILLED = 0.5
"""Share of the rows that fill a column which may be a prompt or an answer."""

_PROMPT_WORDS = frozenset({name for name, _ in PROMPTS} | {name for names in CONTEXTS.values() for name in names})
_ANSWER_WORDS = frozenset({"category", "class", "reply", "translation"}).union(*(names for _, names in PROMPTS))


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file, and what may be made of them."""

    config: DataConfig
    answers: tuple[str, ...] = ()
    """The columns that may be the answer, the likeliest first; empty where the names or the settings tell."""
    why: str = ""
    """How they are told apart, in a sentence; "" where no row can be read."""
    template: str = ""
    """The prompt as a template, where the names tell it and it is a text."""
    texts: tuple[tuple[str, float], ...] = ()
    """(column, its median length in characters) of each that may be prompt or answer."""
    known: tuple[str, ...] = ()
    """The columns that may be the answer by their names alone."""

    def settings(self, answer: str) -> DataConfig:
        """The settings by which `answer` is the answer."""
        if answer in self.known:
            return replace(self.config, completion=answer)
        lengths = {name: length for name, length in self.texts if name != answer}
        prompt = max(lengths, key=lambda name: (-_rank(name), lengths[name]), default=None)
        told = None if prompt is None else field_template(prompt)
        return replace(self.config, completion=answer, prompt=self.config.prompt or told)


def read_columns(config: DataConfig) -> Columns:
    """The columns of `config.train`. What is wrong with the file is left for `check` to tell."""
    path = str(config.train)
    if is_recipe(path):
        return Columns(config, why="by its recipe: each source has a template of its own")
    raw = read_rows(path, "train", Reading.by(config))
    if not raw.rows:
        return Columns(config)
    shapes = RowShapes()
    for row in raw.rows:
        shapes.add(row.row)
    try:
        mapping = shapes.mapping(config, path)
    except DataError:
        return _guessed(raw.rows, shapes, config)
    told = "by the settings" if config.prompt or config.completion else "by the names of the columns"
    return Columns(config, why=told, template="\n\n".join(map(field_template, mapping.prompt)))


def _guessed(rows: Sequence[RawRow], shapes: RowShapes, config: DataConfig) -> Columns:
    usual = shapes.counts.most_common(1)[0][0]
    texts = _texts([row.row for row in rows[:: max(1, len(rows) // LOOKED_AT)]], usual)
    if config.completion:
        # Only the prompt is missing.
        guess = Columns(config, texts=texts).settings(config.completion)
        named = [name for name, _ in texts]
        usable = config.prompt is None and config.completion in named and guess.prompt is not None
        return Columns(guess, why="the prompt is the longest other column") if usable else Columns(config)
    readings = {} if config.prompt else {r.completion: r for r in pair_readings(usual, usual)}
    if len(readings) > 1:
        known = tuple(answer for answer in readings if _tells(shapes, replace(config, completion=answer)))
        why = "by a guess: by their names, several columns may be the answer"
        return Columns(config, tuple(readings), why, texts=texts, known=known)
    used = config.prompt or ""
    answers = [name for name, _ in texts if f"{{{name}}}" not in used and name != used]
    # Of equals, the later one: rows are mostly written as a question and then its answer.
    ranked = sorted(answers, key=lambda name: (_rank(name), answers.index(name)), reverse=True)
    if not ranked or len(texts) < 2:
        return Columns(config)
    first = ranked[0]
    by_word = "its name" if _rank(first) > 0 else "the name of the other" if _rank(first) > _rank(ranked[-1]) else ""
    how = f"by {by_word}" if by_word else "as the last column"
    why = f"by a guess: the answer {how}, and the prompt as the longest of the others, without words of a task"
    return Columns(config, tuple(ranked), why, texts=texts)


def _tells(shapes: RowShapes, config: DataConfig) -> bool:
    try:
        shapes.mapping(config, "")
    except DataError:
        return False
    return True


def _texts(rows: Sequence[Mapping[str, object]], fields: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """The columns that are neither empty, nor always the same, nor numbers that count the rows."""
    found = []
    for name in fields:
        values = [str(value) for row in rows if (value := row.get(name)) is not None and str(value).strip()]
        distinct = len(set(values))
        counts = distinct == len(values) and all(value.strip().lstrip("-").isdigit() for value in values)
        if name.strip().lower() in KEPT or len(values) < FILLED * len(rows) or distinct < 2 or counts:
            continue
        found.append((name, median(map(len, values))))
    return tuple(found)


def _rank(name: str) -> int:
    """1 for a name that holds a word for answers, −1 for one that holds a word for prompts, else 0."""
    words = set(re.findall(r"[^\W\d_]+", name.casefold()))
    return bool(words & (_ANSWER_WORDS - _PROMPT_WORDS)) - bool(words & (_PROMPT_WORDS - _ANSWER_WORDS))
