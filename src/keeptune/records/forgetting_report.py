"""A ForgettingReport: what was gained and what was lost between two models, and whether that matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from keeptune.records.ability import OutputType, Source
from keeptune.records.comparison import Comparison
from keeptune.records.interval import MaybeInterval
from keeptune.records.manifest import RunManifest
from keeptune.records.mitigation_search_report import MitigationSearchReport
from keeptune.records.shown import Shown, paragraphs, table
from keeptune.records.undefined import Undefined

Verdict = Literal["kept", "lost", "collapsed", "inconclusive", "not measurable"]
Gate = Literal["pass", "fail", "inconclusive", "nothing declared"]
Change = Literal["fell", "rose", "no change shown"]
Broke = Literal[
    "format",
    "knowledge",
    "both",
    "unclear",
    "empty",
    "same answer",
    "copied prompt",
    "repeating",
    "refusing",
    "other language",
    "truncated",
    "permuted labels",
    "below chance",
]
"""What surely happened to the answers that were lost; ``unclear`` where no one thing is sure."""


@dataclass(frozen=True, slots=True)
class VariantDrop:
    """One ability asked or read in another way."""

    name: str
    """``strict``, ``template-2``, ``few-shot``, ``foils``, ``relabelled`` …"""
    metric: str
    items: int
    base: float
    tuned: float
    drop: MaybeInterval
    """Positive is worse, in the metric's unit."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How an ability broke: its format, its knowledge, or what is written in the place of an answer."""

    broke: Broke
    text: str
    """One or two sentences for the user."""
    format_drop: MaybeInterval
    """Strict drop − lenient drop, paired by item, points: the part of the loss that is only form."""
    lenient_floor: float | None
    """What the lenient parser gives the tuned answers against shuffled references, points."""
    variants: tuple[VariantDrop, ...]
    recovery: MaybeInterval | None = None
    """Recovery probe: (tuned after a few old examples − tuned) − (base after the same − base), points; None where
    it was not run."""
    recovery_control: MaybeInterval | None = None
    """The same with shuffled labels: what the steps alone do."""


@dataclass(frozen=True, slots=True)
class AbilityReport:
    """One ability, before and after."""

    name: str
    title: str
    source: Source
    version: str
    output_type: OutputType
    metric: str
    higher_is_better: bool
    declared: bool
    margin: float
    chance: float | None
    items: int
    """Items scored on both sides."""
    clusters: int
    unscored: int
    """Items without a score on a side. The limits of the drop hold whichever scores they could have had."""
    base: float | None
    """Corpus score; None where no item has one."""
    tuned: float | None
    drop: MaybeInterval
    """Positive is worse: base − tuned, or tuned − base for a loss; 95 %."""
    p_lost: float | None
    """One-sided p-value of "the drop is at most the margin"; None where it cannot be had."""
    p_lost_holm: float | None
    """The same, corrected by Holm over the declared abilities; None where undeclared."""
    verdict: Verdict
    reason: str
    """Why this verdict, in one sentence."""
    change: Change
    """Whether any change was shown, beside the margin, corrected for the number of abilities."""
    change_p: float | None
    """Two-sided p-value of "nothing changed": mid-p McNemar for binary scores, else by the drop's interval; None where
    it cannot be had."""
    retention: MaybeInterval
    """(tuned − chance)/(base − chance) with Fieller's interval, as a fraction."""
    rose: int
    """Items whose own score went up."""
    fell: int
    unchanged: int
    detectable_drop: float | None
    """The true drop that this many items would have called lost with 80 % power."""
    items_to_decide: int | None
    """Items for "kept" with 80 % power if nothing had changed; None where that cannot be said."""
    flags: tuple[str, ...] = ()
    """``below chance``, ``degenerate`` … in words."""
    diagnosis: Diagnosis | None = None
    collapse: str = ""
    """How the tuned answers collapsed: empty, one and the same, repeating, where the base's are not; "" where not."""
    planned_items: int | None = None
    """All items, if it was evaluated in blocks until its verdict was decided; else None."""
    change_p_holm: float | None = None
    """`change_p` corrected by Holm, over the declared abilities or over the others; None where there is none."""


