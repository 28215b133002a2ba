"""The tuned model of a run, where a model is named by its run folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from keeptune.config.schema import ModelConfig
from keeptune.errors import ConfigError
from keeptune.export.save import saved_tuned
from keeptune.models.find import refuse_missing
from keeptune.workspace.runs import CONFIG, FORGETTING, MITIGATION_SEARCH, read_json_object


def of_run(model: ModelConfig) -> ModelConfig:
    """The tuned model of a run, where `model` names a run folder; else `model` as it is."""
    path = Path(model.name).expanduser()
    if not (path / CONFIG).exists() or (path / "adapter_config.json").exists():
        return model
    tuned = saved_tuned(path) or _left_as_it_was(path)
    return model if tuned is None else dataclasses.replace(model, name=str(tuned))


def _left_as_it_was(run: Path) -> str | None:
    """The tuned model that a `rescue` was given, where it found nothing to change and so made no weights."""
    if not ((run / MITIGATION_SEARCH).exists() and (run / FORGETTING).exists()):
        return None
    name = read_json_object(run / FORGETTING, "name the tuned model itself").get("tuned_name")
    return name if isinstance(name, str) and Path(name).expanduser() != run else None


def base_of(tuned: str) -> str:
    """The base that a tuned model names itself: of a run of `tune`, or of an adapter; ``name@revision`` where it was
    one of the hub's revisions.

    Raises:
        ConfigError: it names none.
    """
    refuse_missing(tuned)
    path = Path(tuned).expanduser()
    for file, section, name in (
        (path / CONFIG, "model", "name"),
        (path / "adapter_config.json", None, "base_model_name_or_path"),
    ):
        if file.exists():
            told: Any = read_json_object(file, "name the base with --base")
            if section:
                told = told.get(section)
            base, revision = (told.get(name), told.get("revision")) if isinstance(told, dict) else (None, None)
            if isinstance(base, str) and base:
                of_hub = revision and not Path(base).expanduser().exists()
                return f"{base}@{revision}" if of_hub else base
    raise ConfigError(f"{tuned} does not tell what it was tuned from", "name the base with --base")
