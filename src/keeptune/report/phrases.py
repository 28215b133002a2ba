"""Results in plain sentences. Numbers are only formatted here, never computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeptune.records import AbilityReport, Comparison, DevEvidence, Interval, TrainingSummary
from keeptune.scoring.table import counted_in
from keeptune.statistics.jackknife import too_few

BASE = "base"
MOST_DIGITS = 6
NAMES: Mapping[str, str] = {
    BASE: "the base",
    "tuned": "the tuned model",
    "lead-1": "copying the first sentence or line",
    "lead-3": "copying the first three sentences or lines",
    "copy": "copying the whole text",
    "majority": "always giving the most frequent answer",
}


def is_loss(metric: str) -> bool:
    """Whether the metric is in nats instead of points."""
    return counted_in(metric) != "points"


def score(metric: str, value: float) -> str:
    """``39.1``, or ``2.134`` for a loss. Zero has no sign."""
    return f"{_rounded(metric, value):.3f}" if is_loss(metric) else f"{_rounded(metric, value):.1f}"


def change(metric: str, value: float, *apart: float) -> str:
    """Like `score`, with a sign: a plus for zero, and a real minus.

    Args:
        apart: values that must not look equal to `value`; digits are added until they differ.
    """
    digits = _digits(metric)
    others = [other for other in apart if other != value]
    while digits < MOST_DIGITS and round(value, digits) in [round(other, digits) for other in others]:
        digits += 1
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "−")


def signed(value: float) -> str:
    """A tick on an axis of changes: ``+5``, ``−2.5``, ``0``."""
    return f"{value + 0.0:+g}".replace("-", "−") if value else "0"


def _rounded(metric: str, value: float) -> float:
    # Adding 0.0 removes the sign of a negative zero.
    return round(value, _digits(metric)) + 0.0


def _digits(metric: str) -> int:
    return 3 if is_loss(metric) else 1


def unit(metric: str) -> str:
    """The unit of a score."""
    return counted_in(metric)


def called(name: str) -> str:
    """The name of a model or baseline for readers."""
    if name.startswith("few-shot-"):
        return f"the base with {name.removeprefix('few-shot-')} examples in its prompt"
    return NAMES.get(name, name)


def headline(comparison: Comparison) -> str:
    """The change between before and after, with its uncertainty."""
    c = comparison
    start = f"{c.metric} {_went(c)} from {score(c.metric, c.before)} to {score(c.metric, c.after)} "
    start += f"on {_items(c)}"
    found = c.gain
    if not isinstance(found, Interval):
        return f"{start}; no interval: {found.reason}."
    sentence = f"{start}: {change(c.metric, found.estimate)} {unit(c.metric)} ({interval(c.metric, found)})"
    if too_few(found):
        return f"{sentence}; {caveat(found)}."
    if _open(found):
        return f"{sentence}, so no difference was shown."
    if not c.higher_is_better:
        return f"{sentence}; lower is better for a loss, and a change below 0 is worse."
    return f"{sentence}."


def _items(comparison: Comparison) -> str:
    """``120 unseen items`` only if the run recorded that the model was trained on none of them."""
    items, seen = f"item{'' if comparison.items == 1 else 's'}", comparison.trained_on
    if seen is None:
        return f"{comparison.items:,} {items}"
    if seen == 0:
        return f"{comparison.items:,} unseen {items}"
    were = "was" if seen == 1 else "were"
    return f"{comparison.items:,} {items}, {seen:,} of which {were} trained on (not a valid test)"


def verdict(comparison: Comparison) -> str:
    """Whether tuning was worth it; `before` is the best alternative without tuning."""
    c = comparison
    rival = f"{called(c.before_name)} ({score(c.metric, c.before)})"
    found = c.gain
    if not isinstance(found, Interval):
        return f"No comparison with the best untuned alternative, {rival}: {found.reason}."
    gain = f"{change(c.metric, found.estimate)} {unit(c.metric)}, {interval(c.metric, found)}"
    if too_few(found):
        return f"Compared with the best untuned alternative, {rival}: {gain}; {caveat(found)}."
    if _open(found):
        return f"No gain was shown over the best untuned alternative, {rival}: {gain}."
    if found.estimate > 0:
        return f"Tuning beats the best untuned alternative, {rival}: {gain}."
    return f"Tuning is worse than the best untuned alternative, {rival}: {gain}."


def training_line(training: TrainingSummary) -> str:
    """Method, weights, steps, speed and time, in one line."""
    t = training
    stopped = ", stopped by the time limit" if t.stopped_by == "max_minutes" else ""
    best = f", the best checkpoint after step {t.best_step}" if t.best_step != t.steps else ""
    return (
        f"training: {t.method}, {t.trainable_parameters:,} of {t.total_parameters:,} weights trained, "
        f"{t.examples:,} rows (and {t.validation_examples:,} for validation), "
        f"{t.steps} steps ({t.epochs:.1f} epochs){best}, "
        f"{t.tokens_per_second:,.0f} tokens/s, {t.seconds / 60:.1f} minutes{stopped}"
    )


def interval(metric: str, found: Interval) -> str:
    """``95 % interval +14.0 to +17.2``."""
    low, high = (change(metric, limit, 0.0) for limit in (found.low, found.high))
    return f"{found.level:.0%} interval {low} to {high}".replace("%", " %")


def caveat(found: Interval) -> str:
    """Why an interval is no verdict; "" if it is one."""
    return found.method.rpartition("; ")[2] if too_few(found) else ""


def best_rival(comparisons: tuple[Comparison, ...]) -> Comparison | None:
    """The comparison by the primary metric with the best `before`; None without comparisons."""
    if not comparisons:
        return None
    first = comparisons[0]
    rivals = [c for c in comparisons if c.metric == first.metric]
    return (max if first.higher_is_better else min)(rivals, key=lambda c: c.before)


def _went(comparison: Comparison) -> str:
    found = comparison.difference
    if not isinstance(found, Interval) or _open(found) or too_few(found):
        return "went"
    return "rose" if found.estimate > 0 else "fell"


def _open(found: Interval) -> bool:
    return found.low <= 0 <= found.high


def candidate_line(candidate: DevEvidence) -> str:
    """One candidate of a mitigation search: its gain and each declared ability's change on development items."""
    drops = [f"{d.name} {change(d.metric, -d.drop)} (margin {d.margin:g})" for d in candidate.drops]
    if candidate.routed:
        drops = ["the base answers all but the task"]
    gain = f"{candidate.metric} gain {change(candidate.metric, candidate.gain)}"
    return f"{gain}; {', '.join(drops)} on development items"


def interval_of(abilities: Sequence[AbilityReport]) -> str:
    """``95 % interval``: the level of the drops' intervals, higher if several looks are planned; abilities evaluated in
    blocks may have different levels."""
    levels = sorted({f"{100 * a.drop.level:.3g}" for a in abilities if isinstance(a.drop, Interval)}) or ["95"]
    return f"{' or '.join(levels)} % interval"
