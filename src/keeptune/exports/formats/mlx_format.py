"""`mlx`: whole weights for Apple machines, by mlx-lm and LM Studio."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from keeptune.commands import install, joined
from keeptune.errors import ConfigError, MissingDependency, ModelError
from keeptune.exports.asking import Job, ask
from keeptune.exports.converter import run_converter
from keeptune.exports.exported_card import Use, in_shell, of_scored
from keeptune.exports.format import FORMATS, Exported, Source, refuse_not_mergeable
from keeptune.exports.formats.safetensors_format import DTYPES
from keeptune.exports.merged import copy_beside, write_merged
from keeptune.exports.mlx_layout import CONFIG, count_quantized, name_as_before
from keeptune.exports.module_process import module_command
from keeptune.models.weight_files import read_json
from keeptune.records import EncodedRow
from keeptune.workspace.atomic import write_json

QUANTIZATIONS = ("8bit", "6bit", "5bit", "4bit", "3bit", "2bit")
"""From the largest to the smallest, named as on the hub; the rest of the weights is bfloat16."""
PROBE_TOKENS = 256
MOST_NATS = 0.05
"""Per token: another dtype costs less, another computation of positions more."""


class MlxFormat:
    """Converted and quantised by mlx-lm from merged weights; it runs on the CPU of other machines, too."""

    tool = "keeptune.exports.tools.mlx_lm"
    says = "whole weights for Apple machines, also in 2 to 8 bits: mlx-lm, LM Studio"

    def quantizations(self, source: Source) -> tuple[str, ...]:
        return (*dict.fromkeys((source.dtype, *DTYPES)), *QUANTIZATIONS)

    def smaller(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return QUANTIZATIONS

    def refuse(self, source: Source) -> None:
        refuse_not_mergeable(source)
        if source.kind != "causal":
            raise ConfigError(f"{source.run} holds an encoder-decoder, which mlx-lm does not run", "use safetensors")
        if not all(map(_is_installed, ("mlx_lm", "mlx"))):
            raise MissingDependency("MLX files need the packages mlx-lm and mlx", install("mlx"))

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:
        told = []
        with tempfile.TemporaryDirectory(dir=folder, prefix=".merged-") as scratch:
            merged = Path(scratch) / source.run.path.resolve().name
            write_merged(source.tuned, source.dtype, merged)
            row = _probe(merged)
            expected = _likelihood("keeptune.exports.tools.transformers", merged, row)
            name_as_before(merged / CONFIG)
            found = _likelihood(self.tool, _converted(merged, Path(scratch) / "probe", "float32"), row)
            _refuse_another_model(expected / row.learned, found / row.learned)
            made = _converted(merged, Path(scratch) / "mlx", quantization)
            if quantization in QUANTIZATIONS:
                told = _told_of(*count_quantized(made), source)
            for file in made.iterdir():
                file.rename(folder / file.name)
        code, numbers = in_shell("mlx_lm.chat --model OWNER/NAME"), of_scored(source.scored_in, quantization)
        copy_beside(source, folder, Use("mlx", "finetune", code, numbers))
        return told

    def load_command(self, source: Source, folder: Path) -> str:  # noqa: ARG002
        return joined(["mlx_lm.server", "--model", str(folder)])

    def exported(self, source: Source, folder: Path, scratch: Path) -> Exported:  # noqa: ARG002
        return Exported(folder)


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _converted(merged: Path, made: Path, quantization: str) -> Path:
    bits = ["--quantize", "--q-bits", quantization.removesuffix("bit")] if quantization in QUANTIZATIONS else []
    dtype = "bfloat16" if bits else quantization
    paths = ["--hf-path", str(merged), "--mlx-path", str(made)]
    command = module_command("mlx_lm", "convert", *paths, "--dtype", dtype, *bits)
    run_converter("mlx-lm", command, merged, made)
    settings = read_json(made / CONFIG)
    write_json(made / CONFIG, {**settings, "dtype": dtype})
    return made


def _probe(merged: Path) -> EncodedRow:
    """A text long enough to tell how positions are computed: this module."""
    tokenizer: Any = AutoTokenizer.from_pretrained(merged)
    ids = tuple(tokenizer.encode(Path(__file__).read_text(encoding="utf-8"), add_special_tokens=False)[:PROBE_TOKENS])
    return EncodedRow("probe", ids, (), ((1, len(ids)),), 0)


def _likelihood(tool: str, model: Path, row: EncodedRow) -> float:
    return ask(tool, Job(str(model), "", "causal", row.length, 1, (), [row]), lambda _: None).likelihoods[0]


def _refuse_another_model(expected: float, found: float) -> None:
    """Raise ModelError where a text is not as likely: mlx-lm takes its own defaults for what it does not find."""
    if not abs(expected - found) <= MOST_NATS:
        raise ModelError(
            "mlx-lm makes another model of these weights: a text costs "
            f"{-expected:.3f} nats per token by transformers, and {-found:.3f} by mlx-lm",
            "use safetensors or gguf; mlx-lm may not know a setting of this architecture",
        )


def _told_of(quantized: int, matrices: int, source: Source) -> list[str]:
    if not quantized:
        raise ConfigError(
            f"nothing of {source.run} can be quantised by mlx-lm: no matrix has a multiple of 64 columns",
            "export it as bfloat16",
        )
    left = f"{matrices - quantized} of {matrices} matrices stay bfloat16: their columns are no multiple of 64"
    return [left] if quantized < matrices else []


FORMATS.add("mlx", MlxFormat())
