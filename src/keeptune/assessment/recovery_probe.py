"""The recovery probe: if a few old examples restore a lost ability, its form was lost rather than its knowledge.

Base and tuned are both trained for the same few steps, so that what the steps teach cancels out. A control with
shuffled answers cancels out the effect of training on anything.
"""

from __future__ import annotations

import gc
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from keeptune.config.schema import Adapter, TrainingConfig
from keeptune.data.encode import Encoder
from keeptune.errors import MetricError
from keeptune.events import Notice, Observer, silent
from keeptune.forgetting.paired_scores import corpus_statistic, count_names, sum_by_cluster
from keeptune.inference.answers import AnswerSettings, answer_items, score_answers
from keeptune.mitigation.row_source import FixedRows
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel
from keeptune.records import Ability, EvalRecord, Example, MaybeInterval, Undefined
from keeptune.scoring.metric import Metric
from keeptune.scoring.table import counted_in, get_metric
from keeptune.statistics.crossed import crossed_interval
from keeptune.statistics.jackknife import MIN_DIFFERING, TOO_FEW, LeftOut, paired_left_out
from keeptune.training.loop import Loop
from keeptune.workspace.workspace import Workspace

DRAWS = 5
SHOWN = 10
"""Old examples per draw."""
STEPS = 10
SCORED = 100
"""Verdict items that are scored after each draw."""
LEVEL = 0.99
"""Level of both intervals: the probe is one of several ways to find an ability kept."""
LR = 5e-4


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models: how to reload it, and its encoder."""

    load: Callable[[], LoadedModel]
    encoder: Encoder
    token_budget: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """Recovered points. The interval covers other draws and other items (`crossed_interval`)."""

    recovery: MaybeInterval
    """(tuned after − tuned) − (base after − base)."""
    control: MaybeInterval
    """The same with the answers of the examples shuffled."""


def recovery_probe(base: Side, tuned: Side, ability: Ability, observer: Observer = silent) -> Recovery:
    """Train both models `DRAWS` times, with `STEPS` steps of LoRA on `SHOWN` old examples, and score `SCORED` items.

    The examples are dev items of the ability, or the clusters of the verdict items that are not scored here.
    """
    scored, old = _parts(ability)
    if len(old) < SHOWN:
        reason = Undefined(f"only {len(old)} old examples besides the {len(scored)} scored items")
        return Recovery(reason, reason)
    clusters = len({example.cluster for example in scored})
    if clusters < MIN_DIFFERING:
        reason = Undefined(f"only {clusters} clusters among the items that are scored: {TOO_FEW}")
        return Recovery(reason, reason)
    metric = get_metric(ability.metrics[0])
    for side in (base, tuned):
        if beside := _not_trainable(side.load()):
            return Recovery(beside, beside)
    before = [_scores(side, ability, metric, scored, ()) for side in (base, tuned)]
    found: list[list[LeftOut]] = [[], []]
    for draw in range(DRAWS):
        shown = random.Random(draw).sample(list(old), SHOWN)
        for kind, examples in enumerate((shown, _shuffled(shown, draw))):
            after = [_scores(side, ability, metric, scored, examples, draw) for side in (base, tuned)]
            found[kind].append(_came_back(ability, metric, before, after))
        back = f"{found[0][-1].whole:+.3g} {counted_in(metric.name)} came back"
        observer(Notice("probe", f"{ability.name}: draw {draw + 1} of {DRAWS}: {back}"))
    return Recovery(*map(_interval, found))


def _not_trainable(loaded: LoadedModel) -> Undefined | None:
    """Why no LoRA is trained on a model: an adapter stays beside its weights."""
    if loaded.soft_prompt:
        return Undefined("its adapter adds virtual tokens before each row, and nothing else can be trained beside them")
    if hasattr(loaded.model, "peft_config"):
        return Undefined(f"its adapter stays beside a base in {loaded.quantization}, and no other is trained with it")
    return None


def _parts(ability: Ability) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """(items to score, old examples to learn from), no cluster in both."""
    scored = ability.items[:SCORED]
    clusters = {example.cluster for example in scored}
    old = ability.dev or ability.items[SCORED:]
    return scored, tuple(example for example in old if example.cluster not in clusters)


def _shuffled(examples: Sequence[Example], seed: int) -> list[Example]:
    """The examples, each with the answer of another one."""
    order = random.Random(f"answers {seed}").sample(range(len(examples)), len(examples))
    after = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [replace(example, completion=examples[after[place]].completion) for place, example in enumerate(examples)]


def _scores(
    side: Side,
    ability: Ability,
    metric: Metric,
    scored: Sequence[Example],
    shown: Sequence[Example],
    seed: int = 0,
) -> list[EvalRecord]:
    """Records after learning `shown`, starting from the model on disk."""
    loaded = side.load()
    if shown:
        attach_adapter(loaded, Adapter(rank=8, alpha=16), seed)
        training = TrainingConfig(lr=LR, epochs=float(STEPS), batch_size=SHOWN, checkpoint_minutes=1e6, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            rows = FixedRows(side.encoder.rows(shown), SHOWN, seed)
            Loop(loaded, rows, training, Workspace(Path(scratch)), "probe", silent)()
    answer_settings = AnswerSettings(side.encoder, ability.max_new_tokens, side.token_budget)
    answers = answer_items(loaded, answer_settings, scored, [metric], silent, "probe")
    records = score_answers(scored, answers, [metric])
    del loaded
    gc.collect()
    return records


def _came_back(
    ability: Ability, metric: Metric, before: Sequence[list[EvalRecord]], after: Sequence[list[EvalRecord]]
) -> LeftOut:
    """(tuned after − tuned) − (base after − base) over all items, and with each cluster left out. Above 0 is better."""
    items = [[scores[side][i] for scores in (before, after) for side in (0, 1)] for i in range(len(before[0]))]
    four = [row for row in items if all(record.scores[metric.name].value is not None for record in row)]
    clusters = [row[0].cluster for row in four]
    columns = [[row[place].scores[metric.name] for row in four] for place in range(4)]
    names = count_names([score for column in columns for score in column])
    base, tuned, base_after, tuned_after = (sum_by_cluster(column, clusters, names) for column in columns)
    statistic = corpus_statistic(metric, names)
    of_tuned, of_base = paired_left_out(tuned, tuned_after, statistic), paired_left_out(base, base_after, statistic)
    for change in (of_tuned, of_base):
        if isinstance(change, Undefined):
            raise MetricError(f"{ability.name} has no {metric.name}: {change.reason}", "leave --probe out")
    assert isinstance(of_tuned, LeftOut)
    assert isinstance(of_base, LeftOut)
    sign = 1.0 if metric.higher_is_better else -1.0
    differ = np.any(np.stack([base != base_after, tuned != tuned_after]), axis=(0, 2))
    return LeftOut(sign * (of_tuned.whole - of_base.whole), sign * (of_tuned.left_out - of_base.left_out), differ)


def _interval(draws: Sequence[LeftOut]) -> MaybeInterval:
    differing = int(np.any([draw.differ for draw in draws if draw.differ is not None], axis=0).sum())
    if differing < MIN_DIFFERING:
        return Undefined(f"only {differing} of {len(draws[0].left_out)} clusters differ: {TOO_FEW}")
    return crossed_interval(np.array([d.whole for d in draws]), np.stack([d.left_out for d in draws]), LEVEL)
