"""Items in, records out: what a model answers, what it finds likely, and how that scores."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keeptune.data.encode import Encoder
from keeptune.events import EvaluationDone, EvaluationProgress, EvaluationStarted, Notice, Observer
from keeptune.inference.engine import Progress, Request, engine_of
from keeptune.inference.generate import Generated, fitting_prompts, generate_kept
from keeptune.models.finite import naming_prompts
from keeptune.models.load import LoadedModel
from keeptune.records import Answer, EncodedRow, EvalRecord, Example, Undefined
from keeptune.scoring.custom import refuse_shares
from keeptune.scoring.metric import Metric, corpus_score, refuse_not_finite
from keeptune.workspace.growing_file import GrowingFile


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """How a model is asked."""

    encoder: Encoder
    max_new_tokens: int
    token_budget: int
    kept: GrowingFile | None = None
    """Keeps what the model writes as it comes, and holds what it has written of the same items before."""


def answer_items(
    loaded: LoadedModel,
    answer_settings: AnswerSettings,
    examples: Sequence[Example],
    metrics: Sequence[Metric],
    observer: Observer,
    name: str,
) -> list[Answer]:
    """One Answer an example, in order, holding what `metrics` need and no more."""
    needs = {metric.needs for metric in metrics}
    observer(EvaluationStarted(name, len(examples)))

    def progress(done: int) -> None:
        observer(EvaluationProgress(name, min(done, len(examples)), len(examples)))

    def quiet(_: int) -> None:
        """Progress is told of one of the ways that items are asked."""

    encoder, budget = answer_settings.encoder, answer_settings.token_budget
    texts: list[Generated | None] = [None] * len(examples)
    if "output" in needs:
        prompts = fitting_prompts(loaded, encoder, examples, answer_settings.max_new_tokens, observer)
        with naming_prompts(prompts, [example.id for example in examples]):
            request = Request(prompts, answer_settings.max_new_tokens, budget)
            texts = list(generate_kept(loaded, request, answer_settings.kept, progress, observer))
    else:
        prompts = [encoder.prompt(example)[0] for example in examples]
    references: list[tuple[float, int] | None] = [None] * len(examples)
    if "loss" in needs:
        rows = [encoder.scored_row(example, example.completion) for example in examples]
        _tell_cut(rows, encoder.max_length, observer)
        with naming_prompts(prompts, [example.id for example in examples]):
            told = progress if needs == {"loss"} else quiet
            values = engine_of(loaded).loglikelihoods(loaded, rows, budget, told, observer)
        references = [(value, row.learned) for value, row in zip(values, rows, strict=True)]
    choices: list[list[tuple[float, int]]] = [[] for _ in examples]
    if "choices" in needs:
        with naming_prompts(prompts, [example.id for example in examples]):
            choices = _choices(loaded, answer_settings, examples, observer, quiet if "output" in needs else progress)
    return [
        Answer(
            item_id=example.id,
            output=text.text if text else None,
            finish=text.finish if text else "none",
            output_tokens=text.tokens if text else 0,
            prompt_tokens=len(prompt),
            reference_loglikelihood=reference[0] if reference else None,
            reference_tokens=reference[1] if reference else 0,
            choice_loglikelihoods=tuple(value for value, _ in choice),
            choice_tokens=tuple(tokens for _, tokens in choice),
        )
        for example, prompt, text, reference, choice in zip(examples, prompts, texts, references, choices, strict=True)
    ]


def _choices(
    loaded: LoadedModel,
    answer_settings: AnswerSettings,
    examples: Sequence[Example],
    observer: Observer,
    progress: Progress,
) -> list[list[tuple[float, int]]]:
    places = [(index, choice) for index, example in enumerate(examples) for choice in example.choices]
    of_items = [answer_settings.encoder.scored_rows(example, example.choices) for example in examples]
    rows = [row for each in of_items for row in each]
    _tell_cut([each[0] for each in of_items if each], answer_settings.encoder.max_length, observer)
    values = engine_of(loaded).loglikelihoods(
        loaded,
        rows,
        answer_settings.token_budget,
        lambda done: progress(done * len(examples) // len(rows)),
        observer,
    )
    found: list[list[tuple[float, int]]] = [[] for _ in examples]
    for (index, _), row, value in zip(places, rows, values, strict=True):
        found[index].append((value, row.learned))
    return found


def _tell_cut(rows: Sequence[EncodedRow], limit: int, observer: Observer) -> None:
    cut = [row for row in rows if row.cut]
    if cut:
        told = f"{len(cut)} of {len(rows)} items are longer than {limit} tokens and were cut from their middle"
        observer(Notice("truncated", f"{told} (first: {cut[0].item_id}); --max-length sets the limit"))


def score_answers(
    examples: Sequence[Example], answers: Sequence[Answer], metrics: Sequence[Metric]
) -> list[EvalRecord]:
    """Every metric on every answer.

    Raises:
        MetricError: a score that is no finite number, or a user's metric whose scale is not known.
    """
    records = [
        EvalRecord(
            item_id=example.id,
            cluster=example.cluster,
            prompt=example.prompt_text,
            references=example.references or (example.completion,),
            choices=example.choices,
            answer=answer,
            scores={metric.name: metric.item(answer, example) for metric in metrics},
        )
        for example, answer in zip(examples, answers, strict=True)
    ]
    for metric in metrics:
        for record in records:
            refuse_not_finite(record.scores[metric.name], metric, f"item {record.item_id}")
        refuse_shares(metric, examples, [record.scores[metric.name] for record in records])
    return records


def corpus_scores(records: Sequence[EvalRecord], metrics: Sequence[Metric]) -> dict[str, float]:
    """Metric → score of all records together; a metric that is undefined for them is left out."""
    scores = {metric.name: corpus_score(metric, [r.scores[metric.name] for r in records]) for metric in metrics}
    return {name: score for name, score in scores.items() if not isinstance(score, Undefined)}


def evaluate_model(
    loaded: LoadedModel,
    answer_settings: AnswerSettings,
    examples: Sequence[Example],
    metrics: Sequence[Metric],
    observer: Observer,
    name: str,
) -> tuple[list[EvalRecord], Mapping[str, float]]:
    """Ask, score, and tell the observer."""
    began = time.monotonic()
    answers = answer_items(loaded, answer_settings, examples, metrics, observer, name)
    records = score_answers(examples, answers, metrics)
    scores = corpus_scores(records, metrics)
    observer(EvaluationDone(name, len(records), time.monotonic() - began, scores, cached=False))
    return records, scores
