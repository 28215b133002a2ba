"""The floor of a metric on some items: the best score that takes no ability.

An ability is measurable only where the base stands surely above it: what scores no better than answers without
knowledge can be lost without the score showing it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import NamedTuple

from keeptune.errors import MetricError
from keeptune.forgetting.blind_loss import blind_loss
from keeptune.forgetting.contained import CONTAINED
from keeptune.forgetting.paired_scores import score_of
from keeptune.forgetting.shuffled import example_of, shuffles, with_references_of
from keeptune.records import Ability, Answer, EvalRecord, Example, Undefined
from keeptune.scoring.harness_metric import HarnessMetric
from keeptune.scoring.metric import Metric, corpus_score
from keeptune.scoring.table import METRICS

CONSTANTS = 3
"""Most frequent references that are tried as the answer to every item."""
STAND_INS: Mapping[str, tuple[Metric, ...]] = {
    "exact_match": (CONTAINED, METRICS["final_answer"]),
    "em": (CONTAINED, METRICS["final_answer"]),
    "f1": (METRICS["token_f1"],),
    **{name: (METRICS[name],) for name in ("rouge1", "rouge2", "rougeL")},
}
"""Metrics of lm-evaluation-harness on generated text → ours that are as lenient. The harness scores only the answers
that it was given, so the floor is taken with these."""


class Floor(NamedTuple):
    """The floor, and which answers reach it, in words."""

    value: float
    named: str


class _Guess(NamedTuple):
    """One answer to every item."""

    named: str
    text: str = ""
    place: int | None = None
    """Of a choice, the answer instead of `text`."""

    def of(self, record: EvalRecord) -> str:
        return self.text if self.place is None else record.choices[self.place]


def find_floor(ability: Ability, metric: Metric, records: Sequence[EvalRecord]) -> Floor | Undefined:
    """The best of chance, the base's answers scored against other items' references (the mean of several shuffles),
    the most frequent references and answer, and the empty answer, all scored by `metric` on these items of the base.

    A metric that reads no references (it scores every answer alike beside any) has the empty answer alone. Of a loss:
    see `blind_loss`. Undefined where the metric cannot be scored again, or the items are nearly all one cluster.
    """
    if not records:
        return Undefined("there are no items")
    if metric.unit == "nats":
        blind = blind_loss(records, metric)
        guesses = [] if blind is None else [Floor(blind, "frequencies of answers and letters, without the prompt")]
    else:
        examples = {example.id: example for example in (*ability.items, *ability.dev)}
        try:
            found = _in_points(metric, records, examples)
        except MetricError as error:
            return Undefined(error.message)
        if isinstance(found, Undefined):
            return found
        guesses = found
    if ability.chance is not None:
        guesses.append(Floor(ability.chance, "chance"))
    if not guesses:
        return Undefined("the records lack the scored texts")
    return (max if metric.higher_is_better else min)(guesses, key=lambda floor: floor.value)


def _in_points(
    metric: Metric, records: Sequence[EvalRecord], examples: Mapping[str, Example]
) -> list[Floor] | Undefined:
    if isinstance(metric, HarnessMetric):
        return _of_harness(metric, records)
    shuffled = _shuffled(metric, records, examples)
    if isinstance(shuffled, Undefined):
        return shuffled
    value, reads_references = shuffled
    empty = _Guess("the empty answer")
    if not reads_references:
        return list(_scored(metric, records, examples, [empty]))
    guesses = [*_constants(records), empty]
    floors = list(_scored(metric, records, examples, guesses))
    if all(len(record.choices) > 1 for record in records):
        floors.append(Floor(_random_choice(records), "a random choice"))
    return [*floors, Floor(value, "the base's answers scored against other items' references")]


def _of_harness(metric: HarnessMetric, records: Sequence[EvalRecord]) -> list[Floor] | Undefined:
    of = metric.of.partition(",")[0]
    if of.startswith("acc"):
        # One text is right, or a few: no guess is better than the most frequent one.
        return [Floor(_share_right(records, guess), guess.named) for guess in _constants(records)]
    floors: list[Floor] = []
    for stand_in in STAND_INS.get(of, ()):
        read = [replace(r, scores={stand_in.name: stand_in.item(r.answer, example_of(r))}) for r in records]
        found = _in_points(stand_in, read, {})
        if isinstance(found, Undefined):
            return found
        floors += found
    return floors or Undefined(f"{metric.name} can be scored by lm-evaluation-harness only, so guesses have no score")


def _shuffled(
    metric: Metric, records: Sequence[EvalRecord], examples: Mapping[str, Example]
) -> tuple[float, bool] | Undefined:
    """(the mean of the shuffles, whether the metric reads references)."""
    found: list[float] = []
    moved = False
    for pairs in shuffles(records):
        scores = [metric.item(r.answer, with_references_of(r, other, examples)) for r, other in pairs]
        score = corpus_score(metric, scores)
        if isinstance(score, Undefined):
            return Undefined("the records lack the scored answers")
        found.append(score)
        moved = moved or any(score != score_of(r, metric) for score, (r, _) in zip(scores, pairs, strict=True))
    if not found:
        return Undefined("one cluster holds more than half of the items")
    return fmean(found), moved or _reads_references(metric, records, examples)


def _reads_references(metric: Metric, records: Sequence[EvalRecord], examples: Mapping[str, Example]) -> bool:
    """Whether the items' own references, as answers, score otherwise beside others; also where there are no others."""
    own = [replace(r, answer=answered(r, r.references[0] if r.references else "", metric)) for r in records]
    moved = [(r, with_references_of(r, other, examples)) for pairs in shuffles(own)[:1] for r, other in pairs]
    moved = [(r, example) for r, example in moved if example.references != r.references]
    beside_own = [metric.item(r.answer, with_references_of(r, r, examples)) for r, _ in moved]
    return not moved or beside_own != [metric.item(r.answer, example) for r, example in moved]


