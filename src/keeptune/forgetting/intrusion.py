"""Intrusion: how often the tuned model answers other prompts in the way of the new task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from keeptune.forgetting.answer_features import READ_CHARACTERS, FloatArray, Shown
from keeptune.forgetting.compare import Pair, pair
from keeptune.forgetting.detector import Labelled, detect
from keeptune.forgetting.shares import corrected_share, rate_difference, share, share_difference
from keeptune.records import EvalRecord, Interval, IntrusionReport, IntrusionRow, MaybeInterval, Undefined

BothSides = tuple[Sequence[EvalRecord], Sequence[EvalRecord]]
"""(base, tuned) records of the same items, with generated outputs."""

MIN_POSITIVES = 40
MIN_CLUSTERS = 12
USEFUL = 0.5
"""The detector is trusted only if it finds this much more of the tuned model's answers to the task than of the base's;
a shared topic alone cannot reach it."""


_ONLY_LENGTH = (
    "The detector recognises the task's answers as well by length as by words, so its findings are answers of the "
    "task's length."
)


@dataclass(frozen=True, slots=True)
class _OnTask:
    """Which answers to the task the detector takes for the tuned model's, an entry an item."""

    base: list[bool]
    tuned: list[bool]
    tuned_by_length: list[bool]
    clusters: list[str]


def find_intrusion(
    task: BothSides, abilities: Mapping[str, BothSides], level: float = 0.95
) -> IntrusionReport | Undefined:
    """Whether answers to the abilities have come to look like answers to the new task.

    A detector learns the tuned model's answers to the task's prompts against the base's answers to the same prompts,
    so that it cannot go by topic, and to the abilities' prompts, and against the abilities' references: a right answer
    in another manner than the base's is no intrusion. On each ability, the share of tuned answers that it finds less
    the share of the base's is the intrusion. Answers that are right and happen to look like the task's
    are in both shares. What the base did on the task already is no intrusion, and is not found.

    Items without a generated answer on either side are left out.

    Raises:
        PairingError: base and tuned do not hold the same items.
    """
    reason = too_few_answers(task)
    if reason:
        return Undefined(reason)
    task_pairs = _answered(task)
    suites = {name: pairs for name, both in abilities.items() if (pairs := _answered(both))}
    if not suites:
        return Undefined("no ability has generated answers")
    judged = detect(_label(task_pairs, suites))
    answers = 2 * (len(task_pairs) + sum(map(len, suites.values())))
    (base, tuned), (_, by_length) = _sides(judged.by_text[:answers]), _sides(judged.by_length[:answers])
    references = judged.by_text[answers:]
    here = slice(0, len(task_pairs))
    clusters = [before.cluster for before, _ in task_pairs]
    on_task = _OnTask(_flags(base[here]), _flags(tuned[here]), _flags(by_length[here]), clusters)
    if not _surely_more(on_task.base, on_task.tuned, clusters):
        return Undefined(
            f"the tuned model answers the task much like the base ({share(on_task.tuned):.0%} of its answers and "
            f"{share(on_task.base):.0%} of the base's look tuned), so there is nothing to detect"
        )
    true_rate, false_rate = share(on_task.tuned), share(_flags(np.concatenate([base, references])))
    suite_clusters = (len({before.cluster for before, _ in suite}) for suite in suites.values())
    power = rate_difference(true_rate, len(set(clusters)), false_rate, len(set(clusters)) + sum(suite_clusters), level)
    rows, start = [], here.stop
    for name, suite in suites.items():
        there = slice(start, start + len(suite))
        rows.append(_row(name, suite, base[there], tuned[there], power, level))
        start = there.stop
    doubts, only_length = _doubts(on_task), not _surely_more(on_task.tuned_by_length, on_task.tuned, clusters)
    return IntrusionReport(
        true_positive_rate=true_rate,
        false_positive_rate=false_rate,
        length_only_rate=share(on_task.tuned_by_length),
        trusted=not doubts,
        by_length=only_length,
        note=" ".join([*doubts, *([_ONLY_LENGTH] if only_length else []), *_remarks(task_pairs, suites, abilities)]),
        rows=tuple(rows),
    )


