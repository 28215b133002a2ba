"""The commands of `benchmarks/keeping_candidates.py`: each asks for its candidate, and for nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
from keeping_candidates import CANDIDATES, command
from keeptune.cli.settings import read_settings
from keeptune.cli.tune import command as tune
from keeptune.config import TuneConfig
from keeptune.mitigation.active import active
from keeptune.mitigation.default import with_default_mitigation
from keeptune.mitigation.fit import unfit

ACTIVE = {
    "talr": {"full", "token-weights"},
    "stm": {"full", "token-weights"},
    "dft": {"full", "token-weights"},
    "asft": {"full", "token-weights", "kl-task"},
    "smaller": {"full", "smaller"},
    "lora": {"lora"},
    "intruders": {"lora", "intruders"},
    "lora-mlp": {"lora"},
    "osf": {"osf"},
    "full": {"full"},
}
"""Candidate → its mitigations; of the others, full tuning and the one of its name."""


def settings(name: str) -> TuneConfig:
    words = command(name, "base", Path("rows"))
    with tune.make_context("tune", words[1:]) as context:
        given = {key: value for key, value in context.params.items() if key not in ("config", "quiet", "as_json")}
        return read_settings(None, given)


@pytest.mark.parametrize("name", CANDIDATES)
def test_each_command_is_its_candidate_alone(name: str) -> None:
    config = settings(name)
    assert unfit(config) is None
    assert with_default_mitigation(config) == config
    assert {mitigation.name for mitigation, _ in active(config)} == ACTIVE.get(name, {"full", name})
    assert config.model.name == "base"
    assert config.training.seed == 0


def test_lora_on_the_mlp_alone() -> None:
    config = settings("lora-mlp")
    assert (config.method.kind, config.training.weight_decay) == ("lora", 0.3)
    assert config.method.target_modules == "gate_proj,up_proj,down_proj"  # type: ignore[union-attr]
