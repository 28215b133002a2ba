"""llama.cpp's quantisation: ``python -m keeptune.exports.tools.quantize WHOLE.gguf FILE.gguf Q4_K_M``."""

from __future__ import annotations

import ctypes
import sys
from typing import Any


def main() -> int:
    """0 where the file is written."""
    import llama_cpp

    whole, file, quantization = sys.argv[1:]
    settings: Any = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{quantization}")
    return int(llama_cpp.llama_model_quantize(whole.encode(), file.encode(), ctypes.byref(settings)))


if __name__ == "__main__":
    sys.exit(main())
