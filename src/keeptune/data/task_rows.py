"""The examples of a run, by role: read, freed of repeats and leaks, limited, split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.config.schema import DataConfig, TuneConfig
from keeptune.data.build import with_system
from keeptune.data.duplicates import drop_repeats
from keeptune.data.labels import NONE as NO_LABELS
from keeptune.data.labels import Labelled, with_labels
from keeptune.data.load import LoadedData, load_examples
from keeptune.data.mix.recipe import is_recipe
from keeptune.data.split import limit_examples, split_examples
from keeptune.data.stdlib_functions import stdlib_examples
from keeptune.errors import ConfigError, DataError, Problem
from keeptune.events import DataLoaded, Notice, Observer
from keeptune.records import Example
from keeptune.workspace.hashing import hash_value

EMBEDDED = "stdlib"
"""Name of the embedded default task: summarise functions of Python's standard library."""

EMBEDDED_ROWS = 500

EMBEDDED_POOL = 1500
"""Rows that a draw of the embedded task is drawn from: draws of more differ less."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The examples of a run, by role."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    test: tuple[Example, ...]
    train_hash: str
    test_hash: str
    pool: tuple[Example, ...] = ()
    """All rows of the file that the test rows are of, before any was left out: what the metric is chosen by."""
    labels: tuple[str, ...] = ()
    """The labels that all rows were given; empty where there are none, or each row holds its own."""

    def hashes(self) -> dict[str, str]:
        """Role → hash of its examples, wherever they were read from."""
        roles = {"train": self.train, "validation": self.validation, "test": self.test}
        return {role: _hash_of(examples) for role, examples in roles.items()}


def _hash_of(examples: Sequence[Example]) -> str:
    return hash_value([replace(example, source="") for example in examples])


def load_rows(config: TuneConfig, observer: Observer) -> Rows:
    """Read train and test, leave out repeats and leaks, limit, and set the validation slice apart.

    Raises:
        ConfigError: no train data named. DataError: rows that cannot be used, or none left.
    """
    data = config.data
    if data.train is None:
        raise ConfigError("no training data", "give --train FILE, or try `keeptune demo`")
    if data.train == EMBEDDED:
        wanted = data.limit_train or EMBEDDED_ROWS
        if data.test is not None:
            raise ConfigError(f"{EMBEDDED} has test rows of its own", "leave --test out, or give --train your rows")
        train, test = stdlib_examples(max(wanted, EMBEDDED_POOL) if data.draw else wanted, data.limit_test or 120)
        train = limit_examples(train, wanted, seed=data.draw)
        train, test = (tuple(with_system(row, data.system) for row in side) for side in (train, test))
        hashes = (_hash_of(train), _hash_of(test))
        read = Rows(train, (), test, *hashes, pool=test)
        for role, rows in (("train", train), ("test", test)):
            observer(DataLoaded(role, "Python's standard library", len(rows), "function → its docstring's summary"))
    else:
        read = _load_files(data, observer)
        train, test = read.train, read.test
    if data.drop_duplicates and not is_recipe(data.train):
        # A mix has left them out already, each source by its own template.
        train = _without_repeats(train, test, observer)
    if data.limit_train is not None:
        train = limit_examples(train, data.limit_train, seed=data.draw)
    if data.limit_test is not None:
        test = limit_examples(test, data.limit_test, seed=0)
    train, validation = split_examples(train, data.validation_fraction, seed=0)
    observer(DataLoaded("validation", "a slice of train", len(validation), ""))
    for role, rows in (("train", train), ("test", test)):
        if not rows:
            raise DataError(f"no {role} rows are left", "give more rows; `keeptune check` says what is wrong")
    return replace(read, train=train, validation=validation, test=test)


def _load_files(data: DataConfig, observer: Observer) -> Rows:
    loaded = load_told(str(data.train), data, "train", observer)
    tested = load_told(data.test, data, "test", observer) if data.test is not None else None
    # A mix holds rows of many tasks: labels are those of the test rows alone.
    mixed = is_recipe(str(data.train))
    found = labelled(() if mixed else loaded.examples, tested.examples if tested else (), data, observer)
    train = loaded.examples if mixed else found.train
    if tested is not None:
        hashes = (loaded.sha256, tested.sha256)
        return Rows(train, (), found.test, *hashes, pool=found.test, labels=found.labels)
    # The split is the same for every seed: seeds differ in training, not in what is asked.
    rest, test = split_examples(train, data.test_fraction, seed=0)
    observer(Notice("split", f"no test file: {len(test)} of {len(train)} rows held out for the final score"))
    return Rows(rest, (), test, loaded.sha256, _hash_of(test), pool=train, labels=found.labels)


def labelled(train: Sequence[Example], test: Sequence[Example], data: DataConfig, observer: Observer) -> Labelled:
    """The rows with their labels, and what was found told.

    Raises:
        DataError: a row has another answer.
    """
    found = with_labels(train, test, data)
    errors = [problem for problem in found.problems if problem.severity == "error"]
    if errors:
        raise DataError(f"{len(errors)} answer{'s' * (len(errors) > 1)} outside the labels", problems=errors)
    tell_problems(found.problems, observer)
    return found


def rows_of_user(data: DataConfig) -> DataConfig:
    """How items of an ability are read: by their own field names, not by the task's templates."""
    return DataConfig(
        encoding=data.encoding,
        delimiter=data.delimiter,
        skip_bad=data.skip_bad,
        choices=NO_LABELS if data.choices == NO_LABELS else None,
        max_length=data.max_length,
        too_long=data.too_long,
    )


def load_told(path: str, data: DataConfig, role: str, observer: Observer) -> LoadedData:
    """`load_examples`, with its mapping and warnings told to the observer."""
    loaded = load_examples(path, data, role)
    observer(DataLoaded(role, path, len(loaded.examples), loaded.mapping))
    tell_problems(loaded.problems, observer)
    return loaded


def tell_problems(problems: Sequence[Problem], observer: Observer) -> None:
    """Each note and warning; all rows that are left out in one line."""
    skipped = [problem for problem in problems if problem.severity == "skipped"]
    for problem in problems:
        if problem not in skipped:
            observer(Notice(problem.kind, str(problem)))
    if skipped:
        rows = len({(problem.file, problem.line) for problem in skipped})
        lines = list(dict.fromkeys(str(problem.line) for problem in skipped))
        named = ", ".join(lines[:8]) + (" …" if len(lines) > 8 else "")
        first = skipped[0]
        told = f"{rows} row{'s' * (rows > 1)} left out as bad, line {named} (first: {first.message})"
        observer(Notice("skipped", f"{first.file}: {told}"))


def _without_repeats(train: tuple[Example, ...], test: tuple[Example, ...], observer: Observer) -> tuple[Example, ...]:
    kept, dropped = drop_repeats(train, test)
    if dropped:
        first = dropped[0]
        observer(
            Notice(
                "repeats",
                f"{len(dropped)} train rows left out, as they repeat another or occur in test "
                f"(first: {first.second_id} repeats {first.first_id}); --keep-duplicates keeps them",
            )
        )
    return kept
