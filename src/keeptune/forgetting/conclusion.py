"""Conclude from the evidence on a lost ability: one word, and one or two sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from keeptune.forgetting.amounts import amount, changed
from keeptune.forgetting.relabelled import Relabelled
from keeptune.forgetting.signs import SOME, Sign, Signs, shortened
from keeptune.forgetting.variants import JudgedVariant
from keeptune.records import Broke, Interval, MaybeInterval, Undefined
from keeptune.scoring.table import counted_in

STRICT, LENIENT, AS_ASKED, RELABELLED, FOILS = "strict", "lenient", "as asked", "relabelled", "foils"
MOST = 0.5
SHOWN_RULES = 4

_WRITES: dict[Sign, str] = {
    "empty": "gives empty answers",
    "same answer": "gives one answer to nearly everything",
    "copied prompt": "copies the prompt",
    "repeating": "repeats itself",
    "refusing": "refuses, or says that it does not know",
    "other language": "answers in another language",
    "truncated": "does not finish within the length limit",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for a conclusion."""

    asked: JudgedVariant
    others: Sequence[JudgedVariant]
    only_form: MaybeInterval
    signs: Signs
    relabelled: Relabelled | None
    below_chance: bool
    in_form: MaybeInterval
    """Share of the fallen answers that have the form of a reference."""
    read: MaybeInterval
    """Share of the fallen answers that name an option of a closed set."""
    recovery: MaybeInterval | None = None
    control: MaybeInterval | None = None

    def of(self, verdict: str) -> list[JudgedVariant]:
        """The other variants with this verdict."""
        return [each for each in self.others if each.verdict == verdict]


def conclude(found: Evidence) -> tuple[Broke, str]:
    """See `keeptune.forgetting.format.diagnose`."""
    asked = found.asked
    if isinstance(asked.row.drop, Undefined):
        return "unclear", "The change in the original variant is undefined, so there is no loss to explain."
    if asked.verdict != "lost":
        is_so = "is kept" if asked.verdict == "kept" else "is not significantly lost"
        return (
            "unclear",
            f"In the original variant the ability {is_so} ({_change(asked)}): there is no loss to explain.",
        )
    metric, margin = asked.row.metric, asked.margin
    lost = f"In the original variant it lost {amount(asked.row.drop.estimate, metric, margin)} {counted_in(metric)}"
    signs, kept, gone = found.signs, found.of("kept"), found.of("lost")
    if signs.most and signs.most != "truncated":
        return signs.most, _told(signs, lost, kept)
    if found.relabelled and found.relabelled.only_labels and _named(kept, RELABELLED):
        return "permuted labels", (
            f"The labels are exchanged according to a fixed rule ({_rules(found.relabelled)}). {lost}, yet it is kept "
            f"{_list(_named(kept, RELABELLED))}."
        )
    if signs.most and not _named(kept, LENIENT):
        return signs.most, _told(signs, lost, kept)
    proof = kept if _surely_below_most(found.in_form) else [each for each in kept if each.row.name != FOILS]
    if proof:
        renamed = found.relabelled if _named(proof, RELABELLED) else None
        how = f" Labels are renamed: {_rules(renamed)}." if renamed else ""
        return "format", f"The format broke, not the knowledge. {lost}, yet it is kept {_list(proof)}.{how}"
    if found.below_chance:
        return "below chance", (
            f"Fewer answers are correct than by guessing: the model recognises correct answers and avoids them. {lost}."
        )
    why = _why_unclear(found)
    if why:
        if _brought_back(asked, found.recovery, found.control):
            return "format", f"The format broke, not the knowledge. {lost}, and a few old examples restore it."
        return "unclear", f"{lost}; whether that is format or knowledge is unclear: {why}."
    if isinstance(found.only_form, Interval) and found.only_form.low > margin:
        part = amount(found.only_form.estimate, metric, margin)
        return (
            "both",
            f"Format and knowledge broke. {lost}, {part} of them by format alone; it is also lost {_list(gone)}.",
        )
    if _surely_below_most(found.in_form) and not _surely_above_most(found.read):
        return "both", (
            f"Format and knowledge broke. {lost}, most of its answers no longer have the form of a reference, and it "
            f"is also lost {_list(gone)}."
        )
    return "knowledge", f"The knowledge is lost, not only the format. {lost}, and it is also lost {_list(gone)}."


def _why_unclear(found: Evidence) -> str:
    """Why a loss of knowledge is not shown; "" if it is."""
    kept, gone, inconclusive = found.of("kept"), found.of("lost"), found.of("inconclusive")
    if kept:
        return f"the answers have the form of a reference and count as wrong, yet it is kept {_list(kept)}"
    if inconclusive:
        return f"it is inconclusive {_list(inconclusive)}"
    if not gone:
        return "the base shows the ability in no other variant"
    if not [each for each in gone if each.row.name != LENIENT]:
        return "it was evaluated in one variant only"
    if found.signs.any_share >= SOME:
        of_each = sorted(found.signs.shares.items(), key=lambda each: -each[1])
        listed = ", ".join(f"{share:.0%} {sign}" for sign, share in of_each if share > 0.0)
        return f"among the answers that fell: {listed}"
    if not _named(gone, FOILS) and not _surely_above_most(found.read):
        return "a correct answer in other words counts as wrong here, and references were not ranked among foils"
    return ""


def _told(signs: Signs, lost: str, kept: Sequence[JudgedVariant]) -> str:
    sign = signs.most
    assert sign is not None
    detail = f" ({signs.detail})" if signs.detail else ""
    kept = [each for each in kept if each.row.name != RELABELLED]
    rest = f"yet it is kept {_list(kept)}" if kept else "these answers do not show what it still knows"
    share = f"{signs.shares[sign]:.0%} of the {signs.fell} answers that fell"
    return f"The tuned model {_WRITES[sign]}{detail}: {share}. {lost}; {rest}."


def _rules(relabelled: Relabelled) -> str:
    rules = [f"{shortened(written)!r} for {shortened(label)!r}" for written, label in relabelled.moved.items()]
    more = f" and {len(rules) - SHOWN_RULES} more" if len(rules) > SHOWN_RULES else ""
    return ", ".join(rules[:SHOWN_RULES]) + more


def _brought_back(asked: JudgedVariant, recovery: MaybeInterval | None, control: MaybeInterval | None) -> bool:
    if not isinstance(recovery, Interval) or not isinstance(asked.row.drop, Interval):
        return False
    by_steps_alone = isinstance(control, Interval) and control.high >= recovery.low
    return recovery.low > asked.row.drop.estimate - asked.margin and not by_steps_alone


def _named(variants: Sequence[JudgedVariant], name: str) -> list[JudgedVariant]:
    return [each for each in variants if each.row.name == name]


def _surely_above_most(share: MaybeInterval) -> bool:
    return isinstance(share, Interval) and share.low > MOST


def _surely_below_most(share: MaybeInterval) -> bool:
    return isinstance(share, Interval) and share.high < MOST


def _list(variants: Sequence[JudgedVariant]) -> str:
    words = [f"{_how(each.row.name)} ({_change(each)})" for each in variants]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _how(name: str) -> str:
    known = {LENIENT: "with lenient parsing", FOILS: "when ranked among foils", RELABELLED: "with that rule applied"}
    return known.get(name, f"in the variant {name}")


def _change(of: JudgedVariant) -> str:
    row = of.row
    if isinstance(row.drop, Undefined):
        return f"change undefined: {row.drop.reason}"
    return f"change {changed(row.drop, row.metric, of.margin)} {counted_in(row.metric)}"
