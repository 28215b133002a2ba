"""From click's flags to settings."""

from __future__ import annotations

import json
from pathlib import Path

from keeptune.cli.settings import read_settings
from keeptune.config import DataConfig, ModelConfig, TuneConfig
from keeptune.workspace.layout import CONFIG
from keeptune.workspace.written import write_settings


def test_a_zero_that_is_given_counts(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("seed: 5\nfew_shot: 3\n")
    flags = {"seed": 0, "few_shot": 0, "validation_fraction": 0.0, "resume": False, "metric": (), "lr": None}
    settings = read_settings(str(file), flags)
    assert settings.training.seed == 0
    assert settings.evaluation.few_shot == 0
    assert settings.data.validation_fraction == 0
    assert settings.training.lr is None


def test_what_is_not_given_leaves_the_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("seed: 5\n")
    assert read_settings(str(file), {"seed": None, "metric": ()}).training.seed == 5


def test_a_run_that_is_resumed_keeps_what_flags_leave_out(tmp_path: Path) -> None:
    write_settings(tmp_path / CONFIG, TuneConfig(model=ModelConfig(name="mine"), data=DataConfig(train="old.csv")))
    flags = {"output": str(tmp_path), "resume": True, "train": "new.csv"}
    settings = read_settings(None, flags)
    assert (settings.model.name, settings.data.train) == ("mine", "new.csv")


def test_a_run_of_an_earlier_version_is_resumed_under_todays_names(tmp_path: Path) -> None:
    old = {
        "type": "TuneConfig",
        "training": {"type": "TrainingConfig", "search": 4},
        "mend": {"type": "MendConfig", "dial": 0.5},
    }
    (tmp_path / CONFIG).write_text(json.dumps(old))
    settings = read_settings(None, {"output": str(tmp_path), "resume": True})
    assert (settings.mitigation.interpolation, settings.training.hyperparameter_search) == (0.5, 4)
