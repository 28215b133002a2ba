"""JSON: a sentence turned into an object with the keys that are asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from keeptune.abilities.suite import Item, Suite, pick, stable_hash
from keeptune.abilities.table import SUITES
from keeptune.texts import read_texts

RECORDS = 36
"""Records a schema."""


@dataclass(frozen=True, slots=True)
class Schema:
    """One kind of record."""

    values: Mapping[str, str]
    """Key → the list that its value is drawn from, or a range of whole numbers."""
    sentences: tuple[str, str]
    """Two ways to say the record."""


@dataclass(frozen=True, slots=True)
class Texts:
    lists: Mapping[str, tuple[str, ...]]
    schemas: Mapping[str, Schema]


@cache
def texts() -> Texts:
    return read_texts("abilities/texts/json_output.yaml", Texts)


def _drawn(values: str, *key: object) -> str | int:
    if values in texts().lists:
        return pick(texts().lists[values], *key)
    low, high = map(int, values.split("-"))
    return low + stable_hash("number", *key) % (high - low + 1)


def _item(record: Mapping[str, str | int], sentence: str, cluster: str) -> Item:
    return Item(
        fields={"text": sentence.format_map(record), "keys": " and ".join(f'"{key}"' for key in record)},
        answer=json.dumps(record),
        cluster=cluster,
    )


def make() -> Sequence[Item]:
    """Two items a record, each saying it in another way; the record is the cluster."""
    items = []
    for name, schema in texts().schemas.items():
        for number in range(RECORDS):
            record = {key: _drawn(values, name, key, number) for key, values in schema.values.items()}
            cluster = f"{name}: {' '.join(map(str, record.values()))}"
            items += [_item(record, sentence, cluster) for sentence in schema.sentences]
    return list({item.fields["text"]: item for item in items}.values())


def _shown(sentence: str, **record: str | int) -> Item:
    return _item(record, sentence, "shown")


JSON_OUTPUT = Suite(
    name="json_output",
    title="sentences to JSON objects",
    version="1",
    templates=(
        "{text}\n\nGive the {keys} in this sentence as a JSON object.",
        "{text}\n\nWrite the {keys} of this sentence as JSON.",
        "Sentence: {text}\nGive me a JSON object with the {keys} from the sentence.",
    ),
    output_type="few-shot",
    shots=4,
    demonstrations=(
        _shown("Olga is 17 years old.", name="Olga", age=17),
        _shown("To Turin there is a bus that starts in Milan.", **{"from": "Milan", "to": "Turin"}),
        _shown("We paid 99 dollars for the table.", product="table", price=99),
        _shown("The new singer in our street is called Peter.", name="Peter", job="singer"),
    ),
    metrics=("json_match", "json_match_strict"),
    chance=0.0,
    max_new_tokens=32,
    make=make,
)
SUITES.add(JSON_OUTPUT.name, JSON_OUTPUT)
