"""From settings to the abilities that are measured: the user's own first, then the built-in ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from keeptune.abilities.lm_eval import harness_examples
from keeptune.abilities.previous_tasks import earlier_items
from keeptune.abilities.table import SUITES, by_default
from keeptune.config.keep import HARNESS, RUN
from keeptune.config.schema import DataConfig, EvaluationConfig, Keep, MeasureConfig
from keeptune.data.encode import Encoder
from keeptune.data.split import limit_clusters, split_examples
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import labelled, load_told
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer, silent
from keeptune.forgetting.verdict import check_margin
from keeptune.inference.encoding import new_tokens
from keeptune.near_paths import expanded
from keeptune.records import Ability, Example, OutputType
from keeptune.scoring.metric import Metric
from keeptune.scoring.table import METRICS, get_metric
from keeptune.statistics.jackknife import MIN_CLUSTERS
from keeptune.workspace.hashing import hash_value
from keeptune.workspace.workspace import Workspace

QUICK_ITEMS = 150
"""Items of an undeclared ability in a quick measure; more where these are fewer clusters than an interval needs."""
OF_DEV = 0.5
"""Share of a built-in ability's development items whose prompts a training may use."""
MARGINS = {"points": 5.0, "nats": 0.05}
_Read = tuple[tuple[Example, ...], str, EvaluationConfig, tuple[Example, ...]]
"""(items, their version, how they are scored, the rows by which a metric is chosen)."""
_FORMS: dict[str, OutputType] = {"output": "generate", "choices": "choices", "loss": "loss"}


def wanted_abilities(measure: MeasureConfig, data: DataConfig, encoder: Encoder, observer: Observer) -> list[Ability]:
    """Declared abilities, then the built-in ones that are measured beside them.

    Tasks of lm-evaluation-harness are not among them: the harness makes them when it asks a model.

    Raises:
        ConfigError: no such built-in ability, or a metric that the items do not allow.
        DataError: rows that cannot be used.
    """
    own = [keep for keep in measure.keep if not keep.data.startswith(HARNESS)]
    declared = [_own(keep, measure, data, encoder, observer) if keep.data else _of_suite(keep, measure) for keep in own]
    names = measure.abilities or by_default()
    taken = {keep.name for keep in measure.keep}
    for ability in declared:
        check_margin(ability, get_metric(ability.metrics[0]))
    if names == ("none",):
        return declared
    quick = measure.extent == "quick" and measure.items is None
    items, clusters = (QUICK_ITEMS, MIN_CLUSTERS) if quick else (measure.items, 1)
    beside = [SUITES[name].ability(items, clusters=clusters) for name in names if name not in taken]
    return [*declared, *beside]


def task_of(keep: Keep) -> str | Path:
    """The task of lm-evaluation-harness that is declared: its name, or its file."""
    name = keep.data.removeprefix(HARNESS)
    return Path(name) if Path(name).exists() else name


def declared_items(measure: MeasureConfig, data: DataConfig, encoder: Encoder) -> list[Sequence[Example]]:
    """What decides whether an ability was kept, ability by ability: it must be neither learned nor replayed.

    Raises:
        ConfigError, DataError: an ability or a task that cannot be asked, or a margin that cannot be met.
    """
    for name in measure.abilities:
        if name != "none":
            SUITES[name]
    declared = wanted_abilities(replace(measure, abilities=("none",)), data, encoder, silent)
    tasks = [task_of(keep) for keep in measure.keep if keep.data.startswith(HARNESS)]
    return [
        *((*ability.items, *ability.dev, *ability.prompts) for ability in declared),
        *([harness_examples(tasks)] if tasks else []),
    ]


def guarded_items(measure: MeasureConfig, data: DataConfig, encoder: Encoder) -> list[tuple[Example, ...]]:
    """Of each declared ability, the items whose prompts a training may use."""
    own = tuple(keep for keep in measure.keep if not keep.data.startswith(HARNESS))
    declared = wanted_abilities(replace(measure, keep=own, abilities=("none",)), data, encoder, silent)
    return [ability.prompts for ability in declared if ability.prompts]


