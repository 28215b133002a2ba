"""A Setting: all facts about one setting, declared once in the schema, next to its default."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Literal, TypedDict, TypeVar

from keeptune.config.given import Given

if TYPE_CHECKING:
    from typing import Unpack

T = TypeVar("T")
Convert = Callable[[Given], Any]
"""Converts a value from the user to the setting's. None: not given."""
Group = Literal["start", "task", "training", "keeping", "measuring", "running"]
"""Heading in `--help` for a flag."""


class Affects(Enum):
    """What changes when a setting changes. The rules of resuming, of reuse and of fingerprints follow from it."""

    WEIGHTS = "The trained weights, by the setting's value."
    INPUT = "The trained weights, by the rows, model or device that the setting names. Their content is compared."
    CHOICE = "Which of several trained models is chosen."
    ANSWERS = "The models' answers to the task, or their scores."
    VERDICT = "Which abilities are measured, and how losses are judged."
    BUDGET = "How long training or the search may take."
    NOTHING = "No result, beyond rounding."


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`; an open end is not in the range."""

    low: float
    high: float = math.inf
    low_open: bool = False
    high_open: bool = True

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)

    def __str__(self) -> str:
        low = f"{'more than' if self.low_open else 'at least'} {self.low:.10g}"
        if math.isinf(self.high):
            return low
        return f"{low} and {'less than' if self.high_open else 'at most'} {self.high:.10g}"


POSITIVE = Range(0, low_open=True)
NOT_NEGATIVE = Range(0)
COUNT = Range(1)
FRACTION = Range(0, 1)
SEED = Range(0, 2**32)


class Facts(TypedDict, total=False):
    """Optional arguments of `setting`; see `Setting`."""

    more: str
    unset: str
    unit: str
    range: Range
    metavar: str
    flag: str
    group: Group
    aliases: Mapping[str, Convert]
    parse: Convert
    needs: tuple[str, ...]
    unused_with: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `config.settings` fills in the last five fields from the dataclass that declares it."""

    affects: Affects = Affects.NOTHING
    help: str = ""
    """One sentence, for `--help` and the settings page."""
    more: str = ""
    """More for the settings page: details, formulas, papers."""
    unset: str = ""
    """What happens if it is not given, unless the default value says it."""
    unit: str = ""
    range: Range | None = None
    metavar: str = ""
    """"" derives it from the type: N, X, or the choices."""
    flag: str | None = None
    """Name of the flag without dashes. None: the field's name. "": no flag, only YAML and Python."""
    group: Group | None = None
    """None: the group of its section."""
    aliases: Mapping[str, Convert] = field(default_factory=dict)
    """Its names in TRL, transformers or lm-evaluation-harness → how their value is converted."""
    parse: Convert | None = None
    """Reads the value, if the type does not define how."""
    needs: tuple[str, ...] = ()
    """Keys of settings; it has no effect unless one of them is set."""
    unused_with: str = ""
    """Key of a setting that cancels its effect."""
    key: str = ""
    """``training.lr``; without a section: ``output``."""
    kind: Any = str
    """``int``, ``float``, ``str``, ``bool``, ``tuple``, or a Literal type."""
    words: tuple[str, ...] = ()
    """What may be written in the place of a number, such as ``auto``."""
    optional: bool = False
    """Whether None is allowed."""
    default: Any = None

    @property
    def name(self) -> str:
        """The key without its section."""
        return self.key.rpartition(".")[2]

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a Literal type; else empty."""
        return typing.get_args(self.kind) if typing.get_origin(self.kind) is Literal else ()

    @property
    def default_text(self) -> str:
        """The default in words; "" if the default is to do nothing."""
        if self.unset or self.default is None or isinstance(self.default, bool):
            return self.unset
        return (
            f"{self.default:g}"
            if isinstance(self.default, (int, float))
            else ", ".join(self.default)
            if self.kind is tuple
            else str(self.default)
        )


def setting(default: T, affects: Affects, help: str, **facts: Unpack[Facts]) -> T:
    """A dataclass field that declares a setting."""
    return dataclasses.field(default=default, metadata={"affects": affects, "help": help, **facts})


def section(schema: Callable[[], T], group: Group) -> T:
    """A dataclass field for a section of settings; `--help` lists its flags under `group`."""
    return dataclasses.field(default_factory=schema, metadata={"group": group})
