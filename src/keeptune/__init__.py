"""keeptune fine-tunes a language model on one task, and tells what it gained and what it forgot.

>>> import keeptune
>>> config = keeptune.TuneConfig(data=keeptune.DataConfig(train="tickets.jsonl"))
>>> result = keeptune.tune(config)  # doctest: +SKIP
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from keeptune.version import __version__ as __version__

if TYPE_CHECKING:
    from keeptune.api.chat import Chat, open_chat
    from keeptune.api.check import check
    from keeptune.api.compare import compare
    from keeptune.api.curve import curve
    from keeptune.api.demo import demo
    from keeptune.api.doctor import doctor
    from keeptune.api.evaluate import evaluate
    from keeptune.api.export import export
    from keeptune.api.init import init
    from keeptune.api.load_config import load_config
    from keeptune.api.measure import measure
    from keeptune.api.mix import mix
    from keeptune.api.predict import predict
    from keeptune.api.reproduce import reproduce
    from keeptune.api.rescue import rescue
    from keeptune.api.route import Router, open_router
    from keeptune.api.runs import RunFilter, compare_runs, delete_run, find_run, runs
    from keeptune.api.serve import Server, ServeSettings, open_server
    from keeptune.api.tune import tune
    from keeptune.api.ui import Ui, open_ui
    from keeptune.bridges.forgetting_callback import ForgettingCallback
    from keeptune.bridges.trackers import tracked
    from keeptune.config.schema import (
        Adapter,
        DataConfig,
        EvaluationConfig,
        Full,
        Keep,
        MeasureConfig,
        MeasureRun,
        MitigationConfig,
        MitigationSearchConfig,
        ModelConfig,
        TrainingConfig,
        TuneConfig,
    )
    from keeptune.config.sections.export import ExportConfig
    from keeptune.data.check_report import CheckReport
    from keeptune.data.first_look import FirstLook
    from keeptune.data.mix.recipe import MixRecipe, MixSource
    from keeptune.data.mix.report import MixReport
    from keeptune.errors import KeeptuneError
    from keeptune.events import Event, Observer, silent
    from keeptune.records import (
        AbilityReport,
        Comparison,
        EvalRecord,
        EvalResult,
        Example,
        ExportReport,
        Finding,
        ForgettingReport,
        Health,
        Interval,
        LearningCurve,
        MethodComparison,
        Reproduction,
        TuneResult,
        Undefined,
    )
    from keeptune.workspace.run_entry import RunEntry


# Read when torch loads OpenMP, whose threads by default spin while they wait for each other: beside two other busy
# processes on two cores, a small model then computes 30 times slower than where they sleep.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

_HOMES = {
    "keeptune.api.chat": ("Chat", "open_chat"),
    "keeptune.api.check": ("check",),
    "keeptune.api.compare": ("compare",),
    "keeptune.api.curve": ("curve",),
    "keeptune.api.demo": ("demo",),
    "keeptune.api.doctor": ("doctor",),
    "keeptune.api.evaluate": ("evaluate",),
    "keeptune.api.export": ("export",),
    "keeptune.api.init": ("init",),
    "keeptune.api.load_config": ("load_config",),
    "keeptune.api.measure": ("measure",),
    "keeptune.api.mix": ("mix",),
    "keeptune.api.predict": ("predict",),
    "keeptune.api.reproduce": ("reproduce",),
    "keeptune.api.rescue": ("rescue",),
    "keeptune.api.route": ("Router", "open_router"),
    "keeptune.api.runs": ("RunFilter", "compare_runs", "delete_run", "find_run", "runs"),
    "keeptune.api.serve": ("ServeSettings", "Server", "open_server"),
    "keeptune.api.tune": ("tune",),
    "keeptune.api.ui": ("Ui", "open_ui"),
    "keeptune.config.sections.export": ("ExportConfig",),
    "keeptune.bridges.forgetting_callback": ("ForgettingCallback",),
    "keeptune.bridges.trackers": ("tracked",),
    "keeptune.config.schema": (
        "Adapter",
        "DataConfig",
        "EvaluationConfig",
        "Full",
        "Keep",
        "MitigationSearchConfig",
        "MeasureConfig",
        "MeasureRun",
        "MitigationConfig",
        "ModelConfig",
        "TrainingConfig",
        "TuneConfig",
    ),
    "keeptune.data.check_report": ("CheckReport",),
    "keeptune.data.first_look": ("FirstLook",),
    "keeptune.data.mix.recipe": ("MixRecipe", "MixSource"),
    "keeptune.data.mix.report": ("MixReport",),
    "keeptune.errors": ("KeeptuneError",),
    "keeptune.events": ("Event", "Observer", "silent"),
    "keeptune.records": (
        "AbilityReport",
        "Comparison",
        "EvalRecord",
        "EvalResult",
        "Example",
        "ExportReport",
        "Finding",
        "ForgettingReport",
        "Health",
        "Interval",
        "LearningCurve",
        "MethodComparison",
        "Reproduction",
        "TuneResult",
        "Undefined",
    ),
    "keeptune.workspace.run_entry": ("RunEntry",),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022
    "tune",
    "demo",
    "init",
    "check",
    "mix",
    "measure",
    "rescue",
    "open_router",
    "Router",
    "compare",
    "evaluate",
    "predict",
    "open_chat",
    "Chat",
    "open_server",
    "Server",
    "ServeSettings",
    "open_ui",
    "Ui",
    "curve",
    "export",
    "reproduce",
    "runs",
    "find_run",
    "compare_runs",
    "delete_run",
    "RunFilter",
    "doctor",
    "ForgettingCallback",
    "tracked",
    "load_config",
    "TuneConfig",
    "ModelConfig",
    "DataConfig",
    "Adapter",
    "Full",
    "TrainingConfig",
    "EvaluationConfig",
    "MitigationSearchConfig",
    "MeasureConfig",
    "MeasureRun",
    "MitigationConfig",
    "ExportConfig",
    "Keep",
    "MixRecipe",
    "MixSource",
    "MixReport",
    "TuneResult",
    "EvalResult",
    "ForgettingReport",
    "AbilityReport",
    "MethodComparison",
    "ExportReport",
    "Reproduction",
    "CheckReport",
    "FirstLook",
    "Health",
    "Finding",
    "LearningCurve",
    "Comparison",
    "Interval",
    "Undefined",
    "EvalRecord",
    "RunEntry",
    "Example",
    "Event",
    "Observer",
    "silent",
    "KeeptuneError",
]


def __getattr__(name: str) -> object:
    """Public names are imported when first used: `import keeptune` alone is quick."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'keeptune' has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