def _of_suite(keep: Keep, measure: MeasureConfig) -> Ability:
    ability = SUITES[keep.name].ability(measure.items, declared=True, margin=keep.margin)
    if measure.prompt_fraction:
        dev, prompts = split_examples(ability.dev, OF_DEV, seed=1)
        ability = replace(ability, dev=dev, prompts=prompts)
    if keep.metric is None or keep.metric == ability.metrics[0]:
        return ability
    if keep.metric not in ability.metrics:
        raise ConfigError(
            f"the built-in ability {keep.name} is not scored by {keep.metric}",
            f"leave the metric out, or use one of: {', '.join(ability.metrics)}",
        )
    return replace(ability, metrics=(keep.metric, *(name for name in ability.metrics if name != keep.metric)))


def _own(keep: Keep, measure: MeasureConfig, data: DataConfig, encoder: Encoder, observer: Observer) -> Ability:
    examples, version, evaluation, pool = _rows_of(keep, data, observer)
    if keep.metric:
        evaluation = replace(evaluation, metrics=(keep.metric,))
    examples = _without_repeats(examples, keep.name, observer)
    # First, so that the prompts are the same whether or not development items are held out.
    rest, prompts = split_examples(examples, measure.prompt_fraction or 0.0, seed=1)
    verdict, dev = split_examples(rest, measure.dev_fraction, seed=0)
    items, dev = (limit_clusters(part, measure.items) if measure.items else part for part in (verdict, dev))
    metrics = choose(evaluation, items, pool).metrics
    first = metrics[0]
    return Ability(
        name=keep.name,
        title=keep.name,
        source="yours",
        version=version,
        output_type=_FORMS[first.needs],
        metrics=_names(metrics),
        items=items,
        dev=dev,
        prompts=prompts,
        chance=_chance(first, items),
        margin=MARGINS[first.unit] if keep.margin is None else keep.margin,
        declared=True,
        max_new_tokens=new_tokens(evaluation, encoder, items),
        # What the models write of themselves is looked at, too, where only likelihoods decide.
        variants={"free": items} if first.needs == "choices" else {},
    )


def _without_repeats(examples: tuple[Example, ...], name: str, observer: Observer) -> tuple[Example, ...]:
    """Each item once: one that comes again could choose a mitigation and judge it, and would count as two."""
    once = {hash_value(replace(example, id="", source="")): example for example in reversed(examples)}
    if len(once) == len(examples):
        return examples
    observer(Notice("repeats", f"{name}: {len(examples) - len(once)} items left out, as they repeat another"))
    return tuple(reversed(once.values()))


def _rows_of(keep: Keep, data: DataConfig, observer: Observer) -> _Read:
    """Rows of the user's, or what an earlier run was tested on."""
    if not keep.data.startswith(RUN):
        loaded = load_told(keep.data, data, keep.name, observer)
        found = labelled((), loaded.examples, replace(data, test=keep.data), observer)
        return found.test, loaded.sha256[:12], EvaluationConfig(), found.test
    rows, evaluation = earlier_items(Workspace(expanded(keep.data.removeprefix(RUN))))
    return rows.test, rows.test_hash[:12], evaluation, rows.pool


def _names(metrics: Sequence[Metric]) -> tuple[str, ...]:
    """What needs the same of an answer as the first, which decides; and the strict readings: the gap is form."""
    alike = [metric.name for metric in metrics if metric.needs == metrics[0].needs]
    strict = [f"{name}_strict" for name in alike if f"{name}_strict" in METRICS]
    return tuple(dict.fromkeys([*alike, *strict]))


def _chance(metric: Metric, items: Sequence[Example]) -> float | None:
    """Of an answer drawn from the choices, points."""
    if metric.needs != "choices":
        return None
    return 100.0 * sum(1 / len(example.choices) for example in items) / len(items)


def scored_by(ability: Ability) -> tuple[Metric, ...]:
    """The ability's metrics, the one that decides first."""
    return tuple(get_metric(name) for name in ability.metrics)
