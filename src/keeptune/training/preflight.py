"""Checks of the settings in the first seconds, before a row is read."""

from __future__ import annotations

from dataclasses import replace

from keeptune.abilities.evaluable import refuse_not_evaluable
from keeptune.config.check import check_config
from keeptune.config.schema import Adapter, TuneConfig
from keeptune.mitigation.fit import unfit
from keeptune.models.adapters import METHODS, virtual_tokens
from keeptune.scoring.table import METRICS
from keeptune.training.optimizer import refuse_without_bitsandbytes
from keeptune.training.optuna_needed import refuse_without_optuna
from keeptune.workspace.lineage import of_run


def preflight(config: TuneConfig) -> None:
    """Refuse settings that cannot be trained or evaluated.

    Raises:
        KeeptuneError: see the tree in `keeptune.errors`.
    """
    check_config(config, tuple(METRICS))
    if error := unfit(config):
        raise error
    if config.training.hyperparameter_search:
        refuse_without_optuna()
    refuse_without_bitsandbytes(config.training)
    method = METHODS.get(config.method.kind) if isinstance(config.method, Adapter) else None
    refuse_not_evaluable(
        # A run is started from in whole weights, unless few bits are asked for anew.
        replace(of_run(config.model), quantization=config.model.quantization),
        config.evaluation,
        config.measure,
        taken=virtual_tokens(config.method),
        mergeable=method is None or method.mergeable,
    )
