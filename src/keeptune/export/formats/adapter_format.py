"""`adapter`: the adapter alone in peft's layout, for peft, and vLLM where it is a LoRA."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from keeptune.commands import command, joined
from keeptune.errors import ConfigError
from keeptune.export.format import FORMATS, Exported, Source
from keeptune.models.weight_files import ADAPTER_CONFIG


class AdapterFormat:
    """As the run saved it: an α that the run chose is in the weights already."""

    tool = "transformers"
    says = "the adapter alone in peft's layout: peft, transformers, vLLM (LoRA)"

    def quantizations(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return ("as-trained",)

    def refuse(self, source: Source) -> None:
        if not source.is_adapter:
            raise ConfigError(
                f"{source.run} holds whole weights and no adapter",
                f"export them whole: {command('export', source.run, 'safetensors')}",
            )

    def write(self, source: Source, quantization: str, folder: Path) -> None:  # noqa: ARG002
        shutil.copytree(source.run.adapter, folder, dirs_exist_ok=True)

    def load_command(self, source: Source, folder: Path) -> str:  # noqa: ARG002
        base = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"]
        return joined(["vllm", "serve", base, "--enable-lora", "--lora-modules", f"mine={folder}"])

    def exported(self, source: Source, folder: Path, scratch: Path) -> Exported:  # noqa: ARG002
        return Exported(None, folder)


FORMATS.add("adapter", AdapterFormat())
