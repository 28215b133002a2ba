"""Expressions that name an adapter's modules are tried before peft matches them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keeptune.errors import ModelError
from keeptune.models import module_patterns
from keeptune.models.load import load_model
from keeptune.models.module_patterns import refuse_endless_patterns
from tests.models.bad_models import _adapter, _edit

NAMES = [f"model.layers.{n}.self_attn.{'q' * 40}_proj" for n in range(4)]
ENDLESS = r"(model|\w|\.)*(\w+)+!"


@pytest.mark.parametrize(
    "config",
    [
        {"target_modules": ENDLESS},
        {"target_modules": ["q_proj"], "rank_pattern": {r"(\w|\w\w)*!": 4}},
        {"target_modules": "all-linear", "exclude_modules": ENDLESS},
        {"target_modules": ["q_proj"], "modules_to_save": [r"(\w|\w\w)*!"]},
    ],
)
def test_one_without_end_is_refused(config: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_patterns, "SECONDS", 0.7)
    with pytest.raises(ModelError, match="adapter_config"):
        refuse_endless_patterns(config, NAMES, "mine")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"target_modules": ["q_proj", "v_proj"], "rank_pattern": {}, "layers_pattern": None},
        {"target_modules": r".*\.(q_proj|v_proj)$", "rank_pattern": {r"layers\.0\..*": 4}},
        {"target_modules": "(", "modules_to_save": 7},
    ],
)
def test_others_pass(config: dict[str, Any]) -> None:
    refuse_endless_patterns(config, NAMES, "mine")


def test_it_is_refused_where_the_adapter_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module_patterns, "SECONDS", 0.7)
    config = _adapter(_edit("adapter_config.json", target_modules=ENDLESS))(tmp_path)
    with pytest.raises(ModelError, match="more than"):
        load_model(config)
