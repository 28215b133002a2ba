"""Freezing: the lowest layers stay the base's (`models.freeze`). An adapter is not put on them when it is attached."""

from __future__ import annotations

from typing import Any

from keeptune.config.schema import Full, TuneConfig
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer
from keeptune.mitigation.methods.adapters import adapter_method
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.models.freeze import freeze_lowest
from keeptune.models.load import LoadedModel


def _unfit(_share: Any, config: TuneConfig) -> ConfigError | None:
    method = adapter_method(config)
    if method is None or method.targets_modules:
        return None
    return ConfigError(
        f"--freeze leaves layers out, and --method {method.name} cannot",
        "use --method lora or another, or leave --freeze out",
    )


def _freeze(share: float, loaded: LoadedModel, config: TuneConfig, observer: Observer) -> None:
    if isinstance(config.method, Full):
        frozen = freeze_lowest(loaded, share)
        observer(Notice("freeze", f"{len(frozen.layers)} layers and the embeddings, {frozen.weights:,} weights, stay"))


@MITIGATIONS.register("freeze")
def freeze() -> Mitigation:
    """The value is the share of the layers, from the lowest, that are not trained."""
    return Mitigation(
        cost="a cheaper training",
        default=0.5,
        setting="mitigation.freeze",
        in_percent=True,
        unfit=_unfit,
        before_training=_freeze,
    )
