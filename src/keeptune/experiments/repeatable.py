"""Whether a run can be made again, and what is no longer as it was."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from keeptune.abilities.declared import wanted_abilities
from keeptune.commands import command, joined
from keeptune.config.keep import HARNESS
from keeptune.config.schema import ModelConfig, TuneConfig
from keeptune.data.task_rows import EMBEDDED, rows_of_user
from keeptune.errors import StoreError
from keeptune.events import silent
from keeptune.models.computing import computing
from keeptune.models.find import find_model, hash_model
from keeptune.models.placement import place
from keeptune.records import RunManifest, TuneResult
from keeptune.scoring.custom import is_custom
from keeptune.scoring.table import plugins_of
from keeptune.training.new_session import new_session
from keeptune.training.resume import METRICS, REPLAYED, metric_files, row_hashes
from keeptune.training.session import Session
from keeptune.workspace.lineage import of_run
from keeptune.workspace.manifest import ModelFacts, make_manifest
from keeptune.workspace.run_entry import RunEntry
from keeptune.workspace.workspace import Workspace

WITHOUT_EFFECT = ("cores", "memory_gib", "system")
"""Facts of a machine that change no result by themselves."""


def refuse_other_verbs(entry: RunEntry) -> None:
    """Refuse what is no finished run of `tune`.

    Raises:
        StoreError: with the way to what can be had instead.
    """
    run = Workspace(Path(entry.path))
    if entry.kind == "study":
        trials = run.trials()
        fix = f"reproduce one of its runs: {command('reproduce', trials[0].path)}" if trials else "run it first"
        raise StoreError(f"{run} is a study, made of {len(trials)} runs", fix)
    if entry.state != "finished":
        told = entry.problem or "only a finished run can be compared with what comes out again"
        raise StoreError(f"{run} is {entry.state}: {told}", "finish it first, or name another run")
    if entry.kind != "tune":
        made = (run.result() if run.has_result else run.forgetting())["manifest"]
        verb = "rescue" if run.has_mitigation_search else entry.kind
        fix = "give its command again with another --output, and compare both with `keeptune runs compare`"
        raise StoreError(f"{run} is a run of {verb}, and only those of tune are trained again", f"{fix}: {_said(made)}")


def _said(manifest: Mapping[str, object]) -> str:
    words = manifest.get("command")
    return joined(map(str, words)) if isinstance(words, list) else "its command is not recorded"


def refuse_changed_inputs(config: TuneConfig, run: Workspace, result: TuneResult) -> None:
    """Compare the base, the rows, the declared items and the user's metrics with what the run recorded.

    Raises:
        StoreError: one of them is another now. DataError, ModelError: one is gone or cannot be read.
    """
    refuse_changed_base(config.model, run)
    kept = run.origin() if run.has_origin else {}
    with tempfile.TemporaryDirectory() as folder:
        session = new_session(config, Workspace(Path(folder)), silent)
        now = row_hashes(session) | {METRICS: metric_files(config)}
        changed = [role for role, value in now.items() if kept.get(role, value) != value]
        items = list(_changed_items(session, result))
    if items or changed != [REPLAYED]:
        # Rows of the task and declared items must not be replayed, so they are in its hash, too.
        changed = [role for role in changed if role != REPLAYED]
    files = dict.fromkeys([*items, *(file for role in changed for file in _files(config, role))])
    if EMBEDDED in files:
        was = result.manifest.versions.get("python", "another version")
        raise StoreError(f"{EMBEDDED} has other rows than for {run}", f"they are those of Python {was}: use that")
    if files:
        other = command("tune", config=run.settings_file, output=f"{run}-changed")
        fix = f"put back what was there; or train on what is there now: {other}"
        raise StoreError(f"{' and '.join(files)} changed since {run} was made", fix)


def refuse_changed_base(base: ModelConfig, run: Workspace) -> None:
    """Raise StoreError where `base`, from which the run started, holds other weights now."""
    kept = run.origin() if run.has_origin else {}
    started = run.started_from().get("model hash") or kept.get("model")
    if started and hash_model(find_model(of_run(base))) != started:
        raise StoreError(f"{base.name} holds other weights than {run} started from", "put them back as they were")


def _files(config: TuneConfig, role: str) -> tuple[str, ...]:
    """What a role's rows are read from, as the settings name it."""
    data, mitigation, keeps = config.data, config.mitigation, config.measure.keep
    metrics = [*config.evaluation.metrics, *(keep.metric or "" for keep in keeps)]
    replayed = [name for name in (*mitigation.replay, mitigation.self_replay_prompts) if name]
    named: Mapping[str, Sequence[str | None]] = {
        "train": [data.train],
        "validation": [data.train],
        "test": [data.test or data.train],
        REPLAYED: replayed or [keep.data for keep in keeps],
        METRICS: [name for name in metrics if is_custom(name) or plugins_of([name])],
    }
    return tuple(name for name in named[role] if name)