@dataclass(frozen=True, slots=True)
class IntrusionRow:
    """How often answers on one ability look like the new task's answers."""

    ability: str
    items: int
    base_share: float
    """Fractions, as all of this class."""
    tuned_share: float
    difference: MaybeInterval
    """tuned − base, paired by item."""
    corrected: MaybeInterval
    """The difference divided by (true positive rate − false positive rate)."""
    item_ids: tuple[str, ...]
    """Items whose tuned answer looks like the new task and whose base answer does not, the surest first."""


@dataclass(frozen=True, slots=True)
class IntrusionReport:
    """The detector's own error rates, and what it found."""

    true_positive_rate: float
    """On held-out tuned answers to the task."""
    false_positive_rate: float
    """On held-out answers of the base, to the abilities and to the task, and on the abilities' references."""
    length_only_rate: float
    """True positive rate of a detector that sees the length alone, at the same false positives."""
    trusted: bool
    """Whether it finds enough; if not, its rows are shown as such."""
    note: str
    rows: tuple[IntrusionRow, ...]
    by_length: bool = False
    """Whether the length alone tells the task's answers apart as well: then the rows are of answers of that length."""


@dataclass(frozen=True, slots=True)
class ConfusionCell:
    """How often `reference` was answered as `given`, by each model."""

    reference: str
    given: str
    base: int
    tuned: int
    item_ids: tuple[str, ...]
    """Items where the tuned model does so and the base does not."""


@dataclass(frozen=True, slots=True)
class Confusion:
    """A table of what is taken for what: entity types, or labels of a classifier."""

    ability: str
    of: Literal["entity types", "labels"]
    labels: tuple[str, ...]
    """Rows and columns; the last column may be ``(missed)`` or ``(unreadable)``, the last row ``(invented)``."""
    cells: tuple[ConfusionCell, ...]
    """Those with any count."""


@dataclass(frozen=True, slots=True)
class DriftRow:
    """KL(base ‖ tuned) on one kind of text."""

    on: str
    """``task prompts`` or ``text of the base``."""
    kl: MaybeInterval
    """Mean nats per token, score test by sequence."""
    tokens: int
    sequences: int


@dataclass(frozen=True, slots=True, repr=False)
class ForgettingReport(Shown):
    """A whole `measure`."""

    schema_version: int
    path: str
    base_name: str
    tuned_name: str
    task: Comparison | None
    """tuned against base on the task that was tuned; None where no task items were given."""
    abilities: tuple[AbilityReport, ...]
    gate: Gate
    fail_on: tuple[str, ...]
    """Gates that count as failures for the exit code."""
    sentences: tuple[str, ...]
    """What a colleague would say, in two sentences."""
    intrusion: IntrusionReport | Undefined
    confusions: tuple[Confusion, ...]
    drift: tuple[DriftRow, ...] | Undefined
    drift_history: str
    """How well drift predicted the losses over the runs on disk, in one sentence; "" with too few runs."""
    notices: tuple[str, ...]
    config: Mapping[str, Any]
    manifest: RunManifest
    """Its seconds tell the verdict pass and the diagnosis apart."""
    mitigation_search: MitigationSearchReport | None = None
    """How the tuned model was chosen; None where it was not."""
    quantization: ForgettingReport | None = None
    """What the bits of a quantised base alone cost: from the whole base to the quantised one, both untuned; None where
    the base is whole, or this was not measured."""

    def _line(self) -> str:
        return f"gate {self.gate}, {len(self.abilities)} abilities, {self.path}"

    def _page(self) -> str:
        head = ("ability", "verdict", "base", "tuned", "drop, 95 % interval", "margin", "items")
        rows = [
            (a.name if a.declared else f"{a.name} ·", a.verdict, a.base, a.tuned, a.drop, a.margin, a.items)
            for a in self.abilities
        ]
        undeclared = "· not declared" if not all(a.declared for a in self.abilities) else ""
        return paragraphs([*self.sentences, f"gate: {self.gate}"]) + table(head, rows) + paragraphs([undeclared])
