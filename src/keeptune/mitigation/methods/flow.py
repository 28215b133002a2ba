"""FLOW: rows that the base finds easy count more. Sanyal et al. 2025, arXiv:2502.02797.

w = exp(−f / τ) for every token of a row, f the row's mean loss under the base, and τ the median of f over the task's
rows. Computed once, before the first step. The loss stays a sum of w · cross-entropy over the number of tokens.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from keeptune.config.setting import POSITIVE
from keeptune.events import Notice
from keeptune.inference.loglikelihood import loglikelihoods
from keeptune.mitigation.mitigation import Mitigation, RowInputs
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.row_weights import weighed
from keeptune.records import EncodedRow


def row_weights(losses: Sequence[float], temperature: float = 1.0) -> list[float]:
    """exp(−f / (temperature · median f)) of each row's mean loss f, in nats a token."""
    tau = max(temperature * statistics.median(losses), 1e-6)
    return [math.exp(-loss / tau) for loss in losses]


def _learned(temperature: float, inputs: RowInputs, rows: list[EncodedRow]) -> list[EncodedRow]:
    sums = loglikelihoods(inputs.base, rows, inputs.token_budget, observer=inputs.observer)
    losses = [-total / row.learned for total, row in zip(sums, rows, strict=True)]
    weights = row_weights(losses, temperature)
    inputs.observer(Notice("flow", f"rows count from {min(weights):.2f} (hard) to {max(weights):.2f} (easy)"))
    return [weighed(row, (weight,) * row.learned) for row, weight in zip(rows, weights, strict=True)]


@MITIGATIONS.register("flow")
def flow() -> Mitigation:
    """The value times the median loss is τ: smaller values leave less of the hard rows."""
    return Mitigation(
        cost="a forward pass per row, once",
        default=1.0,
        allowed=POSITIVE,
        stronger="smaller",
        source="arXiv:2502.02797",
        learned_rows=_learned,
    )
