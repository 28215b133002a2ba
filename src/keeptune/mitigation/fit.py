"""Check which mitigations a training method supports."""

from __future__ import annotations

from keeptune.config.schema import TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.active import active
from keeptune.mitigation.mix import rows_for_shares


def unfit(config: TuneConfig) -> ConfigError | None:
    """Why these settings cannot be trained together, before any weights are loaded; None if they can."""
    try:
        found = active(config)
        added = [(m.added_rows, value) for m, value in found if m.added_rows and m.added_rows.learned]
        rows_for_shares(0, [value if rows.share is None else rows.share for rows, value in added])
    except ConfigError as error:
        return error
    losses = [m.name for m, value in found if m.loss and m.loss(value)]
    if len(losses) > 1:
        return ConfigError(
            f"{' and '.join(losses)} each replace the loss of the task's tokens", "leave one of them out"
        )
    whole = [m.name for m, _ in found if m.penalty or m.average or m.row_source]
    if config.training.fsdp and whole:
        return ConfigError(
            f"{whole[0]} needs the whole weights in each step, and --fsdp divides them",
            f"leave --fsdp or {whole[0]} out",
        )
    errors = (mitigation.unfit(value, config) for mitigation, value in found if mitigation.unfit)
    return next((error for error in errors if error), None)
