"""An exported model beside the model that was scored: the same items, asked by the tool that the export is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from keeptune.abilities.declared import MARGINS, scored_by, wanted_abilities
from keeptune.config.sections.export import ExportConfig
from keeptune.data.encode import Encoder
from keeptune.data.split import limit_clusters
from keeptune.data.task_rows import rows_of_user
from keeptune.errors import StoreError
from keeptune.events import EvaluationDone, EvaluationProgress, EvaluationStarted, Notice, Observer, silent
from keeptune.export.asking import Job, Question, Replies, ask
from keeptune.forgetting.gate import decide
from keeptune.forgetting.same_answer import same_answer
from keeptune.forgetting.verdict import Confidence, judge_copy
from keeptune.inference.answers import corpus_scores, score_answers
from keeptune.inference.encoding import new_tokens
from keeptune.records import (
    Ability,
    AbilityReport,
    Answer,
    EncodedRow,
    EvalRecord,
    Example,
    Gate,
    OutputType,
    Share,
)
from keeptune.training.session import Session
from keeptune.workspace.workspace import Workspace

TASK = "task"
"""Name of the task among the abilities of an export."""
FORMS: dict[str, OutputType] = {"output": "generate", "choices": "choices", "loss": "loss"}


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
class Arrival:
    """What an exported model gave, beside what was scored."""

    tool: str
    prompts: Share
    answers: Share
    tokens_per_second: float | None
    abilities: tuple[AbilityReport, ...]
    gate: Gate
    sentences: tuple[str, ...]


def scored_items(session: Session, run: Workspace, config: ExportConfig) -> list[ScoredItems]:
    """The task's items first, then those of each ability that `run` measured on records of its own.

    Raises:
        StoreError: the records of the run are not there, or are of other items than its settings name now.
    """
    settings = session.config
    found = [ScoredItems(_task(session, config.margin), run.samples("tuned"))]
    if run.has_forgetting or (run.has_result and run.tune_result().forgetting):
        wanted = wanted_abilities(settings.measure, rows_of_user(settings.data), session.encoder, silent)
        for ability in (each for each in wanted if each.declared or config.undeclared):
            records = _records(run, ability.name)
            if not records:
                session.observer(Notice("export", f"{ability.name} is left out: the run holds no answers to it"))
                continue
            found.append(ScoredItems(ability, records))
    return [_limited(each, config.items, run) for each in found]


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


def _records(run: Workspace, ability: str) -> list[EvalRecord]:
    try:
        return run.ability_records(ability, "tuned")
    except StoreError:
        return []


def _limited(found: ScoredItems, items: int | None, run: Workspace) -> ScoredItems:
    """The items that the run answered, `items` at most, and its records of them."""
    answered = {record.item_id: record for record in found.records}
    examples = [example for example in found.ability.items if example.id in answered]
    if not examples:
        raise StoreError(
            f"the answers of {run} to {found.ability.name} are to other items than its settings name now",
            "put the rows back as they were, or tune again",
        )
    kept = limit_clusters(examples, items) if items else tuple(examples)
    return ScoredItems(replace(found.ability, items=kept), [answered[example.id] for example in kept])


def on_arrival(tool: str, job: Job, found: Sequence[ScoredItems], encoder: Encoder, observer: Observer) -> Arrival:
    """Ask the exported model of `job` by `tool`, and judge each ability against the scored answers.

    Args:
        job: the files; its questions and rows are filled in here.
        encoder: of the scored model, for the prompts that it was asked with.

    Raises:
        ModelError: the tool cannot load or ask the files.
    """
    questions = [(each, example) for each in found if "output" in each.needs for example in each.ability.items]
    rows = [_rows(each, example, encoder) for each in found for example in each.ability.items]
    asked = [question(example, encoder, each.ability.max_new_tokens) for each, example in questions]
    prompts = [encoder.prompt(example)[0] for _, example in questions]
    flat = [row for of_item in rows for row in of_item]
    longest = [len(p) + q.max_new_tokens for p, q in zip(prompts, asked, strict=True)] + [row.length for row in flat]
    job = replace(job, questions=asked, rows=flat, length=max(longest, default=1))
    replies = ask(tool, job, _progress(tool, len(asked) + len(flat), observer))
    same_prompts = sum(r.prompt == p for r, p in zip(replies.replies, prompts, strict=True))
    exported = _records_of(found, rows, replies)
    reports, same = [], 0
    confidence = Confidence(family=sum(each.ability.declared for each in found))
    for each, records in zip(found, exported, strict=True):
        metric = each.ability.metrics[0]
        observer(
            EvaluationDone(
                each.ability.name, len(records), 0.0, corpus_scores(records, scored_by(each.ability)), cached=False
            )
        )
        pairs = zip(each.records, records, strict=True)
        same += sum(same_answer(_stripped(before), _stripped(after), metric) for before, after in pairs)
        reports.append(judge_copy(each.ability, each.records, records, confidence))
    decision = decide(reports)
    return Arrival(
        replies.tool,
        Share(same_prompts, len(prompts)),
        Share(same, sum(len(each.records) for each in found)),
        replies.tokens_per_second,
        decision.abilities,
        decision.gate,
        decision.sentences,
    )


def question(example: Example, encoder: Encoder, max_new_tokens: int) -> Question:
    """As a user of the tool would ask it."""
    turns = [(turn.role, turn.content) for turn in example.prompt] if encoder.has_template else []
    return Question(turns, example.prompt_text, max_new_tokens)


def _rows(found: ScoredItems, example: Example, encoder: Encoder) -> list[EncodedRow]:
    """The rows of an item that get a likelihood: its reference first, then its choices."""
    reference = [encoder.scored_row(example, example.completion)] if "loss" in found.needs else []
    choices = encoder.scored_rows(example, example.choices) if "choices" in found.needs else []
    return [*reference, *choices]


def _progress(tool: str, of: int, observer: Observer) -> Callable[[int], None]:
    observer(EvaluationStarted(tool, of))
    return lambda done: observer(EvaluationProgress(tool, min(done, of), of))


def _records_of(
    found: Sequence[ScoredItems], rows: Sequence[Sequence[EncodedRow]], replies: Replies
) -> list[list[EvalRecord]]:
    """The replies as records, set by set."""
    texts, values, of_items = iter(replies.replies), iter(replies.likelihoods), iter(rows)
    records = []
    for each in found:
        answers = []
        for example in each.ability.items:
            answer = Answer(example.id)
            if "output" in each.needs:
                reply = next(texts)
                answer = Answer(example.id, reply.text, reply.finish, reply.tokens, len(reply.prompt))
            likely = [(next(values), row.learned) for row in next(of_items)]
            if "loss" in each.needs:
                (value, tokens_learned), *likely = likely
                answer = replace(answer, reference_loglikelihood=value, reference_tokens=tokens_learned)
            choices, learned = tuple(zip(*likely, strict=True)) if likely else ((), ())
            answers.append(replace(answer, choice_loglikelihoods=choices, choice_tokens=learned))
        records.append(score_answers(each.ability.items, answers, scored_by(each.ability)))
    return records


def _stripped(record: EvalRecord) -> EvalRecord:
    """Spaces around an answer are not part of it, and tools decode them each in their own way."""
    output = record.answer.output
    return replace(record, answer=replace(record.answer, output=None if output is None else output.strip()))
