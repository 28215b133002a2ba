"""JSON: a sentence turned into an object with the keys that are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from keeptune.evaluation.abilities.suite import Item, Suite, pick, stable_hash

RECORDS = 34
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
SHOPS = ("Bluebird", "Corner Shop", "Hilltop", "Market Hall", "Northside", "Old Mill", "Riverside", "Sunny Store")
COLOURS = ("red", "blue", "green", "black", "white", "yellow", "brown", "grey")
SKIES = ("sunny", "cloudy", "rainy", "foggy", "windy", "snowy")
VEHICLES = ("bus", "train", "ferry", "plane", "tram")
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
        {"name": _one_of(NAMES), "age": _number(18, 80), "city": _one_of(CITIES)},
        ("{name} is {age} years old and lives in {city}.", "In {city} there lives {name}, who is {age} years old."),
    ),
    Schema(
        "job",
        {"name": _one_of(NAMES), "job": _one_of(JOBS), "city": _one_of(CITIES)},
        ("{name} works as a {job} in {city}.", "The new {job} in {city} is called {name}."),
    ),
    Schema(
        "pet",
        {"owner": _one_of(NAMES), "animal": _one_of(ANIMALS), "name": _one_of(PETS)},
        ("{owner} has a {animal} called {name}.", "{name} is the {animal} of {owner}."),
    ),
    Schema(
        "offer",
        {"product": _one_of(PRODUCTS), "price": _number(5, 95), "shop": _one_of(SHOPS)},
        ("A {product} costs {price} dollars at {shop}.", "{shop} sells a {product} for {price} dollars."),
    ),
    Schema(
        "book",
        {"title": _one_of(TITLES), "author": _one_of(NAMES), "year": _number(1950, 2020)},
        ('The book "{title}" by {author} came out in {year}.', '{author} published "{title}" in {year}.'),
    ),
    Schema(
        "trip",
        {"from": _one_of(CITIES[::2]), "to": _one_of(CITIES[1::2]), "vehicle": _one_of(VEHICLES)},
        ("We took the {vehicle} from {from} to {to}.", "To {to} there is a {vehicle} that starts in {from}."),
    ),
    Schema(
        "weather",
        {"city": _one_of(CITIES), "temperature": _number(2, 35), "sky": _one_of(SKIES)},
        ("It is {sky} in {city} at {temperature} degrees.", "{city} has {temperature} degrees and it is {sky}."),
    ),
    Schema(
        "meeting",
        {"day": _one_of(DAYS), "hour": _number(8, 18), "room": _number(101, 399)},
        (
            "The meeting is on {day} at {hour} o'clock in room {room}.",
            "Room {room} is booked on {day} at {hour} o'clock.",
        ),
    ),
    Schema(
        "match",
        {"winner": _one_of(TEAMS[::2]), "loser": _one_of(TEAMS[1::2]), "city": _one_of(CITIES)},
        ("The {winner} beat the {loser} in {city}.", "In {city} the {loser} lost to the {winner}."),
    ),
    Schema(
        "dish",
        {"dish": _one_of(DISHES), "minutes": _number(10, 90), "cook": _one_of(NAMES)},
        ("{cook} makes {dish} in {minutes} minutes.", "It takes {cook} {minutes} minutes to make {dish}."),
    ),
)


def _item(record: Mapping[str, str | int], sentence: str, cluster: str) -> Item:
    keys = [f'"{key}"' for key in record]
    return Item(
        fields={"text": sentence.format_map(record), "keys": f"{', '.join(keys[:-1])} and {keys[-1]}"},
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
    wordings=(
        "Write this sentence as JSON with the keys {keys}.\n\n{text}",
        "{text}\n\nGive the {keys} in this sentence as a JSON object.",
        "Turn the sentence into a JSON object with the keys {keys}.\nSentence: {text}\nJSON:",
    ),
    form="few-shot",
    shots=3,
    demonstrations=(
        _shown(0, 0, name="Olga", age=17, city="Oslo"),
        _shown(3, 1, product="table", price=99, shop="Greenfield"),
        _shown(5, 0, **{"from": "Milan", "to": "Turin", "vehicle": "taxi"}),
    ),
    metrics=("json_match", "json_match_strict"),
    chance=0.0,
    max_new_tokens=40,
    make=make,
)
