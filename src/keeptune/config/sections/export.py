"""How a run is exported."""

from __future__ import annotations

from dataclasses import dataclass

from keeptune.config.canonical import Canonical


@dataclass(frozen=True, slots=True)
class ExportConfig(Canonical):
    """A whole `export`."""

    run: str
    """A finished run of `tune`, by its folder or its name in ``runs``."""
    format: str
    """``safetensors``, ``adapter``, ``gguf`` …"""
    quantizations: tuple[str, ...] = ()
    """Types of the weights to try, in this order. Empty: the format's default. With several, the last that keeps the
    task and every declared ability is exported, and the first that does not ends the search."""
    items: int | None = None
    """Items of the task and of each ability that the export is asked, at most. None: all that the run scored."""
    margin: float | None = None
    """The largest drop on the task that does not matter. None: 5 points, or 0.05 nats per token."""
    undeclared: bool = False
    """Whether the abilities that the run measured and did not declare are asked, too. They decide nothing."""
    check: bool = True
    """Whether the tool that the export is for is asked the run's items."""
    llama_cpp: str = ""
    """Folder of llama.cpp, for its converters. Empty: the one in the cache folder."""
    allow_code: bool = False
    """Whether code that the run's settings name may run."""
    push_to_hub: str = ""
    """Name on the hub, ``OWNER/NAME``, to publish the files under. Empty: nothing leaves this machine."""
    private: bool = False
    """Whether a repository that is made for it is private."""
    dry_run: bool = False
    """Whether only to say what would be published."""
    output: str = ""
    """Folder of the files. Empty: ``RUN/exports/FORMAT-TYPE``."""
