"""Interpolation of a model in memory, W₀ + α (W − W₀), which can be set repeatedly without accumulating errors.

Wortsman et al. 2022 (WiSE-FT), arXiv:2109.01903.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from keeptune.errors import ModelError
from keeptune.models.interpolate import Weights, interpolate, match_weights
from keeptune.models.layer_alphas import Alpha, alphas_by_name
from keeptune.models.load import LoadedModel
from keeptune.models.saved_weights import SavedWeights
from keeptune.models.weight_files import ADAPTER_CONFIG, adapter_files, read_json
from keeptune.models.weights import fold_adapter
from keeptune.workspace.hashing import hash_value

KEEPS_THE_BASE = (True, False, "gaussian", "orthogonal", "eva")
"""LoRA initialisations that do not change the base weights; others (PiSSA, OLoRA …) do."""
UP = re.compile(r"\.lora_(embedding_)?B\b")
"""In the names of the weights in which a LoRA's ΔW = scaling · B A is linear, its bias included."""


@dataclass(slots=True)
class Interpolation:
    """Sets a loaded model to any α: ``interpolation(0.5)``. It always starts from W₀ and W, so that rounding does not
    accumulate.

    α = 0 is bit-identical to the base, α = 1 to the tuned model.
    """

    loaded: LoadedModel
    parts: _LoraParts | _WeightParts
    hash: str
    """Of the tuned model. `loaded.hash` follows α."""

    def __call__(self, alpha: Alpha) -> None:
        """Set `loaded` to `alpha`.

        Raises:
            ConfigError: a mapping that does not name every layer.
        """
        self.parts.set(alpha)
        self.loaded.hash = self.hash if alpha == 1 else hash_value([self.hash, alpha])


def make_interpolation(loaded: LoadedModel, base: LoadedModel | Path | None = None) -> Interpolation:
    """The interpolation of a tuned model.

    A LoRA's ΔW is scaled where it is. Another adapter is first folded into the weights of `loaded`, in place, in
    their dtype. Beside a model without adapter, what has changed is held a second time.

    Args:
        base: a model, or a folder of safetensors that is read at each setting; not needed for a LoRA.

    Raises:
        ModelError: a method that cannot be merged (soft prompts), no base, or one that does not fit.
    """
    if can_scale(loaded):
        layers = {name: module for name, module in loaded.model.named_modules() if _is_lora(module)}
        return Interpolation(
            loaded, _LoraParts(layers, {name: dict(m.scaling) for name, m in layers.items()}), loaded.hash
        )
    if base is None:
        raise ModelError(f"{loaded.found.name} cannot be interpolated without its base", "give the base that was tuned")
    if hasattr(loaded.model, "peft_config") and not fold_adapter(loaded):
        raise ModelError(
            f"the adapter of {loaded.found.name} cannot be interpolated: it cannot be merged with its base",
            "tune with --method lora, or full",
        )
    return Interpolation(loaded, _WeightParts.of(loaded.model, weights_of(base)), loaded.hash)


def can_scale(loaded: LoadedModel) -> bool:
    """Whether the whole trained change is a LoRA's ΔW beside unchanged weights."""
    configs = getattr(loaded.model, "peft_config", {})
    return bool(configs) and not loaded.changed_base and all(scales(config.to_dict()) for config in configs.values())


def scales(settings: dict[str, Any]) -> bool:
    """`can_scale`, from an adapter's settings as `peft` saves them."""
    return (
        settings.get("peft_type") == "LORA"
        and not settings.get("use_dora")
        and settings.get("init_lora_weights", True) in KEEPS_THE_BASE
        and settings.get("bias", "none") == "none"
        and not settings.get("modules_to_save")
        and not settings.get("trainable_token_indices")
    )


def scales_saved(folder: Path) -> bool:
    """`can_scale`, of an adapter's folder: its weights are those of a LoRA alone."""
    if not scales(read_json(folder / ADAPTER_CONFIG)):
        return False
    (file,) = adapter_files(folder)
    try:
        with safe_open(str(file), framework="pt") as holder:
            return all(".lora_" in name for name in holder.keys())  # noqa: SIM118 - it is no mapping
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file} cannot be read: {error}", "fetch or save the adapter again") from error


def weights_of(model: LoadedModel | Path) -> Weights:
    """Name → weight, tied ones under each of their names."""
    if isinstance(model, Path):
        return SavedWeights(model)
    weights: dict[str, torch.Tensor] = model.model.state_dict()
    return weights


def _is_lora(module: torch.nn.Module) -> bool:
    from peft.tuners.lora import LoraLayer

    return isinstance(module, LoraLayer)


@dataclass(slots=True)
class _LoraParts:
    layers: dict[str, Any]
    scalings: dict[str, dict[str, float]]
    """Layer → adapter → alpha / rank, as trained."""

    def set(self, alpha: Alpha) -> None:
        for name, share in alphas_by_name(alpha, self.layers).items():
            for adapter, scaling in self.scalings[name].items():
                self.layers[name].scaling[adapter] = scaling * share


@dataclass(slots=True)
class _WeightParts:
    """The weights that training changed."""

    live: dict[str, torch.Tensor]
    """The model's own, which are set."""
    base: Weights
    tuned: dict[str, torch.Tensor]
    matched: dict[str, str]
    """Name in the model → name in `base`, of every weight."""

    @classmethod
    def of(cls, model: Any, base: Weights) -> _WeightParts:
        names: dict[Any, str] = {}
        for name, weight in model.state_dict().items():
            # Tied weights count as one.
            names.setdefault((weight.data_ptr(), weight.shape), name)
        live = {name: weight for name, weight in model.state_dict().items() if name in names.values()}
        matched = match_weights(base, live)
        changed = {
            name: weight
            for name, weight in live.items()
            if not torch.equal(base[matched[name]].to(weight.device, weight.dtype), weight)
        }
        return cls(changed, base, {name: weight.clone() for name, weight in changed.items()}, matched)

    @torch.no_grad()
    def set(self, alpha: Alpha) -> None:
        shares = alphas_by_name(alpha, self.matched)
        for name, weight in self.live.items():
            before = self.base[self.matched[name]].to(weight.device)
            weight.copy_(interpolate(before, self.tuned[name], shares[name]))
