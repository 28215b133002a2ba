"""A LearningCurve: gain and forgetting against the number of examples, and what more of them would bring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keeptune.records.interval import Interval, MaybeInterval
from keeptune.records.manifest import RunManifest
from keeptune.records.shown import Shown, paragraphs, table
from keeptune.records.undefined import Undefined


@dataclass(frozen=True, slots=True)
class CurveTrial:
    """One training: so many rows, of one draw."""

    size: int
    """Rows, the validation slice among them."""
    draw: int
    path: str
    gain: float | None
    """None where it did not finish."""
    error: str = ""


@dataclass(frozen=True, slots=True)
class CurveAbility:
    """One ability after training on so many rows."""

    name: str
    metric: str
    declared: bool
    drop: MaybeInterval
    """Mean over draws; positive is worse."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """All draws of one size."""

    size: int
    draws: int
    score: float
    """Mean over draws, of the base for size 0."""
    gain: MaybeInterval
    """Over the base, positive is better; 95 % over draws and items."""
    abilities: tuple[CurveAbility, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The fitted gain at one number of examples."""

    size: float
    gain: Interval


@dataclass(frozen=True, slots=True)
class Backtest:
    """What the smaller sizes foretold of the largest."""

    size: int
    foretold: Interval
    """Interval of the gain that would be measured."""
    observed: float
    holds: bool
    """Whether the observed lies in the interval."""


@dataclass(frozen=True, slots=True, repr=False)
class LearningCurve(Shown):
    """A whole `curve`."""

    schema_version: int
    path: str
    metric: str
    higher_is_better: bool
    base: float
    points: tuple[CurvePoint, ...]
    """By rising size; 0, the base itself, first where it was asked for."""
    trials: tuple[CurveTrial, ...]
    fitted: tuple[Fitted, ...]
    """The curve, from the smallest trained size to `size + more`; empty where there is none to be trusted."""
    misfit: float | None
    """p-value of "the sizes lie on such a curve"; None without a fit."""
    backtest: Backtest | Undefined
    more: int
    """How many further examples the advice is about."""
    advice: MaybeInterval
    """What they would bring, positive is better; Undefined where that cannot be told."""
    sentences: tuple[str, ...]
    """The advice, then gain and forgetting so far."""
    notices: tuple[str, ...]
    config: Mapping[str, Any]
    manifest: RunManifest

    def _line(self) -> str:
        return f"{len(self.points)} sizes, {len(self.trials)} trials, {self.metric}, {self.path}"

    def _page(self) -> str:
        rows = [(p.size, p.draws, p.score, p.gain) for p in self.points]
        return paragraphs(self.sentences) + table(("rows", "draws", "score", "gain, 95 % interval"), rows)
