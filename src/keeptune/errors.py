"""Every error that keeptune raises on purpose.

The tree, with the exit code that the command line gives each::

    KeeptuneError                 1   something is wrong, and the message says what, where and what to do
    ├── ConfigError               2   a setting, flag or YAML key
    ├── DataError                 2   rows or files; carries its Problems
    ├── ModelError                2   a model, tokenizer or adapter that cannot be used
    │   └── NonFiniteLogits       2   its logits are NaN or infinite; carries model and items
    ├── MissingDependency         2   an optional package that is not installed
    ├── MetricError               2   a metric that cannot score these items
    ├── PairingError              1   base and tuned did not answer the same items
    ├── TrainingError             1   a run that cannot go on
    │   ├── NonFiniteLoss         1   the loss became NaN or infinite; carries step and items
    │   └── ProcessLost           1   another process of the run is gone
    └── StoreError                1   run folders, checkpoints and caches
        ├── RunExists             1   a result that would have been overwritten
        ├── RunLocked             1   another process is writing this run
        └── CorruptCheckpoint     1   a checkpoint that cannot be read

A new class is added only when a caller would handle it differently from its parent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class KeeptuneError(Exception):
    """Base of the tree. `message` says what is wrong and where, `fix` what to do about it."""

    exit_code = 1

    def __init__(self, message: str, fix: str = "") -> None:
        self.message = message
        self.fix = fix
        super().__init__(f"{message}\n  → {fix}" if fix else message)


class ConfigError(KeeptuneError):
    """A setting that is unknown, of the wrong type, out of range or at odds with another."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the data: where it is, what it is, and the way out."""

    file: str
    line: int | None
    """1-based line of a text file, or row of a table; None where it concerns the whole file."""
    kind: str
    """Stable short name, e.g. ``bad-json``, ``empty-completion``."""
    message: str
    fix: str = ""
    severity: str = "error"
    """``error`` stops a run; ``warning`` is shown and the run goes on; ``skipped`` is a row that is left out, as the
    settings ask; ``note`` tells what was assumed, and nothing is wrong."""

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.message}" + (f" → {self.fix}" if self.fix else "")


class DataError(KeeptuneError):
    """Rows that cannot be used. `problems` holds each one."""

    exit_code = 2

    def __init__(self, message: str, fix: str = "", problems: Sequence[Problem] = ()) -> None:
        self.problems = tuple(problems)
        shown = [f"  {problem}" for problem in self.problems[:10]]
        if len(self.problems) > 10:
            shown.append(f"  … and {len(self.problems) - 10} more (`keeptune check` lists all)")
        super().__init__("\n".join([message, *shown]), fix)


class ModelError(KeeptuneError):
    """A model, tokenizer or adapter that cannot be found, read or used for this."""

    exit_code = 2


class NonFiniteLogits(ModelError):
    """A model was asked, and what it gave are no numbers."""

    def __init__(
        self, model: str, places: Sequence[tuple[int, ...]], rows: Sequence[str | tuple[int, ...]] = ()
    ) -> None:
        self.model = model
        self.places = tuple(places)
        """Where in the logits of the pass: row, position."""
        self.rows = tuple(dict.fromkeys(rows))
        """Items, or the ids of prompts whose items are not known where they are read."""
        self.items = tuple(row for row in self.rows if isinstance(row, str))
        shown = ", ".join(self.items[:8]) + (" …" if len(self.items) > 8 else "")
        super().__init__(
            f"the logits of {model} are NaN or infinite" + (f" on {shown}" if shown else ""),
            "its weights are damaged or overflow in this dtype: download or save it again, or use --dtype float32",
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return NonFiniteLogits, (self.model, self.places, self.rows)

    def of(self, rows: Sequence[str | tuple[int, ...]]) -> NonFiniteLogits:
        """The same, of these rows."""
        return NonFiniteLogits(self.model, self.places, rows)


class MissingDependency(KeeptuneError):
    """An optional package that this needs; `fix` is the install line."""

    exit_code = 2


class MetricError(KeeptuneError):
    """A metric that is unknown, fails, or does not fit the items."""

    exit_code = 2


class PairingError(KeeptuneError):
    """Two sets of records that should hold the same items and do not."""


class TrainingError(KeeptuneError):
    """A run that cannot go on."""


class NonFiniteLoss(TrainingError):
    """The loss, or the norm of its gradient, became NaN or infinite."""

    def __init__(self, step: int, value: float, item_ids: Sequence[str], fix: str, what: str = "loss") -> None:
        self.step, self._given = step, (value, fix, what)
        self.item_ids = tuple(item_ids)
        items = ", ".join(self.item_ids[:8]) + (" …" if len(self.item_ids) > 8 else "")
        super().__init__(f"the {what} became {value} at step {step}, on items {items}", fix)

    def __reduce__(self) -> tuple[Any, ...]:
        value, fix, what = self._given
        return NonFiniteLoss, (self.step, value, self.item_ids, fix, what)


class ProcessLost(TrainingError):
    """Another process of the run is gone, and nothing more can be computed with it."""


class StoreError(KeeptuneError):
    """A run folder, checkpoint or cache that cannot be read or written."""


class RunExists(StoreError):
    """The output folder already holds a result."""


class RunLocked(StoreError):
    """Another process is writing to this run folder."""


class CorruptCheckpoint(StoreError):
    """A checkpoint that is incomplete or does not match its own hash."""


class Stopped(KeyboardInterrupt):
    """A signal asked the program to stop. No error, so that nothing takes it for one and goes on."""

    def __init__(self, signal_number: int) -> None:
        self.exit_code = 128 + signal_number
        """What a shell expects: 130 after Ctrl-C, 143 after SIGTERM."""
        super().__init__()


def first_line(error: BaseException) -> str:
    """What an error of another library says first: its kind where it says nothing; a line that ends in a colon, with
    the one that it announces."""
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    return " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
