"""A base whose frozen matrices are held in 4 or 8 bits, by bitsandbytes: QLoRA, Dettmers et al. 2023,
arXiv:2305.14314, and LLM.int8(), arXiv:2208.07339."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

import torch

from keeptune.commands import install
from keeptune.config.schema import QuantizationName
from keeptune.errors import MissingDependency, ModelError

NONE: QuantizationName = "none"
_REPACKS = "support_avx512bf16_for_cpu"

# In int8 it writes a line at each product that is not computed in float16.
logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)


def loading_arguments(name: QuantizationName, dtype: torch.dtype, device: torch.device) -> dict[str, Any]:
    """What `from_pretrained` is given, so that the weights are quantised as they are read.

    Args:
        dtype: of the matrix products, and of the weights that stay as they are.

    Raises:
        MissingDependency: bitsandbytes is not installed.
    """
    if name == NONE:
        return {}
    refuse_without_package(name)
    from transformers import BitsAndBytesConfig

    settings: Any = BitsAndBytesConfig
    config = settings(
        load_in_4bit=name == "nf4",
        load_in_8bit=name == "int8",
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )
    return {"quantization_config": config, "device_map": {"": device}}


def refuse_without_package(name: QuantizationName) -> None:
    """Raise MissingDependency for what bitsandbytes would hold in few bits, where it is not installed."""
    if name != NONE and find_spec("bitsandbytes") is None:
        raise MissingDependency(f"a base in {name} needs the package bitsandbytes", install("quantization"))


def held_in(model: Any) -> QuantizationName:
    """In what a model that another program loaded holds its matrices: `NONE` also for files that hold few bits
    themselves, and for bits that have no name here."""
    settings = getattr(getattr(model, "config", None), "quantization_config", None)
    quantizer = getattr(model, "hf_quantizer", None)
    if quantizer is None or quantizer.pre_quantized:
        return NONE
    if getattr(settings, "load_in_8bit", False):
        return "int8"
    packed = getattr(settings, "load_in_4bit", False) and getattr(settings, "bnb_4bit_quant_type", "") == "nf4"
    return "nf4" if packed else NONE


def quantised_already(name: str) -> ModelError:
    """The error for a model whose own files hold few bits: nothing is trained in those, or folded into them."""
    return ModelError(
        f"the files of {name} hold weights in few bits", "name the model that they were made from, with --quantization"
    )


def leave_as_stored(model: Any) -> None:
    """Have bitsandbytes compute with the 4-bit weights as they are stored.

    On CPUs with bfloat16 instructions it repacks them at the first inference: it rounds their scales to bfloat16, so
    that measuring would change the model, and it fails on matrices whose width is not a multiple of 64, its block size.
    """
    for module in model.modules():
        if hasattr(module, _REPACKS):
            setattr(module, _REPACKS, False)


def count(parameter: torch.nn.Parameter) -> int:
    """Number of weights in a parameter, which holds two in a byte where it is quantised to 4 bits."""
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else int(state.shape.numel())
