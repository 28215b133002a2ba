"""Which mitigations a method of training can have."""

from __future__ import annotations

from keeptune.config.schema import Adapter, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.replay import rows_for_shares
from keeptune.models.adapters import METHODS


def unfit(config: TuneConfig) -> ConfigError | None:
    """Why these settings cannot be trained together, before any weights are loaded; None where they can."""
    mitigation = config.mitigation
    try:
        rows_for_shares(0, (mitigation.replay_fraction if mitigation.replay else 0.0, mitigation.self_replay))
    except ConfigError as error:
        return error
    if mitigation.kl and mitigation.kl_on == "replay" and not mitigation.replay and not mitigation.self_replay:
        return ConfigError("--kl-on replay, and no rows are replayed", "name them with --replay, or use --kl-on self")
    row = METHODS.get(config.method.kind) if isinstance(config.method, Adapter) else None
    if row is None:
        return None
    if mitigation.kl and row.divides_base and mitigation.reference is None:
        return ConfigError(
            f"--kl needs the base beside the model, and --method {row.name} takes a part out of it",
            "use --method lora or another, or leave --kl out",
        )
    if mitigation.freeze and not row.targets_modules:
        return ConfigError(
            f"--freeze leaves layers out, and --method {row.name} cannot",
            "use --method lora or another, or leave --freeze out",
        )
    if mitigation.interpolation != 1.0 and not row.mergeable:
        return ConfigError(
            f"--interpolation takes a share of a change of weights, and --method {row.name} changes none",
            "use --method lora or another, or leave --interpolation out",
        )
    for name, weight in (("l2sp", mitigation.l2sp), ("ewc", mitigation.ewc)):
        if weight and not row.adds_product:
            known = ", ".join(method.name for method in METHODS.values() if method.adds_product)
            return ConfigError(
                f"--{name} is a penalty on W₀ + scale · B·A, and --method {row.name} changes weights in another way",
                f"use --method {known} or full, or leave --{name} out",
            )
    if row.needs_rows and not (mitigation.replay and mitigation.replay_fraction) and not mitigation.self_replay:
        return ConfigError(f"{row.name} needs rows of what is to be kept", "give rows of old tasks with --replay")
    return None
