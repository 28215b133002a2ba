"""The table of parameter-efficient methods: name → `peft` configuration. A new method is one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from keeptune.config.schema import Adapter, Method
from keeptune.errors import ConfigError
from keeptune.models.corda import measure_inputs
from keeptune.models.freeze import upper_modules
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow


@dataclass(frozen=True, slots=True)
class AdapterMethod:
    """One row of the table."""

    name: str
    config: str
    """Class in `peft`."""
    settings: Callable[[Adapter], Mapping[str, Any]]
    paper: str
    mergeable: bool = True
    """Whether the trained change can be folded into the base weights."""
    targets_modules: bool = True
    divides_base: bool = False
    """It starts by moving part of the base's weights into the adapter; `save_tuned` writes a plain LoRA on the whole
    base."""
    needs_rows: bool = False
    """It starts from rows of abilities to keep."""
    adds_product: bool = False
    """The change is scale · B·A beside the whole base weights, as `low_rank_layers` reads it."""
    on_quantized: bool = False
    """It can be trained on a base in 4 or 8 bits."""


def _low_rank(**extra: Any) -> Callable[[Adapter], Mapping[str, Any]]:
    return lambda a: {"r": a.rank, "lora_alpha": a.alpha, "lora_dropout": a.dropout, **extra}


def _corda(adapter: Adapter) -> Mapping[str, Any]:
    from peft.tuners.lora.config import CordaConfig

    # Knowledge-preserved mode: the directions that those rows use least are trained.
    config = CordaConfig(corda_method="kpm", verbose=False)
    return _low_rank(init_lora_weights="corda", corda_config=config)(adapter)


METHODS: Mapping[str, AdapterMethod] = {
    row.name: row
    for row in (
        AdapterMethod("lora", "LoraConfig", _low_rank(), "arXiv:2106.09685", adds_product=True, on_quantized=True),
        AdapterMethod("dora", "LoraConfig", _low_rank(use_dora=True), "arXiv:2402.09353"),
        AdapterMethod(
            "rslora",
            "LoraConfig",
            _low_rank(use_rslora=True),
            "arXiv:2312.03732",
            adds_product=True,
            on_quantized=True,
        ),
        AdapterMethod(
            "pissa", "LoraConfig", _low_rank(init_lora_weights="pissa"), "arXiv:2404.02948", divides_base=True
        ),
        AdapterMethod("corda", "LoraConfig", _corda, "arXiv:2406.05223", divides_base=True, needs_rows=True),
        AdapterMethod("vera", "VeraConfig", lambda a: {"r": a.rank, "vera_dropout": a.dropout}, "arXiv:2310.11454"),
        AdapterMethod(
            "randlora",
            "RandLoraConfig",
            # Its scale is meant to be 20 times the rank of its bases, whatever a LoRA's alpha is.
            lambda a: {"r": a.rank, "randlora_alpha": 20 * a.rank, "randlora_dropout": a.dropout},
            "arXiv:2502.00987",
        ),
        AdapterMethod("ia3", "IA3Config", lambda _: {}, "arXiv:2205.05638"),
        AdapterMethod(
            "loha",
            "LoHaConfig",
            lambda a: {"r": a.rank, "alpha": a.alpha, "module_dropout": a.dropout},
            "arXiv:2108.06098",
        ),
        AdapterMethod(
            "lokr",
            "LoKrConfig",
            lambda a: {"r": a.rank, "alpha": a.alpha, "module_dropout": a.dropout},
            "arXiv:2309.14859",
        ),
        AdapterMethod(
            "oft",
            "OFTConfig",
            # Either the number of blocks or their size may be set, never both.
            lambda a: {"r": 0, "oft_block_size": a.rank, "module_dropout": a.dropout},
            "arXiv:2306.07280",
        ),
        AdapterMethod(
            "boft",
            "BOFTConfig",
            lambda a: {"boft_block_num": 0, "boft_block_size": a.rank, "boft_dropout": a.dropout},
            "arXiv:2311.06243",
        ),
        AdapterMethod("c3a", "C3AConfig", lambda a: {"block_size": a.rank}, "arXiv:2407.19342"),
        AdapterMethod("fourierft", "FourierFTConfig", lambda a: {"n_frequency": 64 * a.rank}, "arXiv:2405.03003"),
        # It trains the lower half of each layer's singular directions, whatever the rank.
        AdapterMethod("osf", "OSFConfig", lambda _: {}, "arXiv:2504.07097"),
        AdapterMethod("hra", "HRAConfig", lambda a: {"r": a.rank}, "arXiv:2405.17484"),
        AdapterMethod("shira", "ShiraConfig", lambda a: {"r": a.rank}, "arXiv:2406.13175"),
        AdapterMethod("miss", "MissConfig", lambda a: {"r": a.rank}, "arXiv:2409.15371"),
        AdapterMethod("ln", "LNTuningConfig", lambda _: {}, "arXiv:2312.11420", targets_modules=False),
        AdapterMethod(
            "prompt",
            "PromptTuningConfig",
            lambda a: {"num_virtual_tokens": a.rank},
            "arXiv:2104.08691",
            mergeable=False,
            targets_modules=False,
        ),
        AdapterMethod(
            "prefix",
            "PrefixTuningConfig",
            lambda a: {"num_virtual_tokens": a.rank},
            "arXiv:2101.00190",
            mergeable=False,
            targets_modules=False,
        ),
    )
}


def attach_adapter(
    loaded: LoadedModel, adapter: Adapter, seed: int, *, freeze: float = 0.0, rows: Sequence[EncodedRow] = ()
) -> None:
    """Attach a new trainable adapter to `loaded.model`, in place. Its weights are float32 and depend on `seed`.

    Args:
        freeze: share of the layers, from the lowest, without an adapter.
        rows: rows of abilities to keep, for the methods that start from them.

    Raises:
        ConfigError: an unknown method, one that does not fit the model, target modules that the model does not have,
            layers that cannot be left out, or no rows where they are needed.
    """
    import peft
    import torch

    method = METHODS.get(adapter.kind)
    if method is None:
        raise ConfigError(f"unknown method {adapter.kind}", f"one of: full, {', '.join(METHODS)}")
    task = "CAUSAL_LM" if loaded.kind == "causal" else "SEQ_2_SEQ_LM"
    settings = dict(method.settings(adapter))
    if method.targets_modules:
        settings["target_modules"] = _targets(loaded, adapter.target_modules)
        if freeze:
            settings["target_modules"] = upper_modules(loaded, settings["target_modules"], freeze)
    elif freeze:
        raise ConfigError(f"{method.name} cannot leave layers out", "use --method lora, or --freeze 0")
    if method.name == "ia3":
        settings["feedforward_modules"] = _feed_forward(loaded, settings["target_modules"])
    if method.needs_rows and not rows:
        raise ConfigError(f"{method.name} needs rows of old tasks", "give rows of old tasks with --replay")
    torch.manual_seed(seed)
    if not hasattr(peft, method.config):
        raise ConfigError(
            f"peft {peft.__version__} does not know {method.name}", "pip install -U peft, or use --method lora"
        )
    try:
        config = getattr(peft, method.config)(task_type=task, **settings)
        if method.needs_rows:
            measure_inputs(loaded, config, rows)
        loaded.model = peft.get_peft_model(loaded.model, config, revision=loaded.found.revision)
        config.base_model_name_or_path = _base_name(loaded)
    except (ValueError, TypeError) as error:
        # TypeError: a kind of layer that the method does not know (GPT-2's Conv1D, for many).
        raise ConfigError(
            f"{method.name} does not fit this model: {error}", "use --method lora, or see --target-modules"
        ) from error
    for parameter in loaded.model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    if not loaded.trainable:
        raise ConfigError(
            f"{method.name} does not fit this model: it supports none of its layers", "use --method lora, or another"
        )
    if method.divides_base:
        _refuse_rank_beyond_width(loaded, adapter)
        held = peft.get_peft_model_state_dict(loaded.model)
        loaded.initial_adapter = {name: tensor.detach().cpu().clone() for name, tensor in held.items()}


def _refuse_rank_beyond_width(loaded: LoadedModel, adapter: Adapter) -> None:
    """A part of the base's weights has no more directions than their smaller side: what is trained beside that part
    could not be loaded again at the rank that was asked for."""
    widths = [min(module.in_features, module.out_features) for module in _adapted(loaded)]
    if widths and adapter.rank > min(widths):
        raise ConfigError(
            f"{adapter.kind} of rank {adapter.rank} does not fit this model: its narrowest layer is {min(widths)} wide",
            f"use --rank {min(widths)} or less, or --method lora",
        )


def _adapted(loaded: LoadedModel) -> list[Any]:
    return [module for module in loaded.model.modules() if hasattr(module, "lora_A") and hasattr(module, "in_features")]


def _base_name(loaded: LoadedModel) -> str:
    """Settings from which a later `PeftModel` finds the base."""
    return str(Path(loaded.found.source).resolve()) if loaded.found.local else loaded.found.name


def virtual_tokens(method: Method | None) -> int:
    """Number of virtual tokens before each row in this method."""
    if not isinstance(method, Adapter):
        return 0
    return int(METHODS[method.kind].settings(method).get("num_virtual_tokens", 0))


def experts_left_out(loaded: LoadedModel) -> int:
    """Weights of a mixture's experts, which are one tensor for all of them and no layers: `peft` adapts layers, and
    bitsandbytes packs them."""
    return sum(
        weight.numel()
        for name, weight in loaded.model.named_parameters()
        if weight.ndim == 3 and ".experts." in name and not weight.requires_grad
    )


def _targets(loaded: LoadedModel, names: str) -> list[str]:
    """Names of modules; for ``all-linear``, every linear layer except the output embedding."""
    from transformers.pytorch_utils import Conv1D

    linear = [
        name
        for name, module in loaded.model.named_modules()
        # GPT-2 keeps its linear layers as Conv1D.
        if isinstance(module, (torch.nn.Linear, Conv1D)) and module is not loaded.model.get_output_embeddings()
    ]
    suffixes = sorted({name.rsplit(".", 1)[-1] for name in linear})
    if names == "all-linear":
        return suffixes
    asked = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in asked if not any(known == name for known in suffixes)]
    if unknown or not asked:
        raise ConfigError(
            f"target module {', '.join(unknown) or '(none)'} is not in this model",
            f"all-linear, or some of: {', '.join(suffixes)}",
        )
    return asked


def _feed_forward(loaded: LoadedModel, targets: list[str]) -> list[str]:
    """Targets outside attention: IA³ scales their inputs, and the outputs of the others."""
    parents: dict[str, set[str]] = {}
    for name, _ in loaded.model.named_modules():
        for target in targets:
            if f".{name}".endswith(f".{target}"):
                parents.setdefault(target, set()).add(name.rpartition(".")[0].lower())
    return [name for name in targets if not any("att" in parent for parent in parents.get(name, ()))]
