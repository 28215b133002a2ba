"""An exported model beside the model that was scored: the same items, asked by the tool that the export is for."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from keeptune.abilities.declared import scored_by
from keeptune.assessment.scored_items import Scored, ScoredItems
from keeptune.data.encode import Encoder
from keeptune.events import EvaluationDone, EvaluationProgress, EvaluationStarted, Observer
from keeptune.exports.asking import Job, Question, Replies, ask
from keeptune.forgetting.gate import decide
from keeptune.forgetting.same_answer import same_answer
from keeptune.forgetting.verdict import Confidence, judge_copy
from keeptune.inference.answers import corpus_scores, score_answers
from keeptune.inference.generate import NEUTRAL
from keeptune.records import AbilityReport, Answer, EncodedRow, EvalRecord, Example, Gate, Share
from keeptune.records.masked import masked

GENERATION_CONFIG = "generation_config.json"
DECIDING = tuple(name for name in NEUTRAL if name not in ("do_sample", "temperature", "top_p", "top_k"))
"""Settings of a model that change greedy answers."""


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


def on_arrival(tool: str, job: Job, scored: Scored, encoder: Encoder, observer: Observer) -> Arrival:
    """Ask the exported model of `job` by `tool`, and judge each ability against the scored answers.

    Args:
        job: the files; its questions and rows are filled in here.
        encoder: of the scored model, for the prompts that it was asked with.

    Raises:
        ModelError: the tool cannot load or ask the files.
        MetricError: a score that is no finite number.
    """
    found = scored.sets
    questions = [(each, example) for each in found if "output" in each.needs for example in each.ability.items]
    rows = [_rows(each, example, encoder) for each in found for example in each.ability.items]
    asked = [question(example, encoder, each.ability.max_new_tokens) for each, example in questions]
    prompts = [encoder.prompt(example)[0] for _, example in questions]
    flat = [row for of_item in rows for row in of_item]
    longest = [len(p) + q.max_new_tokens for p, q in zip(prompts, asked, strict=True)] + [row.length for row in flat]
    job = replace(job, questions=asked, rows=flat, length=max(longest, default=1))
    replies = ask(tool, job, _progress(tool, len(asked) + len(flat), observer))
    same_prompts = sum(r.prompt == p for r, p in zip(replies.replies, prompts, strict=True))
    # As the run's own records are kept.
    exported = masked(_records_of(found, rows, replies))
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
    answers = Share(same, sum(len(each.records) for each in found))
    gate: Gate = "inconclusive" if decision.gate == "pass" and scored.left_out else decision.gate
    told = ["Every answer is the same."] if gate == "inconclusive" and answers.count == answers.of else []
    told += decision.sentences
    if scored.left_out:
        told.append(f"Not asked, so that nothing passes: {', '.join(scored.left_out)}.")
    return Arrival(
        replies.tool,
        Share(same_prompts, len(prompts)),
        answers,
        replies.tokens_per_second,
        decision.abilities,
        gate,
        tuple(told),
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


def differences(arrival: Arrival, encoder: Encoder, folder: Path) -> list[str]:
    """Why a tool may ask or answer otherwise though the files are right, in words."""
    found = []
    template = str(getattr(encoder.tokenizer, "chat_template", None) or "")
    marks = {"enable_thinking": "thinking was off", "strftime_now": "the date was fixed"}
    why = [words for mark, words in marks.items() if mark in template]
    if why and arrival.prompts.count < arrival.prompts.of:
        found.append(f"the scored prompts differ from the tool's: when they were scored, {' and '.join(why)}")
    file = folder / GENERATION_CONFIG
    own = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    used = {name: own[name] for name in DECIDING if own.get(name) not in (None, NEUTRAL[name])}
    if used and arrival.answers.count < arrival.answers.of:
        told = ", ".join(f"{name}={value}" for name, value in used.items())
        found.append(f"the tool uses {told} of the model's {GENERATION_CONFIG}; the scored answers are without")
    return found