def _constants(records: Sequence[EvalRecord]) -> Iterator[_Guess]:
    """The most frequent references, the base's most frequent answer, and of choices each place."""
    references = Counter(text for record in records for text in sorted({r.strip() for r in record.references}))
    outputs = Counter(record.answer.output.strip() for record in records if record.answer.output is not None)
    texts = [text for text, _ in _most_common(references, CONSTANTS)] + [text for text, _ in _most_common(outputs, 1)]
    for text in dict.fromkeys(texts):
        yield _Guess(f"always answering {text[:40]!r}", text)
    for place in range(min(len(record.choices) for record in records)):
        yield _Guess(f"always choosing choice {place + 1}", place=place)


def _most_common(counts: Counter[str], number: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:number]


def _scored(
    metric: Metric,
    records: Sequence[EvalRecord],
    examples: Mapping[str, Example],
    guesses: Iterable[_Guess],
) -> Iterator[Floor]:
    for guess in guesses:
        scores = [
            metric.item(answered(r, guess.of(r), metric), examples.get(r.item_id) or example_of(r)) for r in records
        ]
        score = corpus_score(metric, scores)
        if not isinstance(score, Undefined):
            yield Floor(score, guess.named)


def answered(record: EvalRecord, text: str, metric: Metric) -> Answer:
    """The answer `text` as `metric` reads it: written, or the likeliest choice (none, if no choice is this text)."""
    if metric.needs != "choices":
        return Answer(record.item_id, text, "stop")
    chosen = tuple(0.0 if choice.strip() == text.strip() else -math.log(100.0) for choice in record.choices)
    return Answer(record.item_id, choice_loglikelihoods=chosen, choice_tokens=(1,) * len(chosen))


def _share_right(records: Sequence[EvalRecord], guess: _Guess) -> float:
    return 100.0 * fmean(guess.of(r).strip() in {text.strip() for text in r.references} for r in records)


def _random_choice(records: Sequence[EvalRecord]) -> float:
    """Points: the mean share of right choices."""
    texts = [{reference.strip() for reference in record.references} for record in records]
    right = [sum(choice.strip() in of for choice in r.choices) for r, of in zip(records, texts, strict=True)]
    return 100.0 * fmean(count / len(record.choices) for count, record in zip(right, records, strict=True))
