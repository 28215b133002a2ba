"""Check which mitigations a training method supports."""

from __future__ import annotations

from collections.abc import Sequence

from keeptune.config.schema import Adapter, TuneConfig
from keeptune.errors import ConfigError
from keeptune.mitigation.active import active
from keeptune.mitigation.mix import rows_for_shares
from keeptune.models.adapters import METHODS
from keeptune.models.quantization import NONE


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
    on_quantized = _on_quantized(config, [m.name for m, _ in found if m.reads_base])
    return on_quantized or next((error for error in errors if error), None)


def _on_quantized(config: TuneConfig, reading: Sequence[str]) -> ConfigError | None:
    """Why the base cannot be quantised.

    Args:
        reading: mitigations that compute with its matrices.
    """
    named = config.model.quantization
    if named == NONE:
        return None
    known = ", ".join(each.name for each in METHODS.values() if each.on_quantized)
    if not isinstance(config.method, Adapter):
        return ConfigError(
            f"full fine-tuning trains the weights that --quantization {named} would hold fixed", f"use --method {known}"
        )
    method = METHODS.get(config.method.kind)
    if method is not None and not method.on_quantized:
        return ConfigError(f"{method.name} cannot be trained on a base in {named}", f"use --method {known}")
    if config.training.fsdp:
        return ConfigError("--fsdp does not divide a quantised base", "leave --fsdp or --quantization out")
    if reading:
        return ConfigError(
            f"{reading[0]} computes with the base's matrices, which --quantization {named} packs",
            f"leave {reading[0]} or --quantization out",
        )
    return None
