"""`gguf-adapter`: a LoRA alone as a GGUF file, for llama.cpp and Ollama on a GGUF of the base."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keeptune.commands import command, joined
from keeptune.errors import ConfigError
from keeptune.exports.exported_card import Use, in_shell, of_scored
from keeptune.exports.format import FORMATS, Exported, Source, refuse_no_adapter
from keeptune.exports.llama_cpp import OUTTYPES, convert, convert_lora, find_llama_cpp, refuse_not_convertible
from keeptune.exports.merged import copy_beside, write_merged
from keeptune.models.find import base_of_adapter, find_model
from keeptune.models.weight_files import ADAPTER_CONFIG, read_json

FILE = "adapter.gguf"


class GgufAdapterFormat:
    """Converted by llama.cpp's own converter; asked on a base in F16."""

    tool = "keeptune.exports.tools.llama_cpp"
    says = "a LoRA alone, to put on a GGUF of its base: llama.cpp, Ollama"

    def quantizations(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return ("F16", "BF16", "F32", "Q8_0")

    def smaller(self, source: Source) -> tuple[str, ...]:  # noqa: ARG002
        return ()

    def refuse(self, source: Source) -> None:
        refuse_no_adapter(source, "gguf")
        settings = read_json(source.run.adapter / ADAPTER_CONFIG)
        if settings.get("peft_type") != "LORA" or settings.get("use_rslora") or settings.get("use_dora"):
            raise ConfigError(
                f"llama.cpp reads plain LoRAs alone, and {source.run} holds another adapter",
                f"export it whole: {command('export', source.run, 'gguf')}",
            )
        refuse_not_convertible(source)

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:
        base = Path(find_model(source.tuned).source)
        convert_lora(find_llama_cpp(source.llama_cpp), source.run.adapter, base, folder / FILE, OUTTYPES[quantization])
        code = in_shell(f"llama-server --model BASE.gguf --lora {FILE}")
        copy_beside(source, folder, Use("", "adapter", code, of_scored(source.scored_in, quantization)))
        return ()

    def load_command(self, source: Source, folder: Path) -> str:  # noqa: ARG002
        return joined(["llama-server", "--model", "BASE.gguf", "--lora", str(folder / FILE)])

    def exported(self, source: Source, folder: Path, scratch: Path) -> Exported:
        merged, file = scratch / "base", scratch / "base.gguf"
        write_merged(base_of_adapter(source.tuned, find_model(source.tuned)), source.dtype, merged)
        convert(find_llama_cpp(source.llama_cpp), merged, file, OUTTYPES["F16"])
        return Exported(file, folder / FILE)


FORMATS.add("gguf-adapter", GgufAdapterFormat())
