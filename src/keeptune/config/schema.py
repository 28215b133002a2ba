"""Every setting of a run, as frozen dataclasses.

The caller (`config.load`) passes the known methods and metrics, so that this package imports no higher layer.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from keeptune.config.aliases import also, resumed
from keeptune.config.canonical import Canonical
from keeptune.config.sections.data import DataConfig, LossOn, TooLong
from keeptune.config.sections.measure import EvaluationConfig, Extent, Keep, MeasureConfig
from keeptune.config.sections.mitigation import KlOn, MitigationConfig, MitigationSearchConfig, TokenWeights
from keeptune.config.sections.model import DeviceName, DtypeName, ModelConfig, QuantizationName
from keeptune.config.sections.training import Adapter, Full, Method, MetricWhen, OptimizerName, TrainingConfig
from keeptune.config.setting import Affects, section, setting

__all__ = [
    "Adapter",
    "DataConfig",
    "DeviceName",
    "DtypeName",
    "EvaluationConfig",
    "Extent",
    "Full",
    "Keep",
    "KlOn",
    "LossOn",
    "MeasureConfig",
    "MeasureRun",
    "Method",
    "MetricWhen",
    "MitigationConfig",
    "MitigationSearchConfig",
    "ModelConfig",
    "OptimizerName",
    "QuantizationName",
    "TokenWeights",
    "TooLong",
    "TrainingConfig",
    "TuneConfig",
]


@dataclass(frozen=True, slots=True)
class TuneConfig(Canonical):
    """A whole `tune` run."""

    model: ModelConfig = section(ModelConfig, "running")
    data: DataConfig = section(DataConfig, "task")
    method: Method = section(Adapter, "training")
    training: TrainingConfig = section(TrainingConfig, "training")
    evaluation: EvaluationConfig = section(EvaluationConfig, "measuring")
    measure: MeasureConfig = section(MeasureConfig, "measuring")
    mitigation: MitigationConfig = section(MitigationConfig, "keeping")
    mitigation_search: MitigationSearchConfig = section(MitigationSearchConfig, "keeping")
    output: str = setting(
        "",
        Affects.NOTHING,
        "Run folder.",
        more="The default is the first free `runs/<task>-<method>-<n>`.",
        unset="a new folder in runs/",
        metavar="FOLDER",
        group="start",
        aliases=also("output_dir"),
    )
    resume: bool = setting(
        False, Affects.NOTHING, "Resume the unfinished run in --output.", aliases={"resume_from_checkpoint": resumed}
    )


@dataclass(frozen=True, slots=True)
class MeasureRun(Canonical):
    """A whole `measure` run: two existing models, made by any tool."""

    base: ModelConfig
    tuned: ModelConfig
    data: DataConfig = field(default_factory=DataConfig)
    """`test`: items of the tuned task, for the gain and for intrusion; optional."""
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    output: str = ""
    """Run folder. Empty: the first free ``runs/measure-<tuned>-<n>``."""
