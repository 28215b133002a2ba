"""Find the origin of a model: its run, and the base from which it was tuned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

from keeptune.config.check import check_sections
from keeptune.config.keep import HARNESS
from keeptune.config.schema import ModelConfig, QuantizationName
from keeptune.errors import ConfigError, StoreError
from keeptune.near_paths import expanded
from keeptune.scoring.custom import is_custom
from keeptune.workspace.json_file import read_json_object
from keeptune.workspace.layout import ADAPTER_CONFIG, TASK_FORMAT
from keeptune.workspace.workspace import Workspace

NAME_BASE = "name the base with --base"


def is_adapter(folder: Path) -> bool:
    """Whether this folder is an adapter in PEFT's layout."""
    return (folder / ADAPTER_CONFIG).exists()


def of_run(model: ModelConfig) -> ModelConfig:
    """The tuned model of a run, as it was scored, if `model` is a run folder; otherwise `model`.

    Raises:
        ConfigError: a setting of `model` that cannot be. StoreError: a run that was scored in a way not known here.
    """
    check_sections({"model": model}, ())
    run = Workspace(expanded(model.name))
    if not run.has_settings or is_adapter(run.path):
        return model
    tuned = run.weights or _left_as_it_was(run)
    if tuned is None:
        return model
    held = model.quantization if model.quantization != "none" else _quantization(run)
    return replace(model, name=str(tuned), quantization=held)


def _quantization(run: Workspace) -> QuantizationName:
    """In what the base was held when the run's adapter was trained and scored."""
    model = run.settings(NAME_BASE).get("model")
    named = model.get("quantization", "none") if isinstance(model, dict) else "none"
    known: tuple[QuantizationName, ...] = get_args(QuantizationName)
    for each in known:
        if each == named:
            return each
    raise StoreError(f"{run} was trained on a base in {named!r}, which is not known here", "pip install -U keeptune")


def _left_as_it_was(run: Workspace) -> str | None:
    """The input model of a `rescue` that changed nothing and so has no weights."""
    if not (run.has_mitigation_search and run.has_forgetting):
        return None
    name = run.forgetting().get("tuned_name")
    return name if isinstance(name, str) and expanded(name) != run.path else None


def run_of(model: ModelConfig) -> Workspace | None:
    """The finished `tune` that made this model, if the model is still in that run's folder."""
    path = expanded(model.name)
    runs = (Workspace(path), Workspace(path.parent))
    return next((run for run in runs if run.has_training and run.has_settings and run.has_result), None)


def base_of(tuned: str) -> str:
    """The base that a tuned model names itself: of a run of `tune`, or of an adapter; ``name@revision`` where it was
    one of the hub's revisions.

    Raises:
        ConfigError: it names none. StoreError: what names it cannot be read.
    """
    path = expanded(tuned)
    run, adapter = Workspace(path), path / ADAPTER_CONFIG
    named = []
    if run.has_settings:
        model = run.settings(NAME_BASE).get("model")
        named.append((model.get("name"), model.get("revision")) if isinstance(model, dict) else (None, None))
    if adapter.exists():
        settings = read_json_object(adapter, NAME_BASE)
        named.append((settings.get("base_model_name_or_path"), settings.get("revision")))
    for base, revision in named:
        if isinstance(base, str) and base:
            of_hub = revision and not expanded(base).exists()
            return f"{base}@{revision}" if of_hub else base
    raise ConfigError(f"{tuned} does not name the model it was tuned from", NAME_BASE)


def code_named_by(settings: Mapping[str, Any]) -> dict[str, str]:
    """Flag → what it names in settings by which code of others would run: a metric's file, a task file of
    lm-evaluation-harness, pickles, a model's own code."""
    evaluation, model, measure = (_section(settings, name) for name in ("evaluation", "model", "measure"))
    found = {f"allow_{what}": f"allow_{what}" for what in ("pickle", "remote_code") if model.get(f"allow_{what}")}
    metrics = [str(metric) for metric in evaluation.get("metrics") or () if is_custom(str(metric))]
    keeps = [keep for keep in measure.get("keep") or () if isinstance(keep, dict)]
    named = [str(keep.get("metric")) for keep in keeps if is_custom(str(keep.get("metric")))]
    tasks = [str(keep["data"]) for keep in keeps if str(keep.get("data")).startswith(HARNESS)]
    named += [task for task in tasks if "/" in task or Path(task.removeprefix(HARNESS)).exists()]
    return found | {flag: each[0] for flag, each in (("metric", metrics), ("keep", named)) if each}


def _section(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = settings.get(name)
    return section if isinstance(section, Mapping) else {}


def task_format_of(weights: Path) -> tuple[dict[str, Any], Path] | None:
    """How rows became prompts when these weights were trained, and the file that tells it: beside the weights, or the
    settings of the run around them."""
    file, run = weights / TASK_FORMAT, Workspace(weights.parent)
    if file.exists():
        return read_json_object(file, "delete it"), file
    if weights not in run.weight_folders or not run.has_settings:
        return None
    try:
        plain = run.settings()
    except StoreError:
        return None
    data = plain.get("data") if plain.get("type") == "TuneConfig" else None
    return (data, run.settings_file) if isinstance(data, dict) else None
