"""Settings: their schema, and how they are read from YAML and flags."""

from keeptune.config.schema import (
    Adapter,
    DataConfig,
    EvaluationConfig,
    Full,
    Keep,
    MeasureConfig,
    MeasureRun,
    Method,
    MitigationConfig,
    MitigationSearchConfig,
    ModelConfig,
    TrainingConfig,
    TuneConfig,
)

__all__ = [
    "Adapter",
    "DataConfig",
    "EvaluationConfig",
    "Full",
    "Keep",
    "MeasureConfig",
    "MeasureRun",
    "Method",
    "MitigationConfig",
    "MitigationSearchConfig",
    "ModelConfig",
    "TrainingConfig",
    "TuneConfig",
]
