"""The model, and where it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keeptune.config.aliases import also, where_true
from keeptune.config.canonical import Canonical
from keeptune.config.setting import Affects, setting

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
DtypeName = Literal["auto", "float32", "bfloat16", "float16"]
QuantizationName = Literal["none", "nf4", "int8"]


@dataclass(frozen=True, slots=True)
class ModelConfig(Canonical):
    """The model, and where it runs."""

    name: str = setting(
        "smollm2",
        Affects.INPUT,
        "Hub name, folder, .gguf file, run folder, or the built-in smollm2.",
        more="A hub name may end in `@revision`.",
        metavar="NAME",
        flag="model",
        group="start",
        aliases=also("model_name_or_path"),
    )
    revision: str | None = setting(
        None, Affects.INPUT, "Branch, tag or commit on the hub.", metavar="REV", aliases=also("model_revision")
    )
    device: DeviceName = setting("auto", Affects.INPUT, "Device to run on.")
    dtype: DtypeName = setting(
        "auto",
        Affects.INPUT,
        "Floating-point type to compute in.",
        aliases={**also("torch_dtype"), "bf16": where_true("bfloat16"), "fp16": where_true("float16")},
    )
    quantization: QuantizationName = setting(
        "none",
        Affects.WEIGHTS,
        "Hold the base's frozen matrices in 4 (nf4) or 8 bits (int8), by bitsandbytes.",
        more="An adapter is trained on them (QLoRA). A run trained so is opened so; its export has whole weights.",
        aliases={"load_in_4bit": where_true("nf4"), "load_in_8bit": where_true("int8")},
    )
    engine: str = setting(
        "torch",
        Affects.ANSWERS,
        "Engine that evaluates models: torch, plain (slow, the reference), vllm, or one of a plugin.",
        more="Training always uses torch.",
        metavar="NAME",
    )
    allow_pickle: bool = setting(
        False, Affects.NOTHING, "Load pickled weights (.bin, .pt); they can run code, so trust their source."
    )
    allow_remote_code: bool = setting(
        False,
        Affects.NOTHING,
        "Run Python code that comes with the model; trust its source.",
        aliases=also("trust_remote_code"),
    )
