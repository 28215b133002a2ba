"""`safetensors`: whole weights in transformers' layout, for transformers, vLLM, SGLang, TGI and mergekit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keeptune.commands import joined
from keeptune.exports.exported_card import Use, of_scored
from keeptune.exports.format import FORMATS, Exported, Source, refuse_not_mergeable
from keeptune.exports.merged import copy_beside, write_merged
from keeptune.models.quantization import NONE
from keeptune.report.card import loads_whole

DTYPES = ("float32", "bfloat16", "float16")


class SafetensorsFormat:
    """An adapter is merged in float32 and then cast."""

    tool = "keeptune.exports.tools.transformers"
    says = "whole weights in transformers' layout: transformers, vLLM, SGLang, TGI, mergekit"

    def quantizations(self, source: Source) -> tuple[str, ...]:
        return tuple(dict.fromkeys((source.dtype, *DTYPES)))

    def smaller(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def refuse(self, source: Source) -> None:
        refuse_not_mergeable(source)

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:
        write_merged(source.tuned, quantization, folder)
        # Scored on a base in few bits, this is another model than the card's numbers are of.
        numbers = "" if source.tuned.quantization == NONE else of_scored(source.scored_in, quantization)
        copy_beside(source, folder, Use("transformers", "finetune", loads_whole(source.kind), numbers))
        return ()

    def load_command(self, source: Source, folder: Path) -> str:
        if source.kind == "causal":
            return joined(["vllm", "serve", str(folder)])
        auto = "AutoModelForSeq2SeqLM"
        return joined(["python", "-c", f"from transformers import {auto}; {auto}.from_pretrained({str(folder)!r})"])

    def exported(self, source: Source, folder: Path, scratch: Path) -> Exported:  # noqa: ARG002
        return Exported(folder)


FORMATS.add("safetensors", SafetensorsFormat())
