"""`adapter`: the adapter alone in peft's layout, for peft, and vLLM where it is a LoRA."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keeptune.commands import joined
from keeptune.exports.format import FORMATS, Exported, Source, refuse_no_adapter
from keeptune.models.weight_files import ADAPTER_CONFIG, read_json

RANKS = (16, 32, 64, 128, 256, 320, 512)
"""That vLLM takes, its default first."""


class AdapterFormat:
    """As the run saved it: an α that the run chose is in the weights already."""

    tool = "keeptune.exports.tools.transformers"
    says = "the adapter alone in peft's layout: peft, transformers, vLLM (LoRA)"

    def quantizations(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return ("as-trained",)

    def smaller(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def refuse(self, source: Source) -> None:
        refuse_no_adapter(source, "safetensors")

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:  # noqa: ARG002
        shutil.copytree(source.run.adapter, folder, dirs_exist_ok=True)
        return ()

    def load_command(self, source: Source, folder: Path) -> str:
        settings = read_json(folder / ADAPTER_CONFIG)
        if source.kind != "causal" or not _loads_in_vllm(settings):
            auto = "AutoPeftModelForCausalLM" if source.kind == "causal" else "AutoPeftModelForSeq2SeqLM"
            return joined(["python", "-c", f"from peft import {auto}; {auto}.from_pretrained({str(folder)!r})"])
        revision = ["--revision", settings["revision"]] if settings.get("revision") else []
        rank = next(str(each) for each in RANKS if each >= settings["r"])
        more = [*revision, "--enable-lora", *(["--max-lora-rank", rank] if rank != str(RANKS[0]) else [])]
        modules = ["--lora-modules", f"mine={folder}"]
        return joined(["vllm", "serve", settings["base_model_name_or_path"], *more, *modules])

    def exported(self, source: Source, folder: Path, scratch: Path) -> Exported:  # noqa: ARG002
        return Exported(None, folder)


def _loads_in_vllm(settings: Mapping[str, Any]) -> bool:
    """Whether vLLM takes an adapter: of LoRAs those without more beside A and B, up to its largest rank."""
    more = ("use_dora", "modules_to_save", "trainable_token_indices")
    plain = settings.get("peft_type") == "LORA" and not any(settings.get(name) for name in more)
    return plain and settings["r"] <= RANKS[-1]


FORMATS.add("adapter", AdapterFormat())
