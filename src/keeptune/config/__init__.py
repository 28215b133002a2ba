"""Settings: the schema, and reading it from YAML and flags."""

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
