"""Resuming a run: the same settings, model and rows, or an error."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from keeptune.config.affects import Affects, affecting, affects, fixed, leaves
from keeptune.config.paths import with_absolute_paths
from keeptune.config.schema import TuneConfig
from keeptune.errors import StoreError
from keeptune.events import silent
from keeptune.mitigation.active import adds_learned_rows, packages, uses_reference, without_after_training
from keeptune.models.find import find_model, hash_model
from keeptune.models.placement import place
from keeptune.near_paths import expanded
from keeptune.records import Example, to_plain
from keeptune.scoring.custom import is_custom
from keeptune.scoring.table import plugins_of
from keeptune.training.replay_data import guarded_items, replay_data
from keeptune.training.session import Session
from keeptune.version import __version__
from keeptune.workspace.hashing import hash_files, hash_value
from keeptune.workspace.workspace import Workspace

Settings = TypeVar("Settings", bound=Any)
METRICS = "metric files"
"""Key in `Workspace.origin`: a hash of the files of the user's own metrics."""
REPLAYED = "replayed"
"""Key in it: a hash of what may be replayed, and of what must not be."""
OPEN = "left open"
"""Key in it: the settings that were not given."""
TRAINED_ON = ("train", "validation", REPLAYED, "model", "settings")
"""Keys in it that decide the weights. Test rows do not."""
AS_IT_ENDED = (Affects.INPUT, Affects.ANSWERS, Affects.VERDICT, Affects.BUDGET)
"""Settings that a run records as they were at its end."""
FIX = "resume with the same ones, or start a new run in another --output"


def check_origin(session: Session) -> None:
    """Write the origin of a new run, or compare it for a resumed run.

    Raises:
        StoreError: the run was started with other settings, another model or other rows that decide its weights, or
            the file that says so is gone.
    """
    config, run = session.config, session.workspace
    if run.has_settings and not run.has_origin and (run.has_training or run.checkpoints()):
        raise StoreError(
            f"{run.origin_file}, which records what the run was started with, is missing",
            "put it back, or start a new run in another --output",
        )
    made_of = row_hashes(session) | {"model": hash_model(find_model(config.model))}
    if not (run.has_origin and run.has_settings):
        left_open = [name for name, value in leaves(to_plain(config)) if value is None]
        made = {"settings": _training_hash(config), METRICS: metric_files(config), OPEN: left_open}
        run.write_origin({**made_of, **made})
    if run.has_settings:
        refuse_other_settings(config, run)
    kept = run.origin()
    changed = [name for name in TRAINED_ON if name in made_of and name in kept and kept[name] != made_of[name]]
    if changed == ["model"]:
        raise StoreError(f"{run} was started with other weights than {config.model.name} holds now", FIX)
    if changed:
        roles = " and ".join(
            "replayed or declared" if name == REPLAYED else name for name in changed if name != "model"
        )
        raise StoreError(f"{run} was started with other {roles} rows", FIX)


def row_hashes(session: Session) -> dict[str, str]:
    """Role → hash of its rows, as the origin of a run holds them."""
    return session.rows.hashes() | _replayed(session)


def metric_files(config: TuneConfig) -> str:
    """A hash of the files of the user's metrics and of the versions of plugins; "" without any."""
    names = [*config.evaluation.metrics, *(keep.metric or "" for keep in config.measure.keep)]
    files = {expanded(name.rpartition(":")[0]) for name in names if is_custom(name)}
    of_files = hash_files(file for file in files if file.is_file()) if files else ""
    plugins = plugins_of(names)
    return hash_value([of_files, plugins]) if plugins else of_files


def _replayed(session: Session) -> dict[str, str]:
    """A hash of what may be replayed, what must not be, and which prompts the base answers: weights that were trained
    before an ability was declared may have learned its items."""
    guarded = guarded_items(session)
    if not (guarded or adds_learned_rows(session.config)):
        return {}
    sources, prompts, forbidden = replay_data(replace(session, observer=silent))
    asked = {hash_value(each) for examples in forbidden for each in _without_place(examples)}
    replayed = [_without_place(examples) for examples in sources]
    answered = [_without_place(examples) for examples in guarded]
    return {REPLAYED: hash_value([replayed, _without_place(prompts), sorted(asked), answered])}


def _without_place(examples: Sequence[Example]) -> list[Example]:
    """For a hash: a row's path may be relative in one start and absolute in the next."""
    return [replace(example, source="") for example in examples]


def keep_training_origin(session: Session) -> None:
    """Write the settings that decide the weights as they are now: a resumed run may have another time limit."""
    kept = session.workspace.origin()
    session.workspace.write_origin({**kept, "settings": _training_hash(_left_open(session.config, kept.get(OPEN, ())))})


