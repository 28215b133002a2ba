"""Advice on the number of examples for tuning and for measuring."""

from __future__ import annotations

import math

# A model's per-item ROUGE-1 deviates by about 15.5 points (measured on DialogSum).
ROUGE_DEVIATION = 15.5
# Half-width of a 95 % interval of a share: at most 1.96 · 50 / √n points, at 50 %.
SHARE_DEVIATION = 50.0


def half_width(items: int, metric: str) -> float:
    """Points on each side of a score on `items` items, at 95 %: of ROUGE as measured; of another metric, whose items
    have 0 to 100 points, at most."""
    return 1.96 * (ROUGE_DEVIATION if metric.startswith("rouge") else SHARE_DEVIATION) / math.sqrt(items)


def advise_train(rows: int) -> str:
    """What to expect from a train set of this size."""
    if rows < 50:
        return f"{rows} train rows are too few to tune on: aim for 100, better 500, or use few-shot prompts"
    if rows < 100:
        return f"{rows} train rows can teach the form of the answers; 100 to 500 begin to teach the task"
    if rows < 500:
        return f"{rows} train rows are enough for a first result; `keeptune curve` shows whether more would help"
    if rows < 1000:
        return f"{rows} train rows are a good size; `keeptune curve` shows whether more would help"
    return f"{rows:,} train rows are plenty: a run on 500 (--limit-train 500) soon shows whether more are worth it"


def advise_test(items: int, metric: str) -> str:
    """The precision of a test set of this size."""
    if items < 2:
        return f"{items} test rows are too few to measure anything: give at least 100"
    about = "about" if metric.startswith("rouge") else "at most"
    score = f"a score by {metric} on {items:,} test rows"
    # A loss is not measured in points.
    if metric == "token_loss":
        return f"{score} has an interval whose width is known only after scoring"
    width = f"{score} has a 95 % interval of {about} ±{half_width(items, metric):.1f} points"
    if items < 50:
        return f"{width}: too few to measure; give at least 100, or 300 to 600 to detect 5 points"
    if items < 300:
        return f"{width}; detecting a difference of 5 points needs 300 to 600 rows"
    return width
