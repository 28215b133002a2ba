"""The items of a finished run, and what its tuned model answered: what an export is asked, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from keeptune.abilities.declared import MARGINS, scored_by, wanted_abilities
from keeptune.config.keep import HARNESS
from keeptune.config.sections.export import ExportConfig
from keeptune.data.split import limit_clusters
from keeptune.data.task_rows import rows_of_user
from keeptune.errors import StoreError
from keeptune.events import Notice, NoticeLog, Observer, silent
from keeptune.forgetting.verdict import check_margin
from keeptune.inference.encoding import new_tokens
from keeptune.records import Ability, EvalRecord, Example, OutputType, TuneResult
from keeptune.records.masked import masked
from keeptune.scoring.table import get_metric
from keeptune.training.session import Session

TASK = "task"
"""Name of the task among the abilities of an export."""
FORMS: dict[str, OutputType] = {"output": "generate", "choices": "choices", "loss": "loss"}
PUT_BACK = "put the rows back as they were, or tune again"


@dataclass(frozen=True, slots=True)
class ScoredItems:
    """The items of the task or of an ability, and what the tuned model answered in the run."""

    ability: Ability
    records: Sequence[EvalRecord]

    @property
    def needs(self) -> set[str]:
        """What its metrics need of an answer."""
        return {metric.needs for metric in scored_by(self.ability)}


@dataclass(frozen=True, slots=True)
class Scored:
    """All that an export is asked."""

    sets: tuple[ScoredItems, ...]
    """The task first; empty where it is not asked."""
    left_out: tuple[str, ...] = ()
    """What was declared and is not asked; the task, too, where all of its prompts were cut."""
    notes: tuple[str, ...] = ()
    """What was said of the items."""


def scored_items(session: Session, made: TuneResult, config: ExportConfig) -> Scored:
    """The task's items, then those of each ability that the run declared.

    Raises:
        StoreError: the records of the run are not there, are of other items than its settings name now, or leave
            nothing to ask.
        ConfigError: a margin that every drop exceeds, or none.
    """
    run, tell = session.workspace, NoticeLog(session.observer)
    sets = [ScoredItems(_task(session, config.margin), run.samples("tuned"))]
    left_out = []
    if made.forgetting is not None:
        routed = _routed(made)
        if routed:
            told = "the run routes all but the task to its base: an export is without that, and only the task is asked"
            tell(Notice("export", told))
        for ability in _abilities(session, undeclared=config.undeclared):
            records = [] if routed else _records(session, ability.name)
            if records:
                sets.append(ScoredItems(ability, records))
                continue
            left_out += [ability.name] * ability.declared
            if not routed:
                tell(Notice("export", f"{ability.name} is left out: the run holds no answers to it"))
    for keep in session.config.measure.keep:
        if keep.data.startswith(HARNESS):
            left_out.append(keep.name)
            tell(Notice("export", f"{keep.name} is left out: tasks of lm-evaluation-harness are not asked of exports"))
    asked = []
    for each in sets:
        whole = _uncut(each, session, tell)
        if whole.ability.items:
            asked.append(_asked(whole, config.items, session))
        else:
            left_out += [each.ability.name] * each.ability.declared
    if not asked:
        fix = "tune again with a larger --max-length, or only write the files: --no-check"
        raise StoreError(f"{run} scored no item whose prompt was whole, so nothing can be asked", fix)
    return Scored(tuple(asked), tuple(left_out), tuple(tell.messages))


def _routed(made: TuneResult) -> bool:
    search = made.forgetting.mitigation_search if made.forgetting else None
    return search is not None and any(each.routed and each.candidate == search.chosen for each in search.candidates)


def _abilities(session: Session, *, undeclared: bool) -> Iterator[Ability]:
    config = session.config
    found = wanted_abilities(config.measure, rows_of_user(config.data), session.encoder, silent)
    return (ability for ability in found if ability.declared or undeclared)


def _task(session: Session, margin: float | None) -> Ability:
    metric = session.metrics.primary
    return Ability(
        name=TASK,
        title="the task",
        source="yours",
        version="",
        output_type=FORMS[metric.needs],
        metrics=(metric.name,),
        items=session.rows.test,
        margin=MARGINS[metric.unit] if margin is None else margin,
        declared=True,
        max_new_tokens=new_tokens(session.config.evaluation, session.encoder, session.rows.train),
    )


def _records(session: Session, ability: str) -> list[EvalRecord]:
    try:
        return session.workspace.ability_records(ability, "tuned")
    except StoreError:
        return []


def _uncut(found: ScoredItems, session: Session, observer: Observer) -> ScoredItems:
    """Without the items whose prompts were cut when they were scored: a tool asks them whole."""
    asked = {record.item_id: record.answer.prompt_tokens for record in found.records}
    whole = {example.id: len(session.encoder.prompt(example, 1 << 30)[0]) for example in found.ability.items}
    cut = {item for item, tokens in asked.items() if item in whole and tokens < whole[item]}
    if cut:
        told = f"{found.ability.name}: {len(cut)} items are left out, whose prompts were cut when they were scored"
        observer(Notice("export", told))
    items = tuple(example for example in found.ability.items if example.id not in cut)
    return ScoredItems(replace(found.ability, items=items), [each for each in found.records if each.item_id not in cut])


def _asked(found: ScoredItems, items: int | None, session: Session) -> ScoredItems:
    """The items that the run answered, `items` at most, and its records of them."""
    answered = {record.item_id: record for record in found.records}
    examples = [example for example in found.ability.items if example.id in answered]
    name, run = found.ability.name, session.workspace
    if not examples:
        raise StoreError(f"the answers of {run} to {name} are to other items than its settings name now", PUT_BACK)
    check_margin(found.ability, get_metric(found.ability.metrics[0]))
    kept = limit_clusters(examples, items) if items else tuple(examples)
    for example in kept:
        if not _same(example, answered[example.id]):
            raise StoreError(f"item {example.id} of {name} is another one than {run} answered", PUT_BACK)
    return ScoredItems(replace(found.ability, items=kept), [answered[example.id] for example in kept])


def _same(example: Example, record: EvalRecord) -> bool:
    """Whether a record, which is masked, is of this item."""
    now = example.prompt_text, example.references or (example.completion,), example.choices
    return masked(now) == (record.prompt, record.references, record.choices)