def _changed_items(session: Session, result: TuneResult) -> Iterator[str]:
    """Files of declared items whose rows are other ones than those that the run asked."""
    if result.forgetting is None:
        return
    config = session.config
    then = {report.name: report.version for report in result.forgetting.abilities}
    own = tuple(keep for keep in config.measure.keep if keep.data and not keep.data.startswith(HARNESS))
    measure = replace(config.measure, keep=own, abilities=("none",))
    asked = wanted_abilities(measure, rows_of_user(config.data), session.encoder, silent)
    for keep, ability in zip(own, asked, strict=True):
        if then.get(ability.name, ability.version) != ability.version:
            yield keep.data


def would_be_made(model: ModelConfig) -> RunManifest:
    """What would compute a run of this process."""
    placed = place(model.device, model.dtype)
    return make_manifest(
        ModelFacts(device=str(placed.device), dtype=placed.dtype_name, computing=computing(placed.device))
    )


def changed_between(then: RunManifest, now: RunManifest) -> dict[str, tuple[str, str]]:
    """What computed: package, processor, device, threads … → (then, now), where it is another. What an earlier version
    did not record is left out."""
    before, after = _computing(then), _computing(now)
    return {name: (value, after.get(name, "not there")) for name, value in before.items() if value != after.get(name)}


def _computing(manifest: RunManifest) -> dict[str, str]:
    named = {"keeptune": manifest.keeptune, "commit": manifest.commit or "none"}
    named |= {"device": manifest.device.partition(":")[0], "dtype": manifest.dtype, **manifest.versions}
    return named | {name: fact for name, fact in manifest.machine.items() if name not in WITHOUT_EFFECT}


def not_repeated(run: Workspace, result: TuneResult) -> list[str]:
    """What of the run depends on how fast it was, or is not made again."""
    config, made = run.tune_settings(), result.training
    found = []
    if (minutes := config.training.max_minutes) is not None:
        ended = "ended the training" if made.stopped_by == "max_minutes" else "may have shortened the schedule"
        found.append(f"a limit of {minutes:g} minutes {ended}: how far it comes depends on the machine's speed")
    if config.measure.minutes is not None:
        found.append(
            f"the abilities were evaluated for {config.measure.minutes:g} minutes: their items depend on speed"
        )
    if config.mitigation_search.auto:
        found.append(
            "the mitigation search is made again: it ends by time, so a slower machine may try fewer candidates"
        )
    if run.hyperparameter_search() is not None:
        found.append("lr and epochs are those that the hyperparameter search found; the search is not made again")
    if result.manifest.commit.endswith("+"):
        found.append("the source of keeptune was changed beyond its commit, and the change is not recorded")
    if "threads" not in result.manifest.machine:
        found.append("an earlier version made this run: its threads, processes and compiled blocks are not recorded")
    return found
