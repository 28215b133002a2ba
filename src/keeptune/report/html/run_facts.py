"""What the page shows of a training: task, data, baselines and the loss curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from keeptune.records import TuneResult
from keeptune.report.html.axis import Axis, axis_over
from keeptune.report.phrases import called, score, training_line


@dataclass(frozen=True, slots=True)
class Curve:
    """A loss or a score by step, in percent of the drawing's width and height."""

    steps: Axis
    losses: Axis
    trained: str
    """SVG points of every optimizer step."""
    validated: str
    """SVG points of every validation."""
    words: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Strings ready to show."""

    task: str
    data: str
    metric: str
    scores: tuple[tuple[str, str], ...]
    """(who, score by the primary metric), the base first and the tuned last."""
    training: str
    curve: Curve | None


def run_facts(result: TuneResult) -> RunFacts:
    """The facts of a finished `tune`."""
    data = result.config.get("data")
    named = data if isinstance(data, dict) else {}
    train, test = str(named.get("train") or ""), str(named.get("test") or "")
    t, metric = result.training, result.primary_metric
    items = next((c.items for c in result.comparisons), 0)
    tested = f"{items:,} of {Path(test).name}" if test else f"{items:,} set aside"
    names = ["base", *(name for name in result.scores if name not in ("base", "tuned")), "tuned"]
    scored = [
        (called(name), score(metric, result.scores[name][metric])) for name in names if metric in result.scores[name]
    ]
    return RunFacts(
        task=Path(train).name or "not named",
        data=f"{t.examples:,} training rows, {t.validation_examples:,} validation rows, {tested} for the score",
        metric=f"{metric}: {result.metric_reason}",
        scores=tuple(scored),
        training=training_line(t).removeprefix("training: "),
        curve=curve_of(t.loss_curve, t.validation_curve),
    )


def curve_of(trained: Sequence[Sequence[float]], validated: Sequence[Sequence[float]]) -> Curve | None:
    """The drawing of (step, value) pairs; None below two."""
    trained, validated = ([each for each in curve if len(each) == 2] for curve in (trained, validated))
    points = [(each[0], each[1]) for each in (*trained, *validated)]
    if max(len(trained), len(validated)) < 2:
        return None
    steps, losses = axis_over([x for x, _ in points]), axis_over([y for _, y in points])

    def line(curve: Sequence[Sequence[float]]) -> str:
        found = []
        for step, loss in curve:
            x, y = (float(axis.at(value).rstrip("%")) for axis, value in ((steps, step), (losses, loss)))
            found.append(f"{x:.2f},{100.0 - y:.2f}")
        return " ".join(found)

    last = [f"{name} {curve[0][1]:.3f} → {curve[-1][1]:.3f}" for name, curve in
            (("train", trained), ("validation", validated)) if curve]  # fmt: skip
    return Curve(steps, losses, line(trained), line(validated), "; ".join(last))
