"""Check that the package for a hyperparameter search is installed."""

from __future__ import annotations

import importlib.util

from keeptune.commands import install
from keeptune.errors import MissingDependency


def refuse_without_optuna() -> None:
    """Raise MissingDependency if optuna is not installed."""
    if importlib.util.find_spec("optuna") is None:
        raise MissingDependency("--hyperparameter-search needs the package optuna", install("search"))
