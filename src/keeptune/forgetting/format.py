"""How an ability broke: its format, its knowledge, or what the model writes in the place of an answer.

Formatting alone can move accuracy by tens of points (Sclar et al. 2023, arXiv:2310.11324), so the same items are read
and asked in other variants: what one of them keeps was not forgotten. Neither is proven by an answer that is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keeptune.forgetting.compare import pair
from keeptune.forgetting.conclusion import AS_ASKED, LENIENT, RELABELLED, STRICT, Evidence, conclude
from keeptune.forgetting.in_form import below_chance, fell, longest_reference, share_in_form, share_read
from keeptune.forgetting.parsings import form_drop, read_by, strict_and_lenient
from keeptune.forgetting.relabelled import relabel
from keeptune.forgetting.signs import find_signs
from keeptune.forgetting.variants import judge_other_variant, judge_variant, parsing_of
from keeptune.records import Ability, Broke, Diagnosis, EvalRecord, Interval, MaybeInterval, Undefined
from keeptune.scoring.table import get_metric

BothSides = tuple[Sequence[EvalRecord], Sequence[EvalRecord]]
"""(base, tuned) records of the same items."""

ERROR = 0.05
"""Two-sided, shared by all variants in which an ability may be found kept."""
PROBE_ERROR = 0.01
"""The part of it that the recovery probe takes: its interval is at 99 %."""


def diagnose(
    ability: Ability,
    base: Sequence[EvalRecord],
    tuned: Sequence[EvalRecord],
    variants: Mapping[str, BothSides],
    recovery: MaybeInterval | None = None,
    control: MaybeInterval | None = None,
) -> Diagnosis:
    """Which it is, for an ability that was lost.

    - a sign (``empty``, ``copied prompt`` … see `keeptune.forgetting.signs`): surely most of the answers that fell show
      it, and did not before. ``permuted labels``: the labels are exchanged by a rule under which the ability is kept.
    - format: the asked form is lost, and a lenient reading, another template or form, a rule by which labels are
      renamed, or the rank of the reference among foils surely keeps it. The last counts only where most of the answers
      that fell have not the form of a reference.
    - below chance: of the answers that can be read fewer are right than of a guesser's.
    - knowledge: every other variant that shows the ability has lost it too, one of which asks otherwise, and a wrong
      answer is no right one in other words: it is ranked among foils, or says which of the item's choices was taken.
    - both: so it is, and more than the margin of the loss is surely form alone, or the answers surely have no longer
      the form of a reference.
    - unclear: none of these. Then a recovery probe decides for format if it surely brings back all but the margin, and
      its control does not.

    "Surely keeps": the upper limit of the drop is below the margin, at a level that is shared by all variants that are
    tried, and the ability shows in that variant. That the reference became likelier counts for nothing.

    Args:
        variants: name → records of the same items asked otherwise: ``template-2``, ``few-shot``, ``free``, ``foils`` …
        recovery: what a few old examples bring back beyond what they give the base, points, at 99 %.
        control: the same with shuffled labels.

    Raises:
        PairingError: base and tuned do not hold the same items.
        MetricError: the records do not hold the ability's metric.
    """
    pairs = pair(base, tuned)
    parsings = strict_and_lenient(ability.metrics[0], [record for each in pairs for record in each])
    metric = get_metric(ability.metrics[0])
    strict, lenient = parsings or (metric, metric)
    base, tuned = (read_by(read_by([each[side] for each in pairs], strict), lenient) for side in (0, 1))
    pairs = pair(base, tuned)
    asked = judge_variant(STRICT if parsings else AS_ASKED, pairs, strict, ability)
    relabelled = relabel(pairs, lenient)
    tried = bool(parsings) + bool(relabelled) + len(variants)
    error = ERROR - (PROBE_ERROR if isinstance(recovery, Interval) else 0.0)
    level = 1.0 - error / max(tried, 1)
    loose = judge_other_variant(LENIENT, pairs, lenient, ability, level) if parsings else None
    others = [loose]
    if relabelled:
        by_rule = judge_other_variant(RELABELLED, relabelled.pairs, lenient, ability, level)
        # That no rule was found by which it is kept says nothing.
        others.append(by_rule if by_rule and by_rule.verdict != "lost" else None)
    for name, both in variants.items():
        asked_so = pair(*both)
        by = parsing_of(asked_so, ability)
        others.append(judge_other_variant(name, asked_so, by, ability, level) if by else None)
    only_form = form_drop(pairs, strict, lenient) if parsings else Undefined("its answers have one parsing only")
    judged = [each for each in others if each is not None]
    broke: Broke = "unclear"
    text = "The change in the original variant is undefined, so there is no loss to explain."
    if asked is not None:
        worse = fell(pairs, strict)
        wrong = [after for _, after in worse]
        evidence = Evidence(
            asked=asked,
            others=judged,
            only_form=only_form,
            signs=find_signs(pairs, worse, metric),
            relabelled=relabelled,
            below_chance=below_chance([after for _, after in pairs], lenient),
            in_form=share_in_form(wrong, metric.name, longest_reference([before for before, _ in pairs])),
            read=share_read(wrong),
            recovery=recovery,
            control=control,
        )
        broke, text = conclude(evidence)
    return Diagnosis(
        broke=broke,
        text=text,
        format_drop=only_form,
        lenient_floor=loose.floor if loose else None,
        variants=tuple(each.row for each in ([asked] if asked else []) + judged),
        recovery=recovery,
        recovery_control=control,
    )
