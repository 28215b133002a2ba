"""The result of a run, as `result.json` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keeptune.records.alpha_choice import AlphaChoice
from keeptune.records.comparison import Comparison
from keeptune.records.forgetting_report import ForgettingReport
from keeptune.records.manifest import RunManifest
from keeptune.records.shown import Shown, number, paragraphs, table


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One item as base and tuned answered it."""

    item_id: str
    prompt: str
    reference: str
    base: str
    tuned: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a training was expected to take, after its first steps."""

    seconds: float
    """Training time, validations included."""
    peak_bytes: int
    """Of memory: the process's own on a CPU, torch's on a GPU; 0 where that cannot be told."""


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """What the loop did."""

    method: str
    examples: int
    validation_examples: int
    epochs: float
    steps: int
    best_step: int
    trainable_parameters: int
    total_parameters: int
    tokens: int
    """Tokens trained on, padding not counted, all epochs together."""
    completion_tokens: int
    seconds: float
    tokens_per_second: float
    loss_curve: tuple[tuple[float, ...], ...]
    """(step, nats a completion token) of every optimizer step."""
    validation_curve: tuple[tuple[float, ...], ...]
    """(step, nats a completion token) of every validation; step 0 is the base."""
    stopped_by: str
    """``epochs`` or ``max_minutes``."""
    forecast: Forecast | None = None
    """None where the run was too short to measure, or went on from a checkpoint."""
    peak_bytes: int = 0
    """Of memory, up to the training's end, as in the forecast."""
    lr: float = 0.0
    """The highest learning rate of the schedule; 0 in records of earlier versions."""
    token_budget: int = 0
    """Tokens that a pass of the last step could have, as memory allowed; 0 in records of earlier versions."""
    compiled: bool | None = None
    """Whether the last step was computed by compiled blocks; None in records of earlier versions."""


@dataclass(frozen=True, slots=True, repr=False)
class TuneResult(Shown):
    """A whole `tune` run."""

    schema_version: int
    path: str
    primary_metric: str
    metric_reason: str
    """Why this metric: named by the user, or what in the data chose it."""
    scores: Mapping[str, Mapping[str, float]]
    """Who → metric → corpus score; ``base``, ``tuned`` and each baseline (``lead-1``, ``few-shot-3`` …)."""
    comparisons: tuple[Comparison, ...]
    """tuned against base by every metric, the primary one first; then against the best baseline."""
    samples: tuple[SideBySide, ...]
    training: TrainingSummary
    notices: tuple[str, ...]
    config: Mapping[str, Any]
    manifest: RunManifest
    forgetting: ForgettingReport | None = None
    """What the tuning cost elsewhere; None where that was not measured."""
    alpha: AlphaChoice | None = None
    """How the share of the trained change that is kept was chosen; None where it was not."""

    def _line(self) -> str:
        found = self.comparisons[0] if self.comparisons else None
        if found is None:
            return f"no comparison, {self.path}"
        change = f"change {number(found.gain)}, {found.items:,} items"
        return f"{found.metric} {number(found.before)} → {number(found.after)}, {change}, {self.path}"

    def _page(self) -> str:
        head = ("metric", "before", "after", "change, 95 % interval", "items")
        rows = [
            (f"{c.metric} ({c.after_name} after {c.before_name})", c.before, c.after, c.gain, c.items)
            for c in self.comparisons
        ]
        beside = self.forgetting._page() if self.forgetting is not None else ""
        return f"{paragraphs([self._line()])}{table(head, rows)}{beside}"


@dataclass(frozen=True, slots=True, repr=False)
class EvalResult(Shown):
    """A whole `eval` run: one model, one set of items."""

    schema_version: int
    path: str
    model: str
    primary_metric: str
    metric_reason: str
    items: int
    scores: Mapping[str, float]
    records_path: str
    notices: tuple[str, ...]
    manifest: RunManifest

    def _line(self) -> str:
        score = number(self.scores.get(self.primary_metric))
        return f"{self.primary_metric} {score}, {self.items:,} items, {self.model}, {self.path}"

    def _page(self) -> str:
        return paragraphs([self._line()]) + table(("metric", "score"), list(self.scores.items()))
