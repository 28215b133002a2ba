"""How an ability broke: its format or its knowledge.

Formatting alone can move accuracy by tens of points (Sclar et al. 2023, arXiv:2310.11324), so the same items are read
and asked in other ways: what one of them keeps was not forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeptune.forgetting.amounts import amount, changed, unit
from keeptune.forgetting.compare import Pair, pair
from keeptune.forgetting.readings import form_drop, read_by, strict_and_lenient
from keeptune.forgetting.ways import LOSS, Way, other_way, reading_of, way
from keeptune.records import Ability, Broke, Diagnosis, EvalRecord, Interval, MaybeInterval, Undefined
from keeptune.scoring.table import get_metric

BothSides = tuple[Sequence[EvalRecord], Sequence[EvalRecord]]
"""(base, tuned) records of the same items."""

_STRICT, _LENIENT, _AS_ASKED = "strict", "lenient", "as asked"


def diagnose(
    ability: Ability,
    base: Sequence[EvalRecord],
    tuned: Sequence[EvalRecord],
    variants: Mapping[str, BothSides],
    recovery: MaybeInterval | None = None,
    control: MaybeInterval | None = None,
) -> Diagnosis:
    """Which it is, for an ability that was lost.

    - format: the asked form is lost, and a lenient reading, another wording or form, or the likelihood of the
      reference surely keeps it (the upper limit of its drop is below the margin, and the ability shows in that way).
    - knowledge: every other way that shows the ability has lost it too.
    - both: so it is, and more than the margin of the loss is surely form alone.
    - unclear: the intervals do not decide, or there is no other way. Then a recovery probe decides for format if it
      surely brings back all but the margin, and its control does not.

    Args:
        variants: name → records of the same items asked otherwise: ``wording-2``, ``few-shot``, ``free`` …
        recovery: what a few old examples bring back beyond what they give the base, points.
        control: the same with shuffled labels.

    Raises:
        PairingError: base and tuned do not hold the same items.
        MetricError: the records do not hold the ability's metric.
    """
    pairs = pair(base, tuned)
    records = [record for each in pairs for record in each]
    readings = strict_and_lenient(ability.metrics[0], records)
    only_form: MaybeInterval = Undefined("its answers are read in one way only")
    lenient = None
    if readings:
        strict, loose = readings
        base, tuned = (read_by(read_by([each[side] for each in pairs], strict), loose) for side in (0, 1))
        pairs = pair(base, tuned)
        only_form = form_drop(pairs, strict, loose)
        lenient = other_way(_LENIENT, pairs, loose, ability)
        asked = way(_STRICT, pairs, strict, ability)
    else:
        asked = way(_AS_ASKED, pairs, get_metric(ability.metrics[0]), ability)
    others = [each for each in (lenient, *_asked_otherwise(ability, pairs, variants)) if each is not None]
    broke, text = _conclude(asked, others, only_form, recovery, control)
    return Diagnosis(
        broke=broke,
        text=text,
        format_drop=only_form,
        lenient_floor=lenient.floor if lenient else None,
        variants=tuple(each.row for each in ([asked] if asked else []) + others),
        recovery=recovery,
        recovery_control=control,
    )


def _asked_otherwise(ability: Ability, pairs: Sequence[Pair], variants: Mapping[str, BothSides]) -> list[Way | None]:
    """By likelihood of the reference, and all variants."""
    ways: list[Way | None] = []
    if ability.metrics[0] != LOSS and all(LOSS in record.scores for each in pairs for record in each):
        ways.append(other_way(LOSS, pairs, get_metric(LOSS), ability))
    for name, both in variants.items():
        asked_so = pair(*both)
        metric = reading_of(asked_so, ability)
        ways.append(other_way(name, asked_so, metric, ability) if metric else None)
    return ways


def _conclude(
    asked: Way | None,
    others: Sequence[Way],
    only_form: MaybeInterval,
    recovery: MaybeInterval | None,
    control: MaybeInterval | None,
) -> tuple[Broke, str]:
    if asked is None or isinstance(asked.row.drop, Undefined):
        return "unclear", "What was lost in the asked form cannot be told."
    if asked.verdict != "lost":
        is_so = "is kept" if asked.verdict == "kept" else "is not surely lost"
        return "unclear", f"In the asked form the ability {is_so} ({_drop(asked)}): there is no loss to explain."
    metric, margin = asked.row.metric, asked.margin
    lost = f"In the asked form it lost {amount(asked.row.drop.estimate, metric, margin)} {unit(metric)}"
    shown = [each for each in others if each.verdict != "not measurable"]
    kept = [each for each in shown if each.verdict == "kept"]
    undecided = [each for each in shown if each.verdict == "inconclusive"]
    if kept:
        return "format", f"The form broke, not the knowledge. {lost}, yet it is kept {_list(kept)}."
    if not shown or undecided:
        why = f"it is undecided {_list(undecided)}" if shown else "in no other way does the base show the ability"
        if _brought_back(asked, recovery, control):
            return "format", f"The form broke, not the knowledge. {lost}, and a few old examples bring it back."
        return "unclear", f"{lost}; whether that is form or knowledge is unclear: {why}."
    if isinstance(only_form, Interval) and only_form.low > margin:
        part = amount(only_form.estimate, metric, margin)
        return "both", f"Form and knowledge broke. {lost}, {part} of them form alone; it is lost {_list(shown)} too."
    return "knowledge", f"The knowledge went, not only the form. {lost}, and it is lost {_list(shown)} too."


def _brought_back(asked: Way, recovery: MaybeInterval | None, control: MaybeInterval | None) -> bool:
    if not isinstance(recovery, Interval) or not isinstance(asked.row.drop, Interval):
        return False
    by_steps_alone = isinstance(control, Interval) and control.high >= recovery.low
    return recovery.low > asked.row.drop.estimate - asked.margin and not by_steps_alone


def _list(ways: Sequence[Way]) -> str:
    words = [f"{_how(each.row.name)} ({_drop(each)})" for each in ways]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _how(name: str) -> str:
    return {_LENIENT: "read leniently", LOSS: "by likelihood of the reference"}.get(name, f"asked by {name}")


def _drop(of: Way) -> str:
    row = of.row
    if isinstance(row.drop, Undefined):
        return f"change undefined: {row.drop.reason}"
    return f"change {changed(row.drop, row.metric, of.margin)} {unit(row.metric)}"
