"""Interpolation: after the training, a share α of the change is kept, W₀ + α (W − W₀).

Wortsman et al. 2022, arXiv:2109.01903.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from keeptune.config.schema import TuneConfig
from keeptune.errors import ConfigError
from keeptune.exports.save_interpolated import save_interpolated
from keeptune.mitigation.methods.adapters import adapter_method
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.models.interpolation import scales
from keeptune.models.layer_alphas import Alpha
from keeptune.models.load import load_model
from keeptune.models.weight_files import ADAPTER_CONFIG, read_json
from keeptune.workspace.workspace import Workspace


def unfit_of_scaling(flag: str) -> Callable[[Any, TuneConfig], ConfigError | None]:
    """Why a change of weights cannot be scaled after the training: there is none."""

    def unfit(_alpha: Any, config: TuneConfig) -> ConfigError | None:
        method = adapter_method(config)
        if method is None or method.mergeable:
            return None
        return ConfigError(
            f"{flag} scales a change of weights, and --method {method.name} changes none",
            f"use --method lora or another, or leave {flag} out",
        )

    return unfit


def interpolate(alpha: Alpha, config: TuneConfig, tuned: Path, run: Workspace) -> None:
    """Write the weights at `alpha` to `run`.

    Args:
        tuned: folder of the weights at α = 1.
    """
    lora = (tuned / ADAPTER_CONFIG).exists() and scales(read_json(tuned / ADAPTER_CONFIG))
    base = None if lora else load_model(config.model, train_weights=True)
    save_interpolated(base, tuned, alpha, run.adapter if lora else run.model, config.model)


@MITIGATIONS.register("interpolation")
def interpolation() -> Mitigation:
    """The value is α."""
    return Mitigation(
        cost="evaluation only",
        default=0.5,
        setting="mitigation.interpolation",
        stronger="smaller",
        source="arXiv:2109.01903",
        unfit=unfit_of_scaling("--interpolation"),
        after_training=interpolate,
    )
