"""Compare two finished runs of lm-evaluation-harness item by item. No model is loaded."""

from __future__ import annotations

from keeptune.assessment.harness_tasks import declared
from keeptune.assessment.report import with_drift_history, write_report
from keeptune.assessment.verdict_pass import confidence_of
from keeptune.config.schema import Keep, MeasureRun
from keeptune.data.lm_eval_log import read_lm_eval_log
from keeptune.data.lm_eval_task import same_ability
from keeptune.errors import ConfigError, DataError
from keeptune.events import Notice, Observer
from keeptune.forgetting.confusion import confuse
from keeptune.forgetting.gate import decide
from keeptune.forgetting.verdict import judge
from keeptune.near_paths import expanded
from keeptune.records import SCHEMA_VERSION, Ability, ForgettingReport, Undefined, to_plain
from keeptune.workspace.manifest import ModelFacts, make_manifest
from keeptune.workspace.workspace import Workspace

NO_MODEL = Undefined("two logs were compared; no model was evaluated")


def is_log(name: str) -> bool:
    """Whether this is a samples file of the harness, or a folder with one."""
    path = expanded(name)
    if path.is_dir():
        return not (path / "config.json").exists() and any(path.rglob("samples_*.jsonl"))
    return path.suffix == ".jsonl"


def measure_logs(config: MeasureRun, run: Workspace, notices: list[str], observer: Observer) -> ForgettingReport:
    """The report on the tasks in both logs. `keep` declares tasks by their names.

    Raises:
        DataError: an unusable log, or no task in both. ConfigError: a declared task that is in neither log.
        PairingError: the logs differ in their documents or in the version of a task.
        MetricError: a task without a metric in both logs.
    """
    base, tuned = (read_lm_eval_log(expanded(model.name)) for model in (config.base, config.tuned))
    shared = [task for task in base if task in tuned]
    if not shared:
        raise DataError(
            f"the logs share no task: {', '.join(base)} and {', '.join(tuned)}", "log both runs of the same tasks"
        )
    left = sorted((set(base) | set(tuned)) - set(shared))
    if left:
        observer(Notice("tasks", f"in one log only, and left out: {', '.join(left)}"))
    keeps = {keep.name: keep for keep in config.measure.keep}
    for name in keeps:
        if name not in shared:
            raise ConfigError(f"there is no task {name!r} in both logs", f"they share: {', '.join(shared)}")
    abilities = [_ability(base[task].ability, tuned[task].ability, keeps.get(task)) for task in shared]
    answered = {task: (base[task].records, tuned[task].records) for task in shared}
    fail_on = () if config.measure.fail_on == ("none",) else config.measure.fail_on
    confidence = confidence_of(config.measure, abilities, observer)
    reports = [judge(ability, *answered[ability.name], confidence=confidence) for ability in abilities]
    decision = decide(reports, fail_on, confidence.alpha)
    confusions = [confuse(ability.name, *answered[ability.name], ability.metrics[0]) for ability in abilities]
    report = ForgettingReport(
        schema_version=SCHEMA_VERSION,
        path=str(run),
        base_name=config.base.name,
        tuned_name=config.tuned.name,
        task=None,
        abilities=decision.abilities,
        gate=decision.gate,
        fail_on=fail_on,
        sentences=decision.sentences,
        intrusion=NO_MODEL,
        confusions=tuple(confusion for confusion in confusions if confusion is not None),
        drift=NO_MODEL,
        drift_history="",
        notices=tuple(dict.fromkeys(notices)),
        config={"measure": to_plain(config.measure)},
        manifest=make_manifest(ModelFacts(f"{config.base.name} → {config.tuned.name}")),
    )
    report = with_drift_history(report, run, observer)
    write_report(report, answered, None, run)
    return report


def refuse_asking(config: MeasureRun) -> None:
    """Raise ConfigError if a setting for evaluating models is given along with two logs."""
    measure = config.measure
    asks = {
        "--test": config.data.test,
        "--quick": measure.extent == "quick",
        "--abilities": measure.abilities,
        "--items": measure.items,
        "--max-minutes": measure.minutes,
        "--probe": measure.probe,
    }
    given = [flag for flag, value in asks.items() if value]
    if given:
        raise ConfigError(
            f"{', '.join(given)}: two logs are compared as they are, without evaluating a model",
            "leave that out, or give the two models",
        )


def _ability(base: Ability, tuned: Ability, keep: Keep | None) -> Ability:
    ability = same_ability(base, tuned)
    return ability if keep is None else declared(ability, keep, ability.name)
