"""What mlx-lm needs to be told of a model that transformers saved, and what it made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors import safe_open

from keeptune.models.weight_files import read_json
from keeptune.workspace.atomic import write_json

CONFIG = "config.json"


def name_as_before(config: Path) -> None:
    """Add the names that transformers 5 has given up to a ``config.json``: most of mlx-lm's models read those, and take
    their own default for what they do not find, without a word."""
    settings = read_json(config)
    for part in (settings, settings.get("text_config")):
        if isinstance(part, dict):
            for name, value in _earlier_names(part).items():
                if part.get(name) is None:
                    part[name] = value
    write_json(config, settings)


def _earlier_names(part: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    positions = part.get("rope_parameters") or {}
    local = positions.get("sliding_attention")
    positions = positions.get("full_attention", positions)
    theta, share = positions.get("rope_theta"), positions.get("partial_rotary_factor")
    found |= {"rope_theta": theta, "partial_rotary_factor": share}
    if part.get("model_type") == "gpt_neox":
        found |= {"rotary_emb_base": theta, "rotary_pct": share}
    if positions.get("rope_type", "default") != "default":
        found["rope_scaling"] = {name: value for name, value in positions.items() if name != "rope_theta"}
    if local:
        found["rope_local_base_freq"] = local.get("rope_theta")
    return {name: value for name, value in found.items() if value is not None}


def count_quantized(folder: Path) -> tuple[int, int]:
    """How many weight matrices of a quantised model are quantised, and of how many."""
    quantized = matrices = 0
    for file in sorted(folder.glob("model*.safetensors")):
        with safe_open(str(file), "np") as opened:
            names = opened.keys()
            quantized += sum(name.endswith(".scales") for name in names)
            matrices += sum(name.endswith(".weight") and len(opened.get_slice(name).get_shape()) > 1 for name in names)
    return quantized, matrices
