"""Which items of an ability are asked, and which are set apart to choose by."""

from __future__ import annotations

from pathlib import Path

from keeptune.abilities.declared import wanted_abilities
from keeptune.config import DataConfig, Keep, MeasureConfig, ModelConfig
from keeptune.events import Event, Notice, silent
from keeptune.inference.encoding import make_encoder


def test_an_item_that_comes_twice_is_asked_once(coloured: Path, tmp_path: Path) -> None:
    encoder = make_encoder(ModelConfig(name=str(coloured / "first" / "model")), DataConfig())
    rows = (coloured / "kept.jsonl").read_text()
    twice = tmp_path / "twice.jsonl"
    twice.write_text(rows + rows.replace('"id": "', '"id": "again-'))
    told: list[Event] = []
    measure = MeasureConfig(keep=(Keep("colours", str(twice)),), abilities=("none",), dev_fraction=0.5)
    (ability,) = wanted_abilities(measure, DataConfig(), encoder, told.append)
    items = len(rows.splitlines())
    assert len(ability.items) + len(ability.dev) == items
    assert [e.message for e in told if isinstance(e, Notice) and e.kind == "repeats"] == [
        f"colours: {items} items left out, as they repeat another"
    ]


def test_items_at_most_holds_for_either_part(coloured: Path) -> None:
    encoder = make_encoder(ModelConfig(name=str(coloured / "first" / "model")), DataConfig())
    keep = (Keep("colours", str(coloured / "kept.jsonl")),)
    measure = MeasureConfig(keep=keep, abilities=("none",), dev_fraction=0.5, items=4)
    (ability,) = wanted_abilities(measure, DataConfig(), encoder, silent)
    assert (len(ability.items), len(ability.dev)) == (4, 4)
    assert {item.id for item in ability.items}.isdisjoint(item.id for item in ability.dev)
