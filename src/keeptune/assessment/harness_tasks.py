"""Tasks of lm-evaluation-harness among the declared abilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from keeptune.abilities.declared import task_of
from keeptune.abilities.lm_eval import evaluate_harness
from keeptune.config.keep import HARNESS
from keeptune.config.schema import Keep
from keeptune.data.lm_eval_task import HarnessTask, by_metrics
from keeptune.errors import ConfigError
from keeptune.events import Observer
from keeptune.models.load import LoadedModel
from keeptune.records import Ability
from keeptune.scoring.harness_metric import PREFIX


def evaluate_tasks(
    loaded: LoadedModel, keeps: Sequence[Keep], limit: int | None, observer: Observer
) -> Mapping[str, tuple[Keep, HarnessTask]]:
    """Declared tasks of lm-evaluation-harness, which run in its code; name → declaration, task.

    They have no metric yet, because the metrics that both models share decide it.
    """
    found: dict[str, tuple[Keep, HarnessTask]] = {}
    for keep in harness_tasks(keeps):
        asked = evaluate_harness(loaded, [task_of(keep)], limit, observer)
        for task, (ability, records) in asked.items():
            name = keep.name if len(asked) == 1 else f"{keep.name}/{task}"
            found[name] = keep, HarnessTask(ability, records)
    return found


def harness_tasks(keeps: Sequence[Keep]) -> list[Keep]:
    """Those of lm-evaluation-harness."""
    return [keep for keep in keeps if keep.data.startswith(HARNESS)]


def declared(ability: Ability, keep: Keep, name: str) -> Ability:
    """A task's ability as the user declared it.

    Raises:
        ConfigError: the harness does not compute this metric for it.
    """
    metrics = ability.metrics
    if keep.metric is not None:
        fitting = [metric for metric in metrics if metric.removeprefix(PREFIX).split(":")[0] == keep.metric]
        if not fitting:
            raise ConfigError(
                f"the task {keep.data} has no metric {keep.metric!r}",
                f"it has: {', '.join(metric.removeprefix(PREFIX) for metric in metrics)}",
            )
        metrics = (*fitting, *(metric for metric in metrics if metric not in fitting))
    ability = by_metrics(ability, metrics)
    margin = ability.margin if keep.margin is None else keep.margin
    return replace(ability, name=name, declared=True, margin=margin)
