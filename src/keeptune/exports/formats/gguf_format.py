"""`gguf`: whole weights in one file, for llama.cpp, Ollama and LM Studio, with a Modelfile for Ollama."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from keeptune.commands import joined
from keeptune.exports.exported_card import Use, in_shell, of_scored
from keeptune.exports.format import FORMATS, Exported, Source, refuse_not_mergeable
from keeptune.exports.llama_cpp import OUTTYPES, convert, find_llama_cpp, quantize, refuse_not_convertible
from keeptune.exports.merged import copy_beside, write_merged
from keeptune.exports.modelfile import write_modelfile

QUANTIZATIONS = ("Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K")
"""From the largest to the smallest."""
FILE = "model.gguf"


class GgufFormat:
    """Converted by llama.cpp's own converter from merged weights, and quantised by llama.cpp."""

    tool = "keeptune.exports.tools.llama_cpp"
    says = "whole weights in one file, also in 2 to 8 bits: llama.cpp, Ollama, LM Studio"

    def quantizations(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return ("F16", *QUANTIZATIONS, "BF16", "F32")

    def smaller(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return QUANTIZATIONS

    def refuse(self, source: Source) -> None:
        refuse_not_mergeable(source)
        refuse_not_convertible(source)

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:
        llama_cpp = find_llama_cpp(source.llama_cpp)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".merged-", suffix=".partial") as scratch:
            merged = Path(scratch) / source.run.path.resolve().name
            write_merged(source.tuned, source.dtype, merged)
            if quantization in OUTTYPES:
                convert(llama_cpp, merged, folder / FILE, OUTTYPES[quantization])
            else:
                whole = Path(scratch) / FILE
                convert(llama_cpp, merged, whole, OUTTYPES[_as_precise(source.dtype)])
                quantize(whole, folder / FILE, quantization)
            written = write_modelfile(merged, folder / FILE, folder / "Modelfile")
        code, numbers = in_shell("llama-server -hf OWNER/NAME"), of_scored(source.scored_in, quantization)
        copy_beside(source, folder, Use("", "finetune", code, numbers))
        return () if written else ("no Modelfile for Ollama: its templates cannot write this model's turns",)

    def load_command(self, source: Source, folder: Path) -> str:  # noqa: ARG002
        return joined(["llama-server", "--model", str(folder / FILE)])

    def exported(self, source: Source, folder: Path, scratch: Path) -> Exported:  # noqa: ARG002
        return Exported(folder / FILE)


def _as_precise(dtype: str) -> str:
    """The type of a file that is quantised afterwards: nothing is rounded twice."""
    return {"float32": "F32", "bfloat16": "BF16", "float16": "F16"}[dtype]


FORMATS.add("gguf", GgufFormat())
