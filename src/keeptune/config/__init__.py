"""Settings: the schema, and reading it from YAML and flags."""

from keeptune.config.schema import (
    Adapter,
    DataConfig,
    EvaluationConfig,
    Full,
    Method,
    ModelConfig,
    TrainingConfig,
    TuneConfig,
)

__all__ = [
    "Adapter",
    "DataConfig",
    "EvaluationConfig",
    "Full",
    "Method",
    "ModelConfig",
    "TrainingConfig",
    "TuneConfig",
]
