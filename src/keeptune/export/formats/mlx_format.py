"""`mlx`: whole weights for Apple machines, by mlx-lm and LM Studio."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path

from keeptune.commands import install, joined
from keeptune.errors import ConfigError, MissingDependency
from keeptune.export.converter import run_converter
from keeptune.export.format import FORMATS, Exported, Source, refuse_not_mergeable
from keeptune.export.formats.safetensors_format import DTYPES
from keeptune.export.merged import copy_beside, write_merged

QUANTIZATIONS = ("8bit", "6bit", "5bit", "4bit", "3bit", "2bit")
"""From the largest to the smallest, named as on the hub; the rest of the weights is bfloat16."""


class MlxFormat:
    """Converted and quantised by mlx-lm from merged weights; it runs on the CPU of other machines, too."""

    tool = "keeptune.export.tools.mlx_lm"
    says = "whole weights for Apple machines, also in 2 to 8 bits: mlx-lm, LM Studio"

    def quantizations(self, source: Source) -> tuple[str, ...]:
        return (*dict.fromkeys((source.dtype, *DTYPES)), *QUANTIZATIONS)

    def smaller(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return QUANTIZATIONS

    def refuse(self, source: Source) -> None:
        refuse_not_mergeable(source)
        if source.kind != "causal":
            raise ConfigError(f"{source.run} holds an encoder-decoder, which mlx-lm does not run", "use safetensors")
        if importlib.util.find_spec("mlx_lm") is None:
            raise MissingDependency("MLX files need the package mlx-lm", install("mlx"))

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:
        bits = ["--quantize", "--q-bits", quantization.removesuffix("bit")] if quantization in QUANTIZATIONS else []
        dtype = "bfloat16" if bits else quantization
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".merged-") as scratch:
            merged, made = Path(scratch) / source.run.path.resolve().name, Path(scratch) / "mlx"
            write_merged(source.tuned, source.dtype, merged)
            paths = ["--hf-path", str(merged), "--mlx-path", str(made)]
            run_converter("mlx-lm", ["-m", "mlx_lm", "convert", *paths, "--dtype", dtype, *bits], merged, made)
            for file in made.iterdir():
                file.rename(folder / file.name)
        copy_beside(source, folder)
        return ()

    def load_command(self, source: Source, folder: Path) -> str:  # noqa: ARG002
        return joined(["mlx_lm.server", "--model", str(folder)])

    def exported(self, source: Source, folder: Path, scratch: Path) -> Exported:  # noqa: ARG002
        return Exported(folder)


FORMATS.add("mlx", MlxFormat())
