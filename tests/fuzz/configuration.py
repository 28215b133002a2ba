"""Settings: any YAML gives settings, or says what is wrong; what was read is written and read again as the same."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import yaml
from hypothesis import strategies as st

from keeptune.config.check import check_config
from keeptune.config.load import load_config
from keeptune.config.paths import with_absolute_paths
from keeptune.config.schema import TuneConfig
from keeptune.config.settings import ALIASES, FLAGS, FLAT, SETTINGS
from keeptune.config.yaml_dialect import Dumper
from keeptune.config.yaml_file import read_yaml
from keeptune.errors import ConfigError
from keeptune.records import from_plain, to_plain
from tests.fuzz.round_trips import CHARACTERS
from tests.fuzz.target import folder, of_bytes, of_values

GROUP = "configuration"
METHODS = ("lora", "dora", "rslora")
METRICS = ("rouge1", "exact_match", "token_loss")
_SEEDS = (
    "model: {name: m}\ndata: {train: a.jsonl, test: b.csv, choices: [a, b]}\ntraining:\n  lr: 1e-4\n  epochs: 2\n",
    "train: a.jsonl\nlr: 0.0001\nper_device_train_batch_size: 2\ngradient_accumulation_steps: 0o10\nmethod: full\n",
    "measure:\n  keep:\n    - facts:2\n    - {name: ner, data: x.csv, metric: rouge1, margin: 3.5}\n  fail_on: fail\n",
    "keep: &a [facts]\nmitigation: {kl: 0.1, extra: []}\noutput: run\nresume: false\nseed: 0x1F\n",
    "type: TuneConfig\nmend: {dial: 0.5}\nladder: {rungs: 3}\n# a comment\n? key\n: value\n",
    "evaluation: {metrics: [my.py:f, rouge1], max_new_tokens: 8}\nlimit_train: ~\ntext: |\n  more\n  lines\n",
)
_WORDS = (*sorted({key.split(".")[0] + ":" for key in SETTINGS}), *(f"{name}: " for name in FLAT), "&a ", "*a", "<<: ")


def _round_trips(config: TuneConfig) -> None:
    plain = json.loads(json.dumps(to_plain(config)))
    assert from_plain(TuneConfig, plain) == config
    check_config(config, METRICS)
    with_absolute_paths(config)
    file = folder("configuration") / "again.yaml"
    file.write_text(yaml.dump(plain, Dumper=Dumper, allow_unicode=True), encoding="utf-8")
    again = load_config(file, {}, methods=METHODS, metrics=METRICS)
    assert again == config, (again, config)


@of_bytes("YAML", GROUP, lambda: [seed.encode() for seed in _SEEDS], _WORDS)
def any_yaml(data: bytes) -> None:
    file = folder("configuration") / "given.yaml"
    file.write_bytes(data)
    with suppress(ConfigError):
        _round_trips(load_config(file, {}, methods=METHODS, metrics=METRICS))


TEXTS = st.text(CHARACTERS, max_size=10)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(("auto", "none", "1e-4", "0.5", "full"))
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=5
)
NAMES = st.sampled_from(sorted({*SETTINGS, *FLAT, *ALIASES, *(key.split(".")[0] for key in SETTINGS)}))


def _nested(settings: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        section, _, key = name.rpartition(".")
        inner = found.setdefault(section, {}) if section else found
        if isinstance(inner, dict):
            inner.setdefault(key, value)
    return found


@of_values("settings in a file", GROUP, st.dictionaries(NAMES, VALUES, min_size=1, max_size=4))
def in_a_file(settings: dict[str, Any]) -> None:
    file = folder("configuration") / "settings.yaml"
    file.write_text(yaml.dump(_nested(settings), Dumper=Dumper, allow_unicode=True), encoding="utf-8")
    with suppress(ConfigError):
        _round_trips(load_config(file, {}, methods=METHODS, metrics=METRICS))


OF_FLAGS = st.dictionaries(
    st.sampled_from(sorted(name.replace("-", "_") for name in FLAGS)),
    SCALARS | st.lists(TEXTS, max_size=2).map(tuple),
    max_size=4,
)


@of_values("settings as flags", GROUP, OF_FLAGS)
def as_flags(flags: dict[str, Any]) -> None:
    with suppress(ConfigError):
        _round_trips(load_config(None, flags, methods=METHODS, metrics=METRICS))


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=10),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@of_values("values written as YAML", GROUP, st.dictionaries(TEXTS, PLAIN, min_size=1, max_size=4))
def values_in_yaml(values: dict[str, Any]) -> None:
    """What is written in the dialect is read in it as the same."""
    file = folder("configuration") / "values.yaml"
    file.write_text(yaml.dump(values, Dumper=Dumper, allow_unicode=True), encoding="utf-8")
    assert {entry.path[0]: entry.value for entry in read_yaml(file)} == values
