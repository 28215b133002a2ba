from __future__ import annotations

import json
import re

from keeptune.abilities.suites.json_output import JSON_OUTPUT, make, texts
from tests.abilities.rendered import rendered_hash


def test_items_of_version_1_stay_as_they_are() -> None:
    assert (JSON_OUTPUT.version, rendered_hash(JSON_OUTPUT)) == ("1", "25bfe2f7c20f6bfd")


def test_every_value_stands_in_the_sentence_and_every_key_in_the_prompt() -> None:
    for item in (*make(), *JSON_OUTPUT.demonstrations):
        record = json.loads(item.answer)
        assert re.findall(r'"(\w+)"', item.fields["keys"]) == list(record)
        for value in record.values():
            assert re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", item.fields["text"]), (
                value,
                item.fields["text"],
            )
        assert len(set(map(str, record.values()))) == len(record), "two keys with one value would not tell them apart"


def test_a_record_is_one_cluster_of_two_sentences() -> None:
    clusters: dict[str, set[str]] = {}
    for item in make():
        clusters.setdefault(item.cluster, set()).add(item.answer)
    assert {len(answers) for answers in clusters.values()} == {1}
    assert len(texts().schemas) == 10
    assert len(make()) == 2 * len(clusters)


def test_sentences_have_a_hole_for_every_key_and_no_other() -> None:
    for schema in texts().schemas.values():
        for sentence in schema.sentences:
            assert sorted(re.findall(r"{(\w+)}", sentence)) == sorted(schema.values)
