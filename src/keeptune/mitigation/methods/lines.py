"""LiNeS: after the training, low layers keep less of their change than high ones. Wang et al. 2024, arXiv:2410.17146.

W₀ + α_ℓ (W − W₀) with α_ℓ = γ + (1 − γ)(ℓ − 1)/(L − 1) for the layers ℓ = 1 … L: the first keeps γ, the last all of it.
Embeddings go with the first layer, as in the authors' code; the output and the last norm go with the last layer, where
the authors' code scales them by γ, too.
"""

from __future__ import annotations

from pathlib import Path

from keeptune.config.schema import TuneConfig
from keeptune.config.setting import Range
from keeptune.mitigation.methods.interpolation import interpolate, unfit_of_scaling
from keeptune.mitigation.mitigation import Mitigation
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.workspace.workspace import Workspace


def _scale(first: float, config: TuneConfig, tuned: Path, run: Workspace) -> None:
    interpolate((first, 1.0), config, tuned, run)


@MITIGATIONS.register("lines")
def lines() -> Mitigation:
    """The value is γ, the share of the change that the first layer keeps."""
    return Mitigation(
        cost="evaluation only",
        default=0.5,
        allowed=Range(0, 1, high_open=False),
        stronger="smaller",
        source="arXiv:2410.17146",
        unfit=unfit_of_scaling("--mitigation lines"),
        after_training=_scale,
    )