def _answered(both: BothSides) -> list[Pair]:
    return [(b, t) for b, t in pair(*both) if b.answer.output is not None and t.answer.output is not None]


def too_few_answers(task: BothSides) -> str:
    """Why no detector can learn the task's manner, whatever the abilities' answers are; empty where one can."""
    pairs = _answered(task)
    if len(pairs) < MIN_POSITIVES:
        return f"{len(pairs)} generated answers to the task: the detector needs {MIN_POSITIVES} to learn from"
    clusters = len({before.cluster for before, _ in pairs})
    if clusters < MIN_CLUSTERS:
        return f"the answers to the task are of {clusters} clusters: the detector needs {MIN_CLUSTERS} to learn from"
    return ""


def _label(task: Sequence[Pair], suites: Mapping[str, Sequence[Pair]]) -> Labelled:
    """Two rows a pair, base then tuned: those of the task first, then those of each ability; then each ability's
    references."""
    records = [record for each in (*task, *(each for suite in suites.values() for each in suite)) for record in each]
    right = [before for suite in suites.values() for before, _ in suite if before.references]
    answers = [Shown(record.prompt, record.answer.output or "") for record in records]
    tuned = np.concatenate([np.tile([False, True], len(records) // 2), np.zeros(len(right), dtype=bool)])
    of_task = np.arange(len(tuned)) < 2 * len(task)
    return Labelled(
        answers=[*answers, *(Shown(record.prompt, record.references[0]) for record in right)],
        clusters=[record.cluster for record in (*records, *right)],
        kinds=[
            *np.where(of_task[: len(records)], "task", "abilities").tolist(),
            *["references"] * len(right),
        ],
        positive=tuned & of_task,
        negative=~tuned,
    )


def _sides(judged: FloatArray) -> FloatArray:
    """[base, tuned] × pairs."""
    return judged.reshape(-1, 2).T


def _flags(judged: FloatArray) -> list[bool]:
    flags: list[bool] = (judged > 0.0).tolist()
    return flags


def _surely_more(fewer: Sequence[bool], more: Sequence[bool], clusters: Sequence[str]) -> bool:
    difference = share_difference(fewer, more, clusters)
    return isinstance(difference, Interval) and difference.low > 0.0


def _row(
    name: str, pairs: Sequence[Pair], base: FloatArray, tuned: FloatArray, power: MaybeInterval, level: float
) -> IntrusionRow:
    clusters = [before.cluster for before, _ in pairs]
    difference = share_difference(_flags(base), _flags(tuned), clusters, level)
    surest = [i for i in np.argsort(-tuned, kind="stable").tolist() if tuned[i] > 0.0 >= base[i]]
    return IntrusionRow(
        ability=name,
        items=len(pairs),
        base_share=share(_flags(base)),
        tuned_share=share(_flags(tuned)),
        difference=difference,
        corrected=corrected_share(difference, power),
        item_ids=tuple(pairs[i][0].item_id for i in surest),
    )


def _doubts(on_task: _OnTask) -> list[str]:
    """Why the detector is not to be trusted; empty where it is."""
    found, of_base = share(on_task.tuned), share(on_task.base)
    if found - of_base >= USEFUL:
        return []
    return [
        f"The detector finds {found:.0%} of the tuned model's answers to the task and {of_base:.0%} of the base's: "
        f"the difference is too small to rely on."
    ]


def _remarks(
    task: Sequence[Pair], suites: Mapping[str, Sequence[Pair]], abilities: Mapping[str, BothSides]
) -> list[str]:
    remarks = []
    answers = [record.answer.output or "" for suite in (task, *suites.values()) for each in suite for record in each]
    longer = sum(len(answer) > READ_CHARACTERS for answer in answers)
    if longer:
        remarks.append(f"Only the first {READ_CHARACTERS:,} characters of {longer} long answers were read.")
    silent = [name for name in abilities if name not in suites]
    if silent:
        remarks.append(f"No generated answers on: {', '.join(silent)}.")
    return remarks
