"""PriFT: tokens count by their probability under the base. Wang et al. 2026, arXiv:2606.09396.

w = p₀(token), computed once before the first step: DFT's weights (`token_weights`), but of the frozen base instead of
the model as it learns, so that they do not drift with it. This is the paper's PriFT-prob, with the loss as in the
authors' code: the sum of w · cross-entropy over the number of tokens. Its PriFT-mass, which masks the tokens that more
than half of the base's probability lies above, is not built.
"""

from __future__ import annotations

from typing import Any

from keeptune.inference.loglikelihood import loglikelihoods_by_token
from keeptune.mitigation.mitigation import Mitigation, RowInputs
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.row_weights import weighed
from keeptune.records import EncodedRow


def _learned(_value: Any, inputs: RowInputs, rows: list[EncodedRow]) -> list[EncodedRow]:
    found = loglikelihoods_by_token(inputs.base, rows, inputs.token_budget, observer=inputs.observer)
    return [weighed(row, values.exp().tolist()) for row, values in zip(rows, found, strict=True)]


@MITIGATIONS.register("prift")
def prift() -> Mitigation:
    """It takes no value."""
    return Mitigation(cost="a forward pass per row, once", source="arXiv:2606.09396", learned_rows=_learned)
