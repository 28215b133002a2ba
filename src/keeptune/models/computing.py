"""What decides how this machine rounds a sum: versions, processor or GPU, threads and processes."""

from __future__ import annotations

import importlib.metadata

import torch

from keeptune.models.load import LoadedModel
from keeptune.models.placement import cpu_flags
from keeptune.models.processes import launched
from keeptune.models.quantization import NONE
from keeptune.workspace.manifest import ModelFacts

PACKAGES = ("torch", "transformers", "peft")


def computing(device: torch.device) -> dict[str, str]:
    """For people, as a manifest holds it."""
    of_gpu = device.type == "cuda"
    kernels = torch.cuda.get_device_name(device) if of_gpu else torch.backends.cpu.get_cpu_capability()
    return {"kernels": kernels, "threads": str(torch.get_num_threads()), "processes": str(launched())}


def computing_key(loaded: LoadedModel) -> list[object]:
    """For the key of a cache: where it is equal, a model gives the same bytes again."""
    device = loaded.placement.device
    of_gpu = device.type == "cuda"
    of_bits = () if loaded.quantization == NONE else ("bitsandbytes",)
    return [
        [importlib.metadata.version(name) for name in (*PACKAGES, *of_bits)],
        torch.cuda.get_device_name(device) if of_gpu else cpu_flags(),
        torch.get_num_threads(),
        launched(),
    ]


def model_facts(name: str, loaded: LoadedModel) -> ModelFacts:
    """Of a model that has answered, for the manifest."""
    place = loaded.placement
    return ModelFacts(name, loaded.hash, str(place.device), place.dtype_name, computing(place.device))
