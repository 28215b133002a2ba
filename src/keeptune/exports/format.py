"""A Format: one layout that a tuned model is exported to, and the tool that reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from keeptune.commands import command
from keeptune.config.schema import ModelConfig
from keeptune.errors import ConfigError
from keeptune.models.architecture import Kind
from keeptune.models.quantization import NONE
from keeptune.registry import Registry
from keeptune.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Source:
    """What is exported: the tuned weights of a finished run."""

    run: Workspace
    tuned: ModelConfig
    """The weights of the run, an adapter or whole ones."""
    kind: Kind
    dtype: str
    """In which the weights were scored."""
    mergeable: bool = True
    """Whether there is no adapter, or one that can be folded into the weights."""
    llama_cpp: str = ""
    """Folder of llama.cpp; "" for the one in the cache folder."""

    @property
    def scored_in(self) -> str:
        """In what numbers the weights were scored, in words."""
        held = self.tuned.quantization
        return self.dtype if held == NONE else f"{self.dtype} on a base in {held}"

    @property
    def is_adapter(self) -> bool:
        """Whether the run made an adapter."""
        return self.run.weights == self.run.adapter


@dataclass(frozen=True, slots=True)
class Exported:
    """The files that a tool loads."""

    model: Path | None
    """Folder or file; None: the adapter names its base itself."""
    adapter: Path | None = None


def refuse_not_mergeable(source: Source) -> None:
    """Raise ConfigError for an adapter that cannot be folded into the weights."""
    if not source.mergeable:
        raise ConfigError(
            f"the adapter of {source.run} cannot be merged with its base",
            f"export it alone: {command('export', source.run, 'adapter')}",
        )


def refuse_no_adapter(source: Source, instead: str) -> None:
    """Raise ConfigError for whole weights; `instead` is the format that holds them."""
    if not source.is_adapter:
        raise ConfigError(
            f"{source.run} holds whole weights and no adapter",
            f"export them whole: {command('export', source.run, instead)}",
        )


class Format(Protocol):
    """Writes one layout."""

    @property
    def tool(self) -> str:
        """Module that asks what was written, run by ``python -m`` as those of `keeptune.exports.tools` are."""
        ...

    @property
    def says(self) -> str:
        """What it is and which tools read it, in one line."""
        ...

    def quantizations(self, source: Source) -> tuple[str, ...]:
        """Types that the weights can be written in, the default first."""
        ...

    def smaller(self, source: Source) -> tuple[str, ...]:
        """Types from the largest to the smallest, among which the items can choose; empty where there is no choice."""
        ...

    def refuse(self, source: Source) -> None:
        """Raise for a source that has no such layout, before anything is written.

        Raises:
            ConfigError: such a source. MissingDependency: what the format needs is not installed.
        """
        ...

    def write(self, source: Source, quantization: str, folder: Path) -> Sequence[str]:
        """Write the files into `folder`, which is there and empty. → what the user should know of them

        Raises:
            ModelError: the weights cannot be written so.
        """
        ...

    def load_command(self, source: Source, folder: Path) -> str:
        """How the tool loads what lies in `folder`, as a line for a shell."""
        ...

    def exported(self, source: Source, folder: Path, scratch: Path) -> Exported:
        """The files in `folder` as the tool loads them; what it needs beside them is made in `scratch`."""
        ...


FORMATS: Registry[Format] = Registry("format", "keeptune.export_formats", built_in="keeptune.exports.formats")
