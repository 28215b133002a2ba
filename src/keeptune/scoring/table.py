"""Metrics by name: the built-in ones, those of plugins, a user's own function, and those of lm-evaluation-harness."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from keeptune.errors import MetricError
from keeptune.registry import Registry
from keeptune.scoring.custom import custom_metric, is_custom, load_custom
from keeptune.scoring.harness_metric import harness_metric, is_harness_metric
from keeptune.scoring.metric import Metric


def _as_metric(name: str, registered: Any) -> Metric:
    """A metric; an instance of a class of metrics; or the function of the metric `custom_metric`."""
    metric = registered() if isinstance(registered, type) else registered
    if not isinstance(metric, Metric):
        return custom_metric(name, metric)
    if metric.name != name:
        raise MetricError(f"the metric {name} calls itself {metric.name}", "give it one name: records refer to it")
    return metric


METRICS: Registry[Metric] = Registry(
    "metric",
    "keeptune.metrics",
    built_in="keeptune.scoring.metrics",
    adapt=_as_metric,
    error=MetricError,
    also="or your own as file.py:function",
)


def get_metric(name: str) -> Metric:
    """The metric of that name; ``file.py:function`` loads a user's own, ``lm-eval:…`` is one of the harness.

    Raises:
        MetricError: no such metric, or a user's own or a plugin's that cannot be loaded.
    """
    if is_custom(name):
        return load_custom(name)
    if is_harness_metric(name):
        return harness_metric(name)
    return METRICS[name]


def plugins_of(names: Iterable[str]) -> list[str]:
    """Whose code the metrics of these names are that are neither keeptune's nor a user's file: ``my-package 1.0``."""
    return sorted({METRICS.origin(name) for name in names if name in METRICS and name not in METRICS.built_in})


def counted_in(name: str) -> str:
    """What a metric's scores are counted in, in words: ``points``, ``nats per token`` … A user's own counts points."""
    if is_harness_metric(name):
        return harness_metric(name).counted_in
    return "nats per token" if name in METRICS and METRICS[name].unit == "nats" else "points"
