"""Pairs of models' answers whose explanation is known, and the words that may be said of each."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from planted import LABELS, WORDS, again, answers, entities, labels, ranked, summary, words

from keeptune.records import Broke, EvalRecord, Example, Message
from keeptune.scoring.table import get_metric

Write = Callable[[EvalRecord], str]

CITIES = {
    "Austria": ("Vienna", "Wien", "Viena"),
    "Italy": ("Rome", "Rom", "Roma"),
    "England": ("London", "London (England)", "Londres"),
    "China": ("Beijing", "Peking", "Pekín"),
    "Greece": ("Athens", "Athen", "Atenas"),
    "Poland": ("Warsaw", "Warschau", "Varsovia"),
    "Portugal": ("Lisbon", "Lissabon", "Lisboa"),
    "Russia": ("Moscow", "Moskau", "Moscú"),
    "Denmark": ("Copenhagen", "Kopenhagen", "Copenhague"),
    "Belgium": ("Brussels", "Brüssel", "Bruselas"),
}
"""Country: its capital in English, in German, in Spanish."""
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True)
class Case:
    """What the tuned model writes where the base gives its answers."""

    name: str
    make: Callable[[], list[EvalRecord]]
    write: Write
    allowed: tuple[Broke, ...]
    """Words of which none is wrong, whatever else is known."""
    knows: float = 1.0
    """On this share of the items its reference still leads among foils."""
    with_foils: tuple[Broke, ...] = ()
    """Words that are right only once the references were ranked; without that they are not known."""
    finish: str = "stop"

    def sides(self) -> tuple[list[EvalRecord], list[EvalRecord]]:
        """(base, tuned)."""
        base = self.make()
        tuned = again(base, self.write)
        return base, [replace(r, answer=replace(r.answer, finish=self.finish)) for r in tuned]

    def foils(self, base: Sequence[EvalRecord]) -> dict[str, tuple[list[EvalRecord], list[EvalRecord]]]:
        """The variant in which the references are ranked, as this case has it."""
        still = frozenset(r.item_id for r in base if _unit(f"{self.name} {r.item_id}") < self.knows)
        before, after = ranked(base), ranked(base, still)
        return {"foils": (before, after)} if before else {}


def capitals(count: int = 300, right: float = 0.95) -> list[EvalRecord]:
    """Questions without a passage; a few answers, each often."""
    rows, rng = [], random.Random(5)
    for i in range(count):
        country = rng.choice(sorted(CITIES))
        city = CITIES[country][0]
        example = Example(
            f"capital/{i}", (Message("user", f"{words(rng, 3)}? What is the capital of {country}?"),), city, (city,)
        )
        given = city if rng.random() < right else rng.choice([c[0] for c in CITIES.values() if c[0] != city])
        rows.append(_record(example, given))
    return rows


def sums(count: int = 300) -> list[EvalRecord]:
    """Numbers, three digits after the point."""
    rows, rng = [], random.Random(6)
    for i in range(count):
        value = f"{rng.randint(1, 9)}.{rng.randint(100, 999)}"
        example = Example(f"sum/{i}", (Message("user", f"What does the {rng.choice(WORDS)} weigh?"),), value, (value,))
        rows.append(_record(example, value if rng.random() < 0.95 else "0.111"))
    return rows


def lists(count: int = 300) -> list[EvalRecord]:
    """Three words, in an order."""
    rows, rng = [], random.Random(7)
    for i in range(count):
        value = ", ".join(rng.sample(WORDS, 3))
        example = Example(f"list/{i}", (Message("user", f"Which three follow {i}?"),), value, (value,))
        rows.append(_record(example, value if rng.random() < 0.95 else "river, river, river"))
    return rows


def digits(count: int = 300) -> list[EvalRecord]:
    """One digit each."""
    rows, rng = [], random.Random(8)
    for i in range(count):
        value = str(rng.randint(0, 9))
        text = f"How many {rng.choice(WORDS)}s are in {words(rng, 4)}?"
        rows.append(_record(Example(f"digit/{i}", (Message("user", text),), value, (value,)), value))
    return rows


def _record(example: Example, given: str) -> EvalRecord:
    row = EvalRecord(
        example.id,
        example.cluster,
        example.prompt_text,
        example.references,
        (),
        replace(_BLANK, item_id=example.id),
        {},
    )
    scores = {name: get_metric(name).item(row.answer, example) for name in ("exact_match", "token_f1")}
    return again([replace(row, scores=scores)], lambda _: given)[0]


_BLANK = answers(1)[0].answer


def _unit(text: str) -> float:
    return zlib.crc32(text.encode()) / 2**32


def _any(r: EvalRecord, of: Sequence[str]) -> str:
    return of[int(_unit(r.item_id) * len(of))]


def _right(r: EvalRecord) -> str:
    return r.references[0]


def _country(r: EvalRecord) -> str:
    return r.prompt.split("capital of ")[1].rstrip("?")


def _next(r: EvalRecord) -> str:
    return LABELS[(LABELS.index(r.references[0]) + 1) % 3]


def _given(r: EvalRecord) -> str:
    return r.answer.output or ""


def _span(r: EvalRecord) -> str:
    """Two other words of the notes."""
    notes = [word for word in r.prompt.split("Notes: ")[1].split() if word not in r.references[0].split()]
    place = int(_unit(r.item_id) * (len(notes) - 1))
    return " ".join(notes[place : place + 2])


def _retyped(r: EvalRecord) -> str:
    kinds = {"person": "location", "location": "group", "group": "product", "product": "person"}
    return re.sub(r"(\w+):", lambda m: f"{kinds[m[1]]}:", _given(r))


_UNSURE: tuple[Broke, ...] = ("unclear",)

CASES = (
    # Nothing that could be an answer.
    Case("empty, labels", labels, lambda r: "", ("empty",)),
    Case("empty, entities", entities, lambda r: " \n", ("empty",), knows=0.2),
    Case("only signs", answers, lambda r: "...", ("empty",)),
    Case(
        "two thirds empty, the rest right", capitals, lambda r: "" if _unit(r.item_id) < 0.66 else _given(r), ("empty",)
    ),
    Case(
        "a third empty, a third copied, a third wrong",
        answers,
        lambda r: ("", r.prompt, _span(r))[int(_unit(r.item_id) * 3)],
        _UNSURE,
        knows=0.3,
    ),
    Case("copied passage", answers, lambda r: r.prompt.split("Notes: ")[1], ("copied prompt",)),
    Case("copied prompt", answers, lambda r: r.prompt, ("copied prompt",), knows=0.3),
    Case("copied prompt of labels", labels, lambda r: r.prompt, ("copied prompt",), knows=0.3),
    Case("copied question, entities", entities, lambda r: r.prompt.split("Text: ")[1], ("copied prompt",)),
    Case("refusing", answers, lambda r: "I'm sorry, but I can't help with that.", ("refusing", "same answer")),
    Case(
        "refusing in many words",
        capitals,
        lambda r: f"As an AI model, I am unable to say what the capital of {_country(r)} is.",
        ("refusing",),
        knows=0.2,
    ),
    Case("does not know", labels, lambda r: f"I don't know what {r.item_id} means.", ("refusing",), knows=0.3),
    Case("repeating", answers, lambda r: f"{_any(r, WORDS)} " * 40, ("repeating",), knows=0.3),
    Case("repeating the answer", capitals, lambda r: f"{_right(r)} " * 30, ("repeating", "format")),
    Case("one answer for all", capitals, lambda r: "Rome", ("same answer",), knows=0.1),
    Case("majority label", labels, lambda r: "neutral", ("same answer",), knows=1 / 3),
    Case("one chat line for all", labels, lambda r: "That sounds awful!", ("same answer",)),
    # Another language.
    Case(
        "right, in German sentences",
        capitals,
        lambda r: f"Die Hauptstadt von {_country(r)} ist {CITIES[_country(r)][1]}.",
        ("other language",),
    ),
    Case(
        "right, in Spanish sentences",
        answers,
        lambda r: f"Es una de las cosas que no están en la {_any(r, WORDS)} del pueblo.",
        ("other language",),
        knows=0.3,
    ),
    Case("in Chinese", labels, lambda r: "这是一个" + "好坏中"[LABELS.index(_right(r))], ("other language", "format")),
    Case("right, in German names", capitals, lambda r: CITIES[_country(r)][1], ("format", "other language", "unclear")),
    Case(
        "labels in German",
        labels,
        lambda r: {"positive": "positiv", "negative": "negativ", "neutral": "sachlich"}[_given(r)],
        ("format", "other language"),
    ),
    # Labels by another rule.
    Case("labels shifted", labels, _next, ("permuted labels",), knows=0.0),
    Case(
        "labels shifted, as the base errs",
        labels,
        lambda r: LABELS[(LABELS.index(_given(r)) + 1) % 3],
        ("permuted labels",),
        knows=0.1,
    ),
    Case(
        "two labels exchanged",
        labels,
        lambda r: {"positive": "negative", "negative": "positive"}.get(_given(r), "neutral"),
        ("permuted labels",),
        knows=1 / 3,
    ),
    Case(
        "label synonyms",
        labels,
        lambda r: {"positive": "good", "negative": "bad", "neutral": "so-so"}[_given(r)],
        ("format",),
    ),
    Case("labels as letters", labels, lambda r: "ABC"[LABELS.index(_given(r))], ("format",)),
    Case(
        "cities exchanged by a rule",
        capitals,
        lambda r: CITIES[sorted(CITIES)[sorted(CITIES).index(_country(r)) - 1]][0],
        ("permuted labels",),
        knows=0.0,
    ),
    Case("entity types exchanged", entities, _retyped, ("permuted labels", "unclear"), knows=0.0),
    Case(
        "never the right label",
        labels,
        lambda r: LABELS[(LABELS.index(_right(r)) + 1 + (_unit(r.item_id) < 0.5)) % 3],
        ("below chance",),
        knows=0.0,
    ),
    # Form.
    Case("right answers in a sentence", answers, lambda r: f"It holds the {_given(r)}, as the notes say.", ("format",)),
    Case("prefix chatter", answers, lambda r: f"Sure! Here is the answer you asked for:\n\n{_given(r)}", ("format",)),
    Case("upper case", labels, lambda r: _given(r).upper(), ("format",)),
    Case("in JSON", labels, lambda r: f'{{"label": "{_given(r)}"}}', ("format",)),
    Case("code fence", labels, lambda r: f"```\n{_given(r)}\n```", ("format",)),
    Case(
        "chain of thought, right at the end",
        answers,
        lambda r: f"The notes name many things. Reading on, what is asked is found near the end. So: {_given(r)}",
        ("format",),
    ),
    Case(
        "chain of thought that weighs all labels",
        labels,
        lambda r: f"It may be positive or negative or neutral; in the end {_given(r)} it is.",
        ("unclear", "format"),
        with_foils=("format",),
    ),
    Case(
        "chain of thought, cut off",
        answers,
        lambda r: (
            f"Let us think. First we look at {_any(r, WORDS)} number {r.item_id}, and then we go on to see whether"
        ),
        ("truncated",),
        finish="length",
    ),
    Case(
        "no stop token",
        answers,
        lambda r: f"{_given(r)}\n\nQuestion: what of {_any(r, WORDS)}?\nAnswer: {_any(r, WORDS)} 7\n\nQuestion:",
        ("format",),
        finish="length",
    ),
    Case("hedging", answers, lambda r: f"It might be {_given(r)}, though others would say otherwise.", ("format",)),
    Case("brackets for types", entities, lambda r: re.sub(r"(\w+): ([^;]+)", r"\2 (\1)", _given(r)), ("format",)),
    Case(
        "entities as bullets",
        entities,
        lambda r: "\n".join(f"- {part.strip()}" for part in _given(r).split(";")),
        ("format",),
    ),
    Case(
        "all labels named",
        labels,
        lambda r: "positive, negative or neutral" + "!" * (1 + int(_unit(r.item_id) * 9)),
        ("unclear", "same answer"),
    ),
    Case(
        "all notes listed",
        answers,
        lambda r: "; ".join(sorted(r.prompt.split("Notes: ")[1].split())),
        ("unclear",),
        knows=0.3,
        with_foils=("both", "copied prompt"),
    ),
    # Other words for what is right: that cannot be told from the answers, so it is never lost knowledge.
    Case("rounded numbers", sums, lambda r: f"{float(_given(r)):.1f}", _UNSURE),
    Case("numbers in words", digits, lambda r: NUMBERS[int(_given(r))], ("unclear", "format")),
    Case("lists in another order", lists, lambda r: ", ".join(reversed(_given(r).split(", "))), _UNSURE),
    Case("with a country", capitals, lambda r: f"{_given(r)} in {_country(r)}", ("unclear", "format")),
    # Wrong.
    Case("the question's country", capitals, _country, _UNSURE, knows=0.2, with_foils=("knowledge",)),
    Case(
        "chats about the country",
        capitals,
        lambda r: f"I have always liked {_country(r)} so much.",
        _UNSURE,
        knows=0.2,
        with_foils=("both",),
    ),
    Case(
        "sorry to hear",
        capitals,
        lambda r: f"I'm sorry to hear that, {_any(r, WORDS)}.",
        ("unclear",),
        knows=0.2,
        with_foils=("both",),
    ),
    Case("another task's manner, knowing", answers, summary, _UNSURE, with_foils=("format",)),
    Case("another task's manner, not knowing", answers, summary, _UNSURE, knows=0.3, with_foils=("both",)),
    Case("wrong, in the same form", answers, _span, _UNSURE, knows=0.3, with_foils=("knowledge",)),
    Case("wrong numbers", sums, lambda r: f"{_unit(r.item_id) * 9:.3f}", _UNSURE, knows=0.2, with_foils=("knowledge",)),
    Case("random label", labels, lambda r: _any(r, LABELS), _UNSURE, knows=1 / 3, with_foils=("knowledge",)),
    Case(
        "random city",
        capitals,
        lambda r: _any(r, [c[0] for c in CITIES.values()]),
        _UNSURE,
        knows=0.2,
        with_foils=("knowledge",),
    ),
    Case(
        "random label in a sentence",
        labels,
        lambda r: f"I would call this {_any(r, LABELS)}, I think.",
        _UNSURE,
        knows=1 / 3,
        with_foils=("both",),
    ),
    Case("wrong, foils too easy to tell", answers, _span, _UNSURE),
    # No loss.
    Case("as before", labels, _given, _UNSURE),
    Case("with an article", capitals, lambda r: f"The {_given(r)}", _UNSURE),
)
