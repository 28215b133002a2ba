"""Metrics and the parsers of answers: any two texts have a score in its range, or none with a reason."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from typing import Any

from hypothesis import strategies as st

from keeptune.errors import MetricError
from keeptune.forgetting.answer_features import Shown, answer_features
from keeptune.forgetting.answer_language import language_of
from keeptune.forgetting.collapse import find_collapse, repeats
from keeptune.forgetting.confusion import confuse
from keeptune.forgetting.contained import CONTAINED
from keeptune.forgetting.in_form import longest_reference, share_in_form, share_read
from keeptune.forgetting.parsings import form_drop, lenient_floor, read_by, strict_and_lenient
from keeptune.forgetting.signs import find_signs
from keeptune.records import Answer, EvalRecord, Example, ItemScore, Message, Undefined
from keeptune.scoring.body import looks_like_code, prompt_bodies, units
from keeptune.scoring.choose import choose_metrics
from keeptune.scoring.constraints import parse_constraints
from keeptune.scoring.entities import parse_entities
from keeptune.scoring.harness_metric import harness_metric, harness_scores
from keeptune.scoring.metric import Metric, corpus_score
from keeptune.scoring.metrics.final_answer import final_number
from keeptune.scoring.metrics.json_match import parse_json
from keeptune.scoring.metrics.label_accuracy import parse_label
from keeptune.scoring.normalise import squad_normalise, squad_tokens
from keeptune.scoring.parse_outcome import ParseOutcome
from keeptune.scoring.table import METRICS
from tests.fuzz.target import of_bytes, of_values

GROUP = "metric parsers"
SYMMETRIC = ("rouge1", "rouge2", "rougeL")
MOST_SECONDS = 5.0


@cache
def written_metrics() -> tuple[Metric, ...]:
    """All that read what a model wrote."""
    return (*(metric for name in sorted(METRICS) if (metric := METRICS[name]).needs == "output"), CONTAINED)


def example(reference: str, choices: Sequence[str] = (), prompt: str = "Question?", name: str = "i") -> Example:
    return Example(name, (Message("user", prompt),), reference, references=(reference,), choices=tuple(choices))


def score(metric: Metric, output: str, item: Example) -> ItemScore | None:
    """Its score, seen to be one; None where the reference is refused."""
    try:
        found = metric.item(Answer(item.id, output), item)
    except MetricError:
        return None
    if found.value is not None:
        assert 0.0 <= found.value <= 100.0 + 1e-9, (metric.name, found)
        assert all(math.isfinite(count) for count in found.counts.values()), (metric.name, found)
        assert not metric.binary or found.value in (0.0, 100.0)
        whole = corpus_score(metric, [found, found])
        assert isinstance(whole, Undefined) or 0.0 <= whole <= 100.0 + 1e-9, (metric.name, whole)
    return found


def _parts(data: bytes, count: int) -> list[str]:
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    parts = text.split("\n---\n", count - 1)
    return parts + [""] * (count - len(parts))


_SEEDS = (
    "person: Ann; place: Rome\n---\nperson: Ann\n---\n",
    "The answer is (B) because 4-3 = 1,234.5\n---\nB\n---\nA\nB",
    "Sure, here is the list:\n- a\n- b\n---\nwords<=8; bullets=2; no:,; contains:a; count:a=1; json; quoted\n---\n",
    '```json\n{"a": [1, 2.0, true]}\n```\n---\n{"a": [1, 2, true]}\n---\n',
    "def f(x):\n    return x\n---\ndef f(y):\n    return y\n---\n",
    "The quick brown fox\n---\nthe quick, brown foxes!\n---\nyes\nno",
    "Ann (person)\n1. Rome (place)\nNone of them\n---\nnone\n---\n",
    "I'm sorry, I cannot help. Das ist nicht die Antwort.\n---\nनमस्ते\n---\nनमस्ते\n你好",
)
_WORDS = (
    "\n---\n",
    "none",
    "The answer is",
    "####",
    "```",
    "&amp;",
    "words<=",
    "sentences=",
    "only:",
    "starts:",
    ": ",
    "; ",
    "−",
    "$",
)


@of_bytes("two texts", GROUP, lambda: [seed.encode() for seed in _SEEDS], _WORDS)
def two_texts(data: bytes) -> None:
    """Every metric and every parser, of an output, a reference and choices."""
    output, reference, choices = _parts(data, 3)
    of_texts(output, reference, choices.split("\n"))


_PIECES = (*_WORDS, *'A.()[]{} \n"\u0130ß\ud800', "yes", "the ", "1,000")
TEXTS = st.text(max_size=30) | st.lists(st.sampled_from(_PIECES), max_size=9).map("".join)


@of_values("pairs of texts", GROUP, st.tuples(TEXTS, TEXTS, st.lists(TEXTS, max_size=4)))
def pairs_of_texts(value: tuple[str, str, list[str]]) -> None:
    of_texts(*value)


def of_texts(output: str, reference: str, choices: Sequence[str]) -> None:
    item = example(reference, choices)
    for metric in written_metrics():
        found = score(metric, output, item)
        own = score(metric, reference, item)
        if own is not None and metric.name not in NOT_FULL_BY_ITSELF and is_scorable(metric.name, reference):
            assert own.value is not None
            assert own.value >= 100.0 - 1e-6, (metric.name, own)
        if found is not None and metric.name in SYMMETRIC:
            other = score(metric, reference, example(output))
            assert other is not None
            assert found.value is not None
            assert math.isclose(found.value, other.value or 0.0, abs_tol=1e-6)
    parse(output, choices)


NOT_FULL_BY_ITSELF = ("constraints", "constraints_strict", "entity_f1_strict")
"""The reference of a constraint is no answer; that of a list of entities may be read leniently."""


def is_scorable(metric: str, reference: str) -> bool:
    """Whether a metric finds something in a reference, so that the reference itself is a full answer."""
    if metric.startswith("rouge"):
        return len(re.findall("[a-z0-9]+", reference.lower())) > (metric == "rouge2")
    return bool(reference.strip()) and metric != "bleu"


def parse(text: str, choices: Sequence[str]) -> None:
    """What parsers make of a text is of its type, whatever it is."""
    entities, outcome = parse_entities(text)
    assert (outcome is not ParseOutcome.FAILED) or not entities
    label = parse_label(text, choices)
    assert label.choice is None or 0 <= label.choice < len(choices)
    parse_json(text)
    number = final_number(text)
    assert number is None or number.is_finite()
    once = squad_normalise(text)
    assert squad_tokens(text) == once.split()
    language_of(text)
    looks_like_code(text)
    units(text)
    with suppress(MetricError):
        for constraint in parse_constraints(text):
            constraint.holds(text)


_REPEATED = (" ", "a ", "(", "a:", "&", "- ", "1", "1,", ")", "\n", "* ", "#", "`", '"', "[", "a b ", "=", ". ")
_REPEATS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=4) | st.sampled_from(_REPEATED)
LONG = st.tuples(st.text(max_size=3), _REPEATS, st.text(max_size=3), st.sampled_from((2_000, 20_000))).map(
    lambda parts: parts[0] + parts[1] * (parts[3] // len(parts[1])) + parts[2]
)


@of_values("long texts", GROUP, st.tuples(LONG, LONG))
def long_texts(value: tuple[str, str]) -> None:
    """No parser takes time by the square of a text's length: an answer may be as long as a model's context."""
    output, reference = value
    item = example(reference, ("yes", "no"))
    for metric in written_metrics():
        if metric.name in ("bleu", "chrf", *SYMMETRIC):
            continue  # of other packages
        began = time.process_time()
        score(metric, output, item)
        seconds = time.process_time() - began
        assert seconds < MOST_SECONDS, f"{metric.name}: {seconds:.1f} s"
    for parser in (
        parse_entities,
        parse_json,
        final_number,
        language_of,
        looks_like_code,
        units,
        repeats,
        squad_normalise,
    ):
        began = time.process_time()
        parser(output)
        seconds = time.process_time() - began
        assert seconds < MOST_SECONDS, f"{parser.__name__}: {seconds:.1f} s"
    answer_features([Shown(reference, output)])


ANSWERS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), min_size=1, max_size=12)


def _record(number: int, output: str, reference: str, choices: Sequence[str], metrics: Sequence[str]) -> EvalRecord:
    item = example(reference, choices, "Which?", f"i{number}")
    answer = Answer(item.id, output)
    scores = {}
    for name in metrics:
        with suppress(MetricError):
            scores[name] = METRICS[name].item(answer, item)
    return EvalRecord(
        item_id=item.id,
        cluster=item.id,
        prompt=item.prompt_text,
        references=(reference,),
        choices=tuple(choices),
        answer=answer,
        scores=scores,
    )


@of_values(
    "answers compared",
    GROUP,
    st.tuples(
        ANSWERS,
        st.lists(TEXTS, max_size=3),
        st.sampled_from(("exact_match", "token_f1", "label_accuracy", "entity_f1", "rouge1", "json_match")),
    ),
)
def answers_compared(value: tuple[list[tuple[str, str, str]], list[str], str]) -> None:
    """What is found in the answers of two models to the same items: a finding, or nothing."""
    rows, choices, name = value
    names = (name, f"{name}_strict") if f"{name}_strict" in METRICS else (name,)
    pairs = []
    for number, (before, after, reference) in enumerate(rows):
        both = [_record(number, text, reference, choices, names) for text in (before, after)]
        if all(len(record.scores) == len(names) for record in both):
            pairs.append((both[0], both[1]))
    if not pairs:
        return
    metric = METRICS[name]
    base, tuned = [b for b, _ in pairs], [t for _, t in pairs]
    find_collapse(base, tuned, metric)
    find_signs(pairs, pairs, metric)
    confuse("a", base, tuned, name)
    share_in_form(tuned, name, longest_reference(base))
    share_read(tuned)
    parsings = strict_and_lenient(name, [*base, *tuned])
    if parsings is not None:
        read = [
            (b, t)
            for b, t in zip(
                read_by(read_by(base, parsings[0]), parsings[1]),
                read_by(read_by(tuned, parsings[0]), parsings[1]),
                strict=True,
            )
        ]
        form_drop(read, *parsings)
        lenient_floor(tuned, parsings[1])
    answer_features([Shown(b.prompt, b.answer.output or "") for b in base])


ROWS = st.lists(st.tuples(TEXTS, TEXTS.filter(lambda text: bool(text.strip()))), min_size=1, max_size=25)


@of_values("the choice of metrics", GROUP, ROWS)
def choice_of_metrics(rows: list[tuple[str, str]]) -> None:
    examples = [example(answer, (), prompt, f"r{number}") for number, (prompt, answer) in enumerate(rows)]
    names, reason = choose_metrics(examples)
    assert reason
    assert names[-1] == "token_loss"
    assert len(prompt_bodies(examples)) == len(examples)
    for name in names[:-1]:
        for each in examples:
            METRICS[name].item(Answer(each.id, ""), each)


ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.lists(st.floats(), max_size=2),
    st.lists(st.integers() | st.text(max_size=2), max_size=3),
)
HARNESS = st.tuples(
    st.sampled_from(
        ("acc", "word_perplexity", "perplexity", "f1", "exact_match,strict-match", "bits_per_byte", "bleu")
    ),
    st.lists(ANY, min_size=1, max_size=4),
    st.none() | st.booleans(),
    st.none() | st.floats(),
)


@of_values("scores of a harness", GROUP, HARNESS)
def harness(value: tuple[str, list[Any], bool | None, float | None]) -> None:
    of, values, higher, corpus = value
    for metric, scores in harness_scores(of, values, higher, corpus):
        assert harness_metric(metric.name) == metric
        assert len(scores) == len(values)
        assert all(each.value is None or math.isfinite(each.value) for each in scores)
        corpus_score(metric, scores)
