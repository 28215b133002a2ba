"""Whether vLLM's own loader takes exported files, weight by weight, on a machine without a GPU.

    python benchmarks/vllm_loader.py FOLDER...      exports of the formats safetensors and adapter

The wheel of vLLM on the package index is built for GPUs and answers nothing here. Its loader is Python: told that this
is a CPU, it builds its model, reads the files, and ends in an error if it knows a weight that it does not find. Each of
its weights is then compared with those in the files, and each pair of an adapter's factors by name. What was found is
added to results/vllm_loader.json. vLLM pins its own torch: install it, with --no-deps, beside this one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from keeptune.workspace.provenance import source_commit

RESULTS = Path(__file__).parent / "results" / "vllm_loader.json"
STACKED = {"qkv_proj": ("q_proj", "k_proj", "v_proj"), "gate_up_proj": ("gate_proj", "up_proj")}
"""What vLLM makes one matrix of, in llama's layers."""


def files_of(folder: Path) -> dict[str, torch.Tensor]:
    return {name: weight for file in sorted(folder.glob("*.safetensors")) for name, weight in load_file(file).items()}


def unstacked(name: str) -> Iterator[str]:
    """The names, in the files, of what a weight of vLLM holds from top to bottom."""
    for stacked, parts in STACKED.items():
        if f".{stacked}." in name:
            yield from (name.replace(stacked, part) for part in parts)
            return
    yield name


def whole(folder: Path) -> dict[str, Any]:
    """Load a model, and compare its weights."""
    from vllm.config import set_current_vllm_config
    from vllm.distributed import init_distributed_environment, initialize_model_parallel
    from vllm.engine.arg_utils import EngineArgs
    from vllm.model_executor.model_loader import get_model

    there = files_of(folder)
    dtype = str(next(iter(there.values())).dtype).removeprefix("torch.")  # vLLM would read float32 as bfloat16
    config = EngineArgs(model=str(folder), dtype=dtype, enforce_eager=True, max_model_len=512).create_engine_config()
    with set_current_vllm_config(config):
        if not torch.distributed.is_initialized():
            init_distributed_environment(1, 0, "tcp://127.0.0.1:29577", 0, backend="gloo")
            initialize_model_parallel(1, 1)
        loaded: Mapping[str, torch.Tensor] = dict(get_model(vllm_config=config).named_parameters())
    known = {name: list(unstacked(name)) for name in loaded}
    equal = [
        name
        for name, parts in known.items()
        if torch.equal(
            loaded[name][: sum(map(len, map(there.__getitem__, parts)))], torch.cat([there[n] for n in parts])
        )
    ]
    used = {part for parts in known.values() for part in parts}
    tied = {"lm_head.weight"} if config.model_config.hf_config.tie_word_embeddings else set()
    return {"of": len(loaded), "equal": len(equal), "not_read": sorted(set(there) - used - tied), "dtype": dtype}


def adapter(folder: Path) -> dict[str, Any]:
    """Load an adapter, and compare its factors."""
    from vllm.lora.lora_model import LoRAModel
    from vllm.lora.peft_helper import PEFTHelper

    settings, there = PEFTHelper.from_local_dir(str(folder), 512), files_of(folder)
    modules = {name.rsplit(".", 3)[-3] for name in there}
    loaded = LoRAModel.from_local_checkpoint(str(folder), modules, settings, device="cpu")
    equal = [
        name
        for name, each in loaded.loras.items()
        for factor, found in (("lora_A", each.lora_a), ("lora_B", each.lora_b))
        if torch.equal(found, there[f"base_model.model.{name}.{factor}.weight"].to(found.dtype))
    ]
    return {"of": len(there), "equal": len(equal), "scaling": settings.vllm_lora_scaling_factor}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The record as a table."""
    lines = ["| run and export | weights the same | in | vLLM |", "|---|---|---|---|"]
    for row in rows:
        how = row.get("dtype") or f"scaled by {row['scaling']:g}"
        left = f"; not read: {', '.join(row['not_read'])}" if row.get("not_read") else ""
        lines.append(f"| {row['export']} | {row['equal']} of {row['of']}{left} | {how} | {row['vllm']} |")
    return "\n".join(lines)


def main() -> None:
    import vllm.platforms
    from vllm.platforms.cpu import CpuPlatform

    vllm.platforms._current_platform = CpuPlatform()
    torch.accelerator.empty_cache = lambda: None
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    for folder in map(Path, sys.argv[1:]):
        name = f"{folder.parents[1].name}, {folder.name}"
        found = adapter(folder) if (folder / "adapter_config.json").exists() else whole(folder)
        row = {"export": name, "vllm": version("vllm"), **found, "commit": source_commit()}
        print(json.dumps(row))
        rows = [each for each in rows if each["export"] != name] + [row]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
