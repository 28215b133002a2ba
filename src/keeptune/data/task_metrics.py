"""The metrics of a run: those that the user names, or those that fit the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.config.schema import EvaluationConfig
from keeptune.errors import ConfigError
from keeptune.records import Example
from keeptune.scoring.choose import choose_metrics, refused_by
from keeptune.scoring.custom import Custom, try_out
from keeptune.scoring.metric import Metric
from keeptune.scoring.table import get_metric


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of a run, the primary one first, and why these."""

    metrics: tuple[Metric, ...]
    reason: str

    @property
    def primary(self) -> Metric:
        """The one that the result is told in."""
        return self.metrics[0]


def choose(evaluation: EvaluationConfig, examples: Sequence[Example], pool: Sequence[Example] = ()) -> Metrics:
    """The metrics that the user names, or those that fit the data.

    Args:
        examples: what is scored.
        pool: all rows of its file, by which metrics are chosen: the same data have the same metric, however few of
            them are asked.
    """
    if evaluation.metrics:
        names, reason = evaluation.metrics, "named in the settings"
    else:
        names, reason = choose_metrics(pool or examples)
    metrics = tuple(get_metric(name) for name in names)
    for refusal in (refused_by(metric, examples) for metric in metrics if evaluation.metrics):
        if refusal:
            raise refusal
    for metric in metrics:
        if isinstance(metric, Custom):
            try_out(metric, examples)
    if any(metric.needs == "choices" for metric in metrics) and any(len(e.choices) < 2 for e in examples):
        raise ConfigError(
            f"{', '.join(m.name for m in metrics if m.needs == 'choices')} needs two `choices` in every test row",
            "name the closed set of answers, as in --choices yes,no, or name another --metric",
        )
    return Metrics(metrics, reason)
