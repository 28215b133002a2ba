"""JSON: a sentence turned into an object with the keys that are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from keeptune.abilities.suite import Item, Suite, pick, stable_hash

RECORDS = 36
"""Records a schema."""

NAMES = (
    "Alice",
    "Bruno",
    "Carmen",
    "Daniel",
    "Elena",
    "Frank",
    "Hanna",
    "Ivan",
    "Julia",
    "Kevin",
    "Lena",
    "Marco",
    "Nina",
)
CITIES = (
    "Athens",
    "Berlin",
    "Boston",
    "Cairo",
    "Dublin",
    "Lima",
    "London",
    "Madrid",
    "Osaka",
    "Paris",
    "Rome",
    "Vienna",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
JOBS = ("baker", "teacher", "nurse", "pilot", "lawyer", "plumber", "dentist", "farmer", "painter", "driver")
ANIMALS = ("dog", "cat", "horse", "parrot", "rabbit", "goat", "pony", "hamster")
PETS = ("Rex", "Luna", "Coco", "Milo", "Bella", "Simba", "Nala", "Rocky")
PRODUCTS = ("chair", "lamp", "bicycle", "kettle", "guitar", "tent", "mirror", "suitcase", "clock", "camera")
SKIES = ("sunny", "cloudy", "rainy", "foggy", "windy", "snowy")
TEAMS = ("Bears", "Eagles", "Falcons", "Lions", "Rockets", "Sharks", "Tigers", "Wolves")
DISHES = ("lentil soup", "apple pie", "fish curry", "potato salad", "onion tart", "rice pudding", "bean stew", "pizza")
TITLES = ("The Silent Lake", "A Winter Garden", "Seven Doors", "The Last Ferry", "Paper Moon", "Under the Hill", "Salt")


def _number(low: int, high: int) -> Callable[..., int]:
    return lambda *key: low + stable_hash("number", *key) % (high - low + 1)


def _one_of(options: Sequence[str]) -> Callable[..., str]:
    return lambda *key: pick(options, *key)


class Schema(NamedTuple):
    """One kind of record."""

    name: str
    values: Mapping[str, Callable[..., str | int]]
    """Key → how its value is drawn."""
    sentences: tuple[str, str]
    """Two ways to say the record."""


SCHEMAS: tuple[Schema, ...] = (
    Schema(
        "person",
        {"name": _one_of(NAMES), "age": _number(18, 80)},
        ("{name} is {age} years old.", "At the age of {age}, {name} moved to another town."),
    ),
    Schema(
        "job",
        {"name": _one_of(NAMES), "job": _one_of(JOBS)},
        ("{name} works as a {job}.", "The new {job} in our street is called {name}."),
    ),
    Schema(
        "pet",
        {"animal": _one_of(ANIMALS), "name": _one_of(PETS)},
        ("Our {animal} is called {name}.", "{name} is a very friendly {animal}."),
    ),
    Schema(
        "offer",
        {"product": _one_of(PRODUCTS), "price": _number(5, 95)},
        ("The {product} costs {price} dollars.", "We paid {price} dollars for the {product}."),
    ),
    Schema(
        "book",
        {"title": _one_of(TITLES), "author": _one_of(NAMES)},
        ('The book "{title}" is by {author}.', '{author} wrote a book called "{title}".'),
    ),
    Schema(
        "trip",
        {"from": _one_of(CITIES[::2]), "to": _one_of(CITIES[1::2])},
        ("We took the train from {from} to {to}.", "To {to} there is a bus that starts in {from}."),
    ),
    Schema(
        "weather",
        {"city": _one_of(CITIES), "sky": _one_of(SKIES)},
        ("It is {sky} in {city} today.", "The weather in {city} is {sky}."),
    ),
    Schema(
        "meeting",
        {"day": _one_of(DAYS), "room": _number(101, 399)},
        ("The meeting is on {day} in room {room}.", "Room {room} is booked on {day}."),
    ),
    Schema(
        "match",
        {"winner": _one_of(TEAMS[::2]), "city": _one_of(CITIES)},
        ("The {winner} won the match in {city}.", "In {city} the match was won by the {winner}."),
    ),
    Schema(
        "dish",
        {"dish": _one_of(DISHES), "minutes": _number(10, 90)},
        ("It takes {minutes} minutes to make {dish}.", "You can cook {dish} in {minutes} minutes."),
    ),
)


def _item(record: Mapping[str, str | int], sentence: str, cluster: str) -> Item:
    return Item(
        fields={"text": sentence.format_map(record), "keys": " and ".join(f'"{key}"' for key in record)},
        answer=json.dumps(record),
        cluster=cluster,
    )


def make() -> Sequence[Item]:
    """Two items a record, each saying it in another way; the record is the cluster."""
    items = []
    for schema in SCHEMAS:
        for number in range(RECORDS):
            record = {key: draw(schema.name, key, number) for key, draw in schema.values.items()}
            cluster = f"{schema.name}: {' '.join(map(str, record.values()))}"
            items += [_item(record, sentence, cluster) for sentence in schema.sentences]
    return list({item.fields["text"]: item for item in items}.values())


def _shown(schema: int, sentence: int, **record: str | int) -> Item:
    return _item(record, SCHEMAS[schema].sentences[sentence], "shown")


JSON_OUTPUT = Suite(
    name="json_output",
    title="a sentence as a JSON object",
    version="1",
    templates=(
        "{text}\n\nGive the {keys} in this sentence as a JSON object.",
        "{text}\n\nWrite the {keys} of this sentence as JSON.",
        "Sentence: {text}\nGive me a JSON object with the {keys} from the sentence.",
    ),
    output_type="few-shot",
    shots=4,
    demonstrations=(
        _shown(0, 0, name="Olga", age=17),
        _shown(5, 1, **{"from": "Milan", "to": "Turin"}),
        _shown(3, 1, product="table", price=99),
        _shown(1, 1, name="Peter", job="singer"),
    ),
    metrics=("json_match", "json_match_strict"),
    chance=0.0,
    max_new_tokens=32,
    make=make,
)
