"""Default learning rates, epochs and pass sizes for a few hundred to a few thousand examples.

LoRA wants about ten times the rate of full fine-tuning, and smaller models want more than larger ones
("LoRA Without Regret", Schulman et al. 2025). Every default that a run used is in its resolved config.
"""

from __future__ import annotations

from keeptune.config.schema import Full, Method

LR_BY_SIZE = (
    # parameters below, full, adapter
    (0.5e9, 1e-4, 1e-3),
    (2e9, 2e-5, 2e-4),
    (20e9, 1e-5, 1e-4),
    (float("inf"), 5e-6, 5e-5),
)
LR_FACTOR = {
    "ia3": 10.0,
    "prompt": 10.0,
    "prefix": 10.0,
    "vera": 10.0,
    "ln": 5.0,
    "oft": 0.5,
    "boft": 0.5,
    "osf": 0.1,
}
"""Factor on LoRA's rate for methods with few or differently scaled weights."""

TOKEN_BUDGET = {"cpu": 2048, "other": 16384}
"""On two cores, more tokens per pass take more memory but no less time; a GPU needs many."""


def default_lr(method: Method, parameters: int) -> float:
    """Peak learning rate by the number of parameters."""
    full, adapter = next(row[1:] for row in LR_BY_SIZE if parameters < row[0])
    if isinstance(method, Full):
        return full
    return adapter * LR_FACTOR.get(method.kind, 1.0)


def default_epochs(examples: int) -> float:
    """Two passes over up to 5,000 examples, then one."""
    return 2.0 if examples <= 5000 else 1.0


def default_token_budget(device: str) -> int:
    """Tokens per pass on ``cpu``, ``cuda`` or ``mps``."""
    return TOKEN_BUDGET.get(device, TOKEN_BUDGET["other"])
