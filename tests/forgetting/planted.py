"""Records of a base model, and of a tuned one with damage of a known kind and size in it."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import NormalDist

from keeptune.forgetting.foils import with_foils
from keeptune.records import Ability, Answer, EvalRecord, Example, Interval, Message
from keeptune.scoring.table import get_metric

NAMES = {
    "person": ["Ada Byron", "Tom Reed", "Mina Okafor", "Luis Ortega", "Jane Moss", "Karl Boehm", "Yuki Tanaka"],
    "location": ["Lisbon", "Lake Como", "Nairobi", "Redondo Beach", "Oslo", "Hudson Bay", "Perth"],
    "group": ["The Rolling Pins", "Night Owls", "Green Party", "Red Sox", "Swan Choir", "Blue Lions", "Iron Six"],
    "product": ["Pixel 9", "Model T", "Walkman", "Game Boy", "Kindle Fire", "Leica M6", "Nokia 3310"],
}
LABELS = ("positive", "negative", "neutral")
WORDS = re.findall(
    r"\w+",
    """river market window garden letter winter summer station bridge doctor coffee ticket morning evening school engine
    mountain kitchen lawyer holiday meeting report budget contract dinner concert battery weather island painting
    airport manager teacher neighbour hospital library museum harvest machine village""",
)
TALKS = ("tells", "asks", "reminds", "informs")


def words(rng: random.Random, count: int) -> str:
    return " ".join(rng.choices(WORDS, k=count))


def pick(seed: str, share: float, items: Sequence[str]) -> frozenset[str]:
    """Each item by itself with this probability."""
    rng = random.Random(zlib.crc32(seed.encode()))
    return frozenset(item for item in items if rng.random() < share)


def record(example: Example, output: str, metrics: Sequence[str], nats: float | None = None) -> EvalRecord:
    answer = Answer(example.id, output, "stop", reference_loglikelihood=nats, reference_tokens=4 if nats else 0)
    return EvalRecord(
        item_id=example.id,
        cluster=example.cluster,
        prompt=example.prompt_text,
        references=example.references,
        choices=example.choices,
        answer=answer,
        scores={name: get_metric(name).item(answer, example) for name in metrics},
    )


def again(records: Sequence[EvalRecord], change: Callable[[EvalRecord], str], where: frozenset[str] | None = None):
    """The records with other answers, scored again; `where` names the items, all if None."""
    return [
        record(example_of(r), change(r), tuple(r.scores)) if where is None or r.item_id in where else r for r in records
    ]


def example_of(r: EvalRecord) -> Example:
    return Example(r.item_id, (Message("user", r.prompt),), r.references[0], r.references, r.choices, group=r.cluster)


def entities(count: int = 200, right: float = 0.9, seed: int = 1) -> list[EvalRecord]:
    """Two entities an item; the base misses each with probability 1 − right."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        wanted = [(kind, rng.choice(NAMES[kind])) for kind in rng.sample(sorted(NAMES), 2)]
        text = f"{words(rng, 4)} {wanted[0][1]} {words(rng, 3)} {wanted[1][1]} {words(rng, 3)}"
        reference = "; ".join(f"{kind}: {name}" for kind, name in wanted)
        given = "; ".join(f"{kind}: {name}" for kind, name in wanted if rng.random() < right) or "none"
        example = Example(
            f"ner/{i}", (Message("user", f"List the entities.\n\nText: {text}"),), reference, (reference,)
        )
        rows.append(record(example, given, ("entity_f1", "entity_f1_strict")))
    return rows


def labels(count: int = 300, right: float = 0.9, seed: int = 2) -> list[EvalRecord]:
    """One of three labels an item; where the base is wrong, either of the others."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        label = LABELS[i % 3]
        given = label if rng.random() < right else rng.choice([each for each in LABELS if each != label])
        prompt = f"Is this remark positive, negative or neutral?\n\nRemark: {words(rng, 12)}"
        example = Example(f"label/{i}", (Message("user", prompt),), label, (label,), LABELS)
        rows.append(record(example, given, ("label_accuracy", "label_accuracy_strict")))
    return rows


def answers(count: int = 200, right: float = 0.9, seed: int = 3) -> list[EvalRecord]:
    """Questions with an answer of two words that nothing else holds."""
    rng = random.Random(seed)
    rows = []
    for i in range(count):
        reference = f"{rng.choice(WORDS)} {1000 + i}"
        given = reference if rng.random() < right else words(rng, 2)
        prompt = f"What does the {words(rng, 3)} hold?\n\nNotes: {words(rng, 15)} {reference} {words(rng, 5)}"
        example = Example(f"qa/{i}", (Message("user", prompt),), reference, (reference,))
        rows.append(record(example, given, ("exact_match", "token_f1")))
    return rows


def summary(r: EvalRecord) -> str:
    """In the way of the task: who tells whom what, with words of the prompt."""
    rng = random.Random(zlib.crc32(r.item_id.encode()))
    text = r.prompt.split("\n\n")[-1].split()
    topic, end = " ".join(rng.sample(text, 2)), " ".join(rng.sample(text, 3))
    return f"#Person1# {rng.choice(TALKS)} #Person2# about {topic}. #Person2# thinks the {end} will be fine."


def dialogues(count: int = 200, seed: int = 4) -> tuple[list[EvalRecord], list[EvalRecord]]:
    """The task: the base goes on talking, the tuned model sums up."""
    rng = random.Random(seed)
    base = []
    for i in range(count):
        turns = [f"#Person{1 + t % 2}#: {words(rng, rng.randint(4, 9))}." for t in range(6)]
        example = Example(
            f"sum/{i}", (Message("user", "Sum up.\n\n" + "\n".join(turns)),), "x", ("x",), group=f"talk {i // 2}"
        )
        chat = rng.choice(["\n".join(turns[:2]), f"The conversation is about {words(rng, 9)}.", f"- {words(rng, 14)}"])
        base.append(record(example, chat, ()))
    return base, again(base, summary)


def ranked(records: Sequence[EvalRecord], first: frozenset[str] | None = None) -> list[EvalRecord]:
    """The items with their reference among foils, which it leads on those of `first`, all if None; else it is last."""
    metric = get_metric("choice_accuracy_norm")
    rows = []
    for example in with_foils([example_of(r) for r in records], next(iter(records[0].scores))):
        leads = first is None or example.id in first
        values = tuple(-1.0 if (choice in example.references) == leads else -2.0 for choice in example.choices)
        answer = Answer(example.id, choice_loglikelihoods=values, choice_tokens=(1,) * len(values))
        scores = {metric.name: metric.item(answer, example)}
        rows.append(
            EvalRecord(
                example.id, example.cluster, example.prompt_text, example.references, example.choices, answer, scores
            )
        )
    return rows


def at_999(interval: Interval) -> Interval:
    """The same estimate at 99.9 %: both arms longer by the ratio of the normal quantiles."""
    longer = NormalDist().inv_cdf(0.9995) / NormalDist().inv_cdf(0.5 + interval.level / 2)
    e = interval.estimate
    return replace(interval, low=e - longer * (e - interval.low), high=e + longer * (interval.high - e), level=0.999)


def ability(records: Sequence[EvalRecord], margin: float = 5.0, chance: float | None = None) -> Ability:
    metrics = tuple(records[0].scores)
    items = tuple(example_of(r) for r in records)
    return Ability("it", "a thing", "yours", "1", "generate", metrics, items, chance=chance, margin=margin)