def keep_measured_settings(session: Session) -> None:
    """Write the settings of the evaluation and the limits of time as they are now: a resumed run may have others than
    it started with."""
    config, run = session.config, session.workspace
    kept, given = run.settings(), to_plain(with_absolute_paths(config))
    for name, _ in list(leaves(given)):
        section, _, field = name.rpartition(".")
        if section and affects(name) in AS_IT_ENDED:
            kept[section][field] = given[section][field]
    run.write_settings(kept)
    run.write_origin({**run.origin(), "test": session.rows.hashes()["test"], METRICS: metric_files(config)})


def _left_open(given: Settings, names: Collection[str], prefix: str = "") -> Settings:
    """`given` before these settings were filled in."""
    changes: dict[str, Any] = {}
    for field in fields(given):
        name, value = prefix + field.name, getattr(given, field.name)
        if is_dataclass(value):
            changes[field.name] = _left_open(value, names, f"{name}.")
        elif name in names:
            changes[field.name] = None
    return replace(given, **changes)


def deciding_weights(config: TuneConfig) -> dict[str, Any]:
    """Name → value of the settings that decide the weights."""
    found = affecting(config, *fixed(config) - {Affects.CHOICE})
    if config.mitigation.extra:
        found |= {"packages of mitigations": packages(config)}
    if Affects.ANSWERS in fixed(config):
        # A metric's file is the same by any path.
        found |= {METRICS: metric_files(config), "evaluation.metrics": [_name(m) for m in config.evaluation.metrics]}
    return found


def _name(metric: str) -> str:
    return metric.rpartition("/")[2]


def _training_hash(config: TuneConfig) -> str:
    """A hash of what decides the training, before any default is filled in: runs that agree in it and in their rows
    have the same weights, up to rounding and what changes them after the training."""
    whole_change = without_after_training(config)
    mitigation, placed = config.mitigation, place(config.model.device, config.model.dtype)
    starts = [hash_model(find_model(config.model))]
    if mitigation.reference and uses_reference(config):
        starts.append(hash_model(find_model(replace(config.model, name=mitigation.reference, revision=None))))
    return hash_value(
        [
            __version__,
            *starts,
            placed.device.type,
            placed.dtype_name,
            deciding_weights(whole_change),
            config.training.max_minutes,
        ]
    )


def with_kept_settings(config: TuneConfig) -> TuneConfig:
    """`config`; in a resumed run, settings that are not given now keep their value from the start.

    Raises:
        StoreError: the settings cannot be read, or are not those of a training.
    """
    run = Workspace(expanded(config.output))
    if not (config.resume and config.output and run.has_settings):
        return config
    open_then = set(open_in(run) or ())
    kept = run.tune_settings()
    repaired = not kept.mitigation_search.auto and run.has_mitigation_search
    if repaired or run.is_study:
        verb = "rescue" if repaired else "compare or curve"
        raise StoreError(f"{run} is a run of {verb}, not a training", f"resume it by keeptune {verb}, or name another")
    return _filled(config, kept, open_then, fixed(config) | {Affects.INPUT})


def _filled(
    given: Settings, kept: Settings, open_then: set[str], filled: Collection[Affects], prefix: str = ""
) -> Settings:
    changes: dict[str, Any] = {}
    for field in fields(given):
        name, value, known = prefix + field.name, getattr(given, field.name), getattr(kept, field.name)
        if is_dataclass(value) and type(value) is type(known):
            changes[field.name] = _filled(value, known, open_then, filled, f"{name}.")
        elif value is None and name not in open_then and affects(name) in filled:
            changes[field.name] = known
    return replace(given, **changes)


def open_in(run: Workspace) -> Collection[str] | None:
    """The settings that were not given when `run` started; None if the run did not record them."""
    return run.origin().get(OPEN) if run.has_origin else None


def refuse_other_settings(
    config: TuneConfig, run: Workspace, open_then: Collection[str] | None = None, also: Collection[Affects] = ()
) -> None:
    """Compare with the settings that `run` was started with. Settings that are not given now may differ.

    Args:
        open_then: the settings that were not given at the start. Where it is given, a setting that was given then must
            be given now.
        also: which settings must be the same beside those that decide the weights.

    Raises:
        StoreError: a setting differs.
    """
    kept = dict(leaves(run.settings()))
    compared = affecting(with_absolute_paths(config), *fixed(config), *also)
    given = {name: value for name, value in json.loads(json.dumps(compared)).items() if name in kept}
    changed = [
        f"{name} was {kept[name]!r} and is now {value!r}"
        for name, value in given.items()
        # Settings that are not given now were filled in when the run started.
        if value is not None and value != kept[name]
    ]
    if open_then is not None:
        changed += [
            f"{name} was {kept[name]!r} and is now left out"
            for name, value in given.items()
            if value is None and kept[name] is not None and name not in open_then
        ]
    if changed:
        raise StoreError(f"{run} was started with other settings: {'; '.join(changed[:3])}", FIX)
