"""The recovery probe: do a few old examples bring a lost ability back? Then it was form more than knowledge.

Base and tuned are both given the same few steps, so that what the steps teach by themselves cancels out; the control
does the same with the answers shuffled, so that what any steps do cancels out too.
"""

from __future__ import annotations

import gc
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

from scipy.special import stdtrit

from keeptune.config.schema import Adapter, TrainingConfig
from keeptune.data.encode import Encoder
from keeptune.errors import MetricError
from keeptune.evaluation.run import Questioning, answer_items, score_answers
from keeptune.events import Notice, Observer, silent
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import LoadedModel
from keeptune.records import Ability, Example, Interval, MaybeInterval, Undefined
from keeptune.scoring.metric import Metric, corpus_score
from keeptune.scoring.table import counted_in, get_metric
from keeptune.training.loop import Loop

DRAWS = 5
SHOWN = 10
"""Old examples a draw."""
STEPS = 10
SCORED = 100
"""Verdict items that are scored after each draw."""
METHOD = "5 draws, t with 4 degrees of freedom"
LR = 5e-4


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two models: how it is loaded anew, and how it reads."""

    load: Callable[[], LoadedModel]
    encoder: Encoder
    token_budget: int


@dataclass(frozen=True, slots=True)
class Recovery:
    """What came back, points."""

    recovery: MaybeInterval
    """(tuned after − tuned) − (base after − base)."""
    control: MaybeInterval
    """The same with the answers of the examples shuffled."""


def recovery_probe(base: Side, tuned: Side, ability: Ability, observer: Observer = silent) -> Recovery:
    """Both models, `DRAWS` times: `STEPS` steps of LoRA on `SHOWN` old examples, then `SCORED` items.

    The examples are dev items of the ability, or the clusters of the verdict items that are not scored here.
    """
    scored, old = _parts(ability)
    if len(old) < SHOWN:
        reason = Undefined(f"only {len(old)} old examples beside the {len(scored)} items that are scored")
        return Recovery(reason, reason)
    metric = get_metric(ability.metrics[0])
    for side in (base, tuned):
        if side.load().soft_prompt:
            reason = Undefined("its adapter puts vectors of its own before each row, beside which nothing is trained")
            return Recovery(reason, reason)
    before = [_score(side, ability, metric, scored, ()) for side in (base, tuned)]
    sign = 1.0 if metric.higher_is_better else -1.0
    found: list[list[float]] = [[], []]
    for draw in range(DRAWS):
        shown = random.Random(draw).sample(list(old), SHOWN)
        for kind, examples in enumerate((shown, _shuffled(shown, draw))):
            after = [_score(side, ability, metric, scored, examples, draw) for side in (base, tuned)]
            found[kind].append(sign * ((after[1] - before[1]) - (after[0] - before[0])))
        back = f"{found[0][-1]:+.3g} {counted_in(metric.name)} came back"
        observer(Notice("probe", f"{ability.name}: draw {draw + 1} of {DRAWS}: {back}"))
    return Recovery(*map(_interval, found))


def _parts(ability: Ability) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
    """(items to score, old examples to learn from), no cluster in both."""
    scored = ability.items[:SCORED]
    clusters = {example.cluster for example in scored}
    old = ability.dev or ability.items[SCORED:]
    return scored, tuple(example for example in old if example.cluster not in clusters)


def _shuffled(examples: Sequence[Example], seed: int) -> list[Example]:
    """Each with the answer of another."""
    order = random.Random(f"answers {seed}").sample(range(len(examples)), len(examples))
    after = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [replace(example, completion=examples[after[place]].completion) for place, example in enumerate(examples)]


def _score(
    side: Side,
    ability: Ability,
    metric: Metric,
    scored: Sequence[Example],
    shown: Sequence[Example],
    seed: int = 0,
) -> float:
    """Corpus score after learning `shown`, from the model as it is on disk."""
    loaded = side.load()
    if shown:
        attach_adapter(loaded, Adapter(rank=8, alpha=16), seed)
        training = TrainingConfig(lr=LR, epochs=float(STEPS), batch_size=SHOWN, checkpoint_minutes=1e6, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            Loop(loaded, side.encoder.rows(shown), training, Path(scratch), "probe", silent)()
    questioning = Questioning(side.encoder, ability.max_new_tokens, side.token_budget)
    answers = answer_items(loaded, questioning, scored, [metric], silent, "probe")
    score = corpus_score(metric, [record.scores[metric.name] for record in score_answers(scored, answers, [metric])])
    del loaded
    gc.collect()
    if isinstance(score, Undefined):
        raise MetricError(f"{ability.name} has no {metric.name}: {score.reason}", "leave --probe out")
    return score


def _interval(values: Sequence[float]) -> Interval:
    reach = float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / len(values) ** 0.5
    return Interval(fmean(values), fmean(values) - reach, fmean(values) + reach, 0.95, METHOD)
