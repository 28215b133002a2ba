"""Variants of an ability: other prompt templates, or other parsings of the answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from keeptune.forgetting.compare import Pair
from keeptune.forgetting.contained import CONTAINED
from keeptune.forgetting.drop import measure_drop
from keeptune.forgetting.foils import with_foils
from keeptune.forgetting.measurable import score_interval
from keeptune.forgetting.paired_scores import paired_scores
from keeptune.forgetting.parsings import lenient_floor, read_by, strict_and_lenient
from keeptune.forgetting.shuffled import example_of
from keeptune.records import Ability, EvalRecord, Interval, Undefined, VariantDrop, Verdict
from keeptune.scoring.metric import Metric
from keeptune.scoring.table import get_metric

LOSS = "token_loss"
LOSS_MARGIN = 0.05
"""Margin of a likelihood in nats per token, if the ability's own margin is in points."""


@dataclass(frozen=True, slots=True)
class JudgedVariant:
    """One variant of an ability: its drop, and the verdict on it."""

    row: VariantDrop
    margin: float
    verdict: Verdict
    """``not measurable`` if this variant could not show it kept: see `judge_other_variant`."""
    floor: float | None = None
    """Score of a guesser; for generated output, that of the tuned answers against shuffled references or foils."""


def judge_variant(
    name: str, pairs: Sequence[Pair], metric: Metric, ability: Ability, level: float = 0.95
) -> JudgedVariant | None:
    """The drop by one metric, against the ability's margin; None where no item has a score on both sides.

    Args:
        level: at which the drop must lie below the margin to be "kept". The interval, and "lost", are at 0.95.
    """
    pairs = _read_by(pairs, metric)
    scores = paired_scores(pairs, metric)
    before, after = scores.corpus()
    if isinstance(before, Undefined) or isinstance(after, Undefined):
        return None
    in_nats = get_metric(ability.metrics[0]).unit == "nats"
    margin = LOSS_MARGIN if metric.unit == "nats" and not in_nats else ability.margin
    drop = measure_drop(scores, margin)
    verdict = drop.verdict(margin)
    if verdict == "kept":
        verdict = measure_drop(scores, margin, level).verdict(margin)
    return JudgedVariant(VariantDrop(name, metric.name, scores.items, before, after, drop.interval), margin, verdict)


def judge_other_variant(
    name: str, pairs: Sequence[Pair], metric: Metric, ability: Ability, level: float
) -> JudgedVariant | None:
    """The same for another variant than the original one.

    Kept only counts if there was something to keep: the base's score is surely more than twice the margin above what a
    guesser gets, and the tuned model's is surely above that too. By choices a guesser is one who takes any of them, or
    always the text that is the reference of most items; by output the chance of the ability, the tuned answers against
    shuffled references, and, where a right answer only has to occur, against foils.
    """
    found = judge_variant(name, pairs, metric, ability, level)
    if found is None or metric.unit == "nats":
        return found
    base, tuned = zip(*_read_by(pairs, metric), strict=True)
    floor: float | None
    if metric.needs == "choices":
        floor = least = _best_guess(base)
    else:
        floors = [lenient_floor(tuned, metric), _foil_floor(tuned, metric)]
        worst, sign = (0.0, 1.0) if metric.higher_is_better else (100.0, -1.0)
        known = [each for each in floors if each is not None]
        floor = max(known, key=lambda each: sign * each) if known else None
        guesses = [each for each in (ability.chance, floor) if each is not None]
        least = max(guesses, key=lambda each: sign * each) if guesses else worst
    shown = _surely_better(base, metric, least, 2.0 * found.margin) and _surely_better(tuned, metric, least)
    verdict = "not measurable" if found.verdict == "kept" and not shown else found.verdict
    return JudgedVariant(found.row, found.margin, verdict, floor)


def _best_guess(records: Sequence[EvalRecord]) -> float:
    """Points of who takes any choice, or of who takes the one that most other items have as their reference."""
    often = Counter(reference.strip() for record in records for reference in record.references)
    any_choice = fmean(_share_right(record, record.choices) for record in records)
    commonest = []
    for record in records:
        own = {reference.strip() for reference in record.references}
        times = [often[choice.strip()] - (choice.strip() in own) for choice in record.choices]
        taken = [choice for choice, of in zip(record.choices, times, strict=True) if of == max(times)]
        commonest.append(_share_right(record, taken))
    return 100.0 * max(any_choice, fmean(commonest))


def _share_right(record: EvalRecord, taken: Sequence[str]) -> float:
    right = {reference.strip() for reference in record.references}
    return sum(choice.strip() in right for choice in taken) / max(len(taken), 1)


def _foil_floor(tuned: Sequence[EvalRecord], metric: Metric) -> float | None:
    """How often a text that is as much at hand as the reference occurs in the answer: near 100 where it copies all."""
    if metric != CONTAINED:
        return None
    asked = {example.id: example for example in with_foils([example_of(record) for record in tuned], metric.name)}
    found: list[float] = []
    for record in tuned:
        example = asked.get(record.item_id)
        if example is not None:
            foils = [choice for choice in example.choices if choice not in example.references]
            scores = [metric.item(record.answer, replace(example, references=(foil,))).value for foil in foils]
            found += [score for score in scores if score is not None]
    return fmean(found) if found else None


def parsing_of(pairs: Sequence[Pair], ability: Ability) -> Metric | None:
    """By what to read items that were asked otherwise: one of the ability's metrics, or else another that they were
    scored by; leniently, if they can be read so. None where nothing was scored."""
    records = [record for each in pairs for record in each]
    scored = [
        name
        for name in (records[0].scores if records else ())
        if all(name in record.scores for record in records) and any(r.scores[name].value is not None for r in records)
        # A change in a reference's likelihood proves nothing.
        if name != LOSS or ability.metrics[0] == LOSS
    ]
    if not scored:
        return None
    name = min(scored, key=lambda name: name not in ability.metrics)
    parsings = strict_and_lenient(name, records)
    return parsings[1] if parsings else get_metric(name)


def _read_by(pairs: Sequence[Pair], metric: Metric) -> list[Pair]:
    base, tuned = (read_by([each[side] for each in pairs], metric) for side in (0, 1))
    return list(zip(base, tuned, strict=True))


def _surely_better(records: Sequence[EvalRecord], metric: Metric, least: float, by: float = 0.0) -> bool:
    interval = score_interval(records, metric)
    if not isinstance(interval, Interval):
        return False
    return (interval.low - least if metric.higher_is_better else least - interval.high) > by
