"""How much of what a training learned each share α of its change keeps, by the loss of the validation rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

ALPHAS = (1.0, 0.75, 0.5)
"""Where the loss is measured; the base is at α = 0."""
NEARLY_ALL = 0.995
"""Share of the largest fall in validation loss that an α keeps to be preferred to a larger one. The score can
lose a larger share than the loss does."""


@dataclass(frozen=True, slots=True)
class AlphaCurve:
    """Validation losses along the way from the base to the trained weights."""

    base: float
    """Nats a completion token."""
    losses: Mapping[float, float]
    """By α, for each of `ALPHAS`."""

    def share(self, alpha: float) -> float:
        """The share of the fall in loss from the base to α = 1 that a measured α keeps."""
        fall = self.base - self.losses[1.0]
        return (self.base - self.losses[alpha]) / fall if fall > 0 else float(alpha == 1)

    def least(self, share: float) -> float:
        """The smallest α that keeps `share` of the fall, a number from 0 to 1, between those that were measured."""
        alphas = sorted(self.losses)
        grid = np.linspace(0.0, 1.0, 101)
        shares = PchipInterpolator([0.0, *alphas], [0.0, *map(self.share, alphas)])(grid)
        return round(float(grid[np.argmax(shares >= share - 1e-9)]), 2)

    @property
    def least_nearly_all(self) -> float:
        """The smallest α that keeps nearly all of the largest fall, which need not be that of α = 1."""
        return self.least(NEARLY_ALL * max(map(self.share, self.losses)))
