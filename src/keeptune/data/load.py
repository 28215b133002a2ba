"""Load Examples from a path: read, detect the layout, build, and report every unusable row. A mix is loaded
unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.config.schema import DataConfig
from keeptune.data.detect import Mapping
from keeptune.data.formats import ENDS_THE_FILE, STREAMED, RawRow, RawRows, Reading, read_rows
from keeptune.data.labels import AUTO
from keeptune.data.mix.folder import read_mix
from keeptune.data.mix.recipe import is_recipe
from keeptune.data.row_builder import RowBuilder, RowShapes
from keeptune.errors import DataError, Problem
from keeptune.records import Example
from keeptune.workspace.hashing import hash_value


@dataclass(frozen=True, slots=True)
class LoadedData:
    """The Examples of one file, folder or hub data set."""

    examples: tuple[Example, ...]
    mapping: str
    """How the fields were read, in a sentence: ``prompt ← dialogue, completion ← summary``."""
    path: str
    sha256: str
    """Hash of the examples (ids, prompts, completions …), so it depends on the template."""
    problems: tuple[Problem, ...] = ()
    """Warnings; an error would have been raised."""


def load_examples(path: str, config: DataConfig, role: str) -> LoadedData:
    """Every row of `path` as an Example, in the file's order; `config.limit_…` is not applied.

    `role` (``train``, ``validation`` or ``test``) chooses among splits and files where `path` names none.

    Raises:
        DataError: any row cannot be used; carries every Problem.
    """
    examples, mapping, problems = read_examples(path, config, role)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        count = f"{len(errors)} problem" + ("s" if len(errors) > 1 else "")
        raise DataError(f"{path}: {count} in the {role} data", problems=errors)
    warnings = tuple(problem for problem in problems if problem.severity != "error")
    digest = hash_value([replace(example, source="") for example in examples])
    return LoadedData(examples, mapping, path, digest, warnings)


def read_examples(path: str, config: DataConfig, role: str) -> tuple[tuple[Example, ...], str, tuple[Problem, ...]]:
    """The usable examples, the mapping's sentence (or ""), and all problems. It never raises for bad data."""
    if is_recipe(path):
        return read_mix(path, config, role)
    return build_examples(read_rows(path, role, Reading.by(config)), path, config)


def build_examples(raw: RawRows, path: str, config: DataConfig) -> tuple[tuple[Example, ...], str, tuple[Problem, ...]]:
    """Like `read_examples`, from rows that are already read."""
    examples, mapping, problems = _built(raw, path, config)
    if config.skip_bad and examples:
        problems = tuple(_skipped(problem) for problem in problems)
    if raw.assumed:
        problems = (Problem(path, None, "read-as", f"assumed: {'; '.join(raw.assumed)}", severity="note"), *problems)
    return examples, mapping, problems


def _skipped(problem: Problem) -> Problem:
    """Leave out unusable rows; a file that cannot be read to its end is still an error."""
    of_a_row = problem.severity == "error" and problem.line is not None
    if not of_a_row or (problem.kind in ENDS_THE_FILE and not problem.file.lower().endswith(STREAMED)):
        return problem
    return replace(problem, severity="skipped")


def _built(raw: RawRows, path: str, config: DataConfig) -> tuple[tuple[Example, ...], str, tuple[Problem, ...]]:
    if not raw.rows:
        return (), "", raw.problems
    shapes = RowShapes()
    for row in raw.rows:
        shapes.add(row.row)
    file = raw.rows[0].file
    try:
        mapping = shapes.mapping(config, file)
    except DataError as error:
        problem = Problem(file, None, "unknown-fields", error.message.removeprefix(f"{file}: "), error.fix)
        return (), "", (*raw.problems, problem)
    problems = list(raw.problems)
    examples = _build_all(raw, mapping, config, problems)
    problems.sort(key=lambda problem: problem.line or 0)
    problems.extend(_unused_system(examples, config, path))
    return tuple(examples), str(mapping), tuple(problems)


def _build_all(raw: RawRows, mapping: Mapping, config: DataConfig, problems: list[Problem]) -> list[Example]:
    lines_of: dict[str, int | None] = {}
    classes = () if config.choices not in (None, AUTO) else raw.labels.get(mapping.completion, ())
    builder = RowBuilder(mapping, config, raw.stem, classes)
    examples: list[Example] = []
    for row in raw.rows:
        built = builder.build(row)
        if isinstance(built, list):
            problems.extend(built)
        elif built.id in lines_of:
            message = f'the id "{built.id}" was already used on line {lines_of[built.id]}'
            problems.append(Problem(row.file, row.line, "duplicate-id", message, "make every id unique"))
        else:
            lines_of[built.id] = row.line
            problems.extend(_lost_characters(built, row))
            examples.append(built)
    return examples


def _unused_system(examples: Sequence[Example], config: DataConfig, path: str) -> list[Problem]:
    if not config.system or not examples or any(example.prompt for example in examples):
        return []
    message = "plain text has no turns, so the system message is not used"
    return [Problem(path, None, "system-unused", message, "leave --system out", severity="warning")]


def _lost_characters(example: Example, row: RawRow) -> list[Problem]:
    if "\N{REPLACEMENT CHARACTER}" not in example.prompt_text + example.completion:
        return []
    message = "the text holds U+FFFD: characters were lost when it was converted"
    fix = "convert it again from its source"
    return [Problem(row.file, row.line, "lost-characters", message, fix, severity="warning")]
