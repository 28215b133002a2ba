"""The weights of a folder, read from its safetensors files one at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from keeptune.errors import ModelError
from keeptune.models.weight_files import adapter_files, model_files


class SavedWeights(Mapping[str, torch.Tensor]):
    """Name → weight. A weight is read when it is accessed, and not cached."""

    def __init__(self, folder: Path, *, adapter: bool = False) -> None:
        """Raise ModelError if there are no readable safetensors, of an adapter or of a whole model."""
        self.files: dict[str, tuple[str, ...]] = {}
        """File → the names that it holds."""
        self._holders: dict[str, Any] = {}
        for path in adapter_files(folder) if adapter else model_files(folder):
            try:
                holder: Any = safe_open(str(path), framework="pt")
            except (OSError, SafetensorError) as error:
                raise ModelError(f"{path} cannot be read: {error}", "fetch or save the model again") from error
            self.files[path.name] = tuple(holder.keys())
            self._holders |= dict.fromkeys(holder.keys(), holder)

    def __getitem__(self, name: str) -> torch.Tensor:
        tensor: torch.Tensor = self._holders[name].get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._holders)

    def __len__(self) -> int:
        return len(self._holders)
