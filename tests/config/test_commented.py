"""Settings as YAML for people are read back as the same settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from keeptune.config import Adapter, DataConfig, EvaluationConfig, Keep, MeasureConfig, ModelConfig, TrainingConfig
from keeptune.config.commented import Suggested, commented_yaml
from keeptune.config.load import load_config
from keeptune.config.schema import Full, TuneConfig

CONFIGS = {
    "defaults": TuneConfig(),
    "full": TuneConfig(method=Full()),
    "numbers": TuneConfig(
        method=Adapter("dora", rank=4, alpha=8),
        training=TrainingConfig(lr=1e-4, epochs=1.5, seed=3, token_budget=64),
        evaluation=EvaluationConfig(token_budget=128),
    ),
    "texts": TuneConfig(
        model=ModelConfig(name="org/model@main"),
        data=DataConfig(train="my rows.csv", prompt="a: {a b}\n\n# no\tcomment\x1b[31m", completion="no", system="1e3"),
    ),
    "directions": TuneConfig(data=DataConfig(train="rows\u202e.csv", prompt="{spalte ä} …", choices="ja,nein")),
    "keep": TuneConfig(measure=MeasureConfig(keep=(Keep("facts"), Keep("ner", "a:b.jsonl", "entity_f1", 2.0)))),
    "off": TuneConfig(data=DataConfig(drop_duplicates=False, skip_bad=True), output="runs/x"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_read_back(name: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    shown = {"model.name": Suggested(config.model.name, "the model", True), "training.epochs": Suggested(2.0, "passes")}
    file = tmp_path / "run.yaml"
    file.write_text(commented_yaml(("a head",), config, shown), encoding="utf-8")
    assert load_config(file, {}, methods=("lora", "dora"), metrics=("entity_f1",)) == config


def test_the_text() -> None:
    shown = {
        "model.name": Suggested("smollm2", "the model", True),
        "training.epochs": Suggested(2.0, "passes over the rows"),
        "measure.keep": Suggested(["facts"], "must not be lost"),
    }
    config = TuneConfig(measure=MeasureConfig(keep=(Keep("grammar"),)), training=TrainingConfig(seed=3))
    assert commented_yaml(("a head",), config, shown).splitlines() == [
        "# a head",
        "model: smollm2   # the model",
        "# epochs: 2.0    # passes over the rows",
        "keep: [grammar]  # must not be lost",
        "seed: 3          # Seed of the training; it does not affect the data split.",
    ]


def test_nothing_in_it_acts_on_a_terminal() -> None:
    text = commented_yaml((), CONFIGS["texts"], {}) + commented_yaml((), CONFIGS["directions"], {})
    assert not {"\x1b", "\u202e"} & set(text)
    assert "spalte ä" in commented_yaml((), TuneConfig(data=DataConfig(prompt="{spalte ä} …")), {})
