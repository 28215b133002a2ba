"""An ExportReport: an exported model, asked by the tool it is for, beside the model that was scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keeptune.records.forgetting_report import AbilityReport, Gate
from keeptune.records.manifest import RunManifest
from keeptune.records.shown import Shown, paragraphs, table


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    count: int
    of: int

    def __str__(self) -> str:
        return f"{self.count:,} of {self.of:,}"


def export_name(format: str, quantization: str) -> str:
    """Of an export within its run: ``gguf-q4_k_m``."""
    return f"{format}-{quantization}".lower()


@dataclass(frozen=True, slots=True, repr=False)
class ExportReport(Shown):
    """An exported model on arrival."""

    schema_version: int
    path: str
    """Folder of the files."""
    run: str
    format: str
    quantization: str
    """Type of the weights in the files: ``float32``, ``Q4_K_M`` …"""
    tool: str
    """What asked it, with its version: ``llama-cpp-python 0.3.36``; "" where it was not asked."""
    size: int
    """Bytes of all its files."""
    prompts: Share | None
    """Items for which the tool made the same prompt, token by token, as the model was scored with."""
    answers: Share | None
    """Items with the same greedy answer."""
    tokens_per_second: float | None
    """Of the answers, one item at a time."""
    abilities: tuple[AbilityReport, ...]
    """The task first. `base` is the scored model, `tuned` the exported one."""
    gate: Gate
    """Over the task and the abilities that the run declared."""
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    load: str
    """How the tool loads the files, as a line for a shell."""
    config: Mapping[str, Any]
    manifest: RunManifest
    not_asked: tuple[str, ...] = ()
    """What the run declared and the tool was not asked: without it nothing passes."""

    @property
    def name(self) -> str:
        """Of the export within its run: ``gguf-q4_k_m``."""
        return export_name(self.format, self.quantization)

    @property
    def was_asked(self) -> bool:
        """Whether a tool has loaded and asked it."""
        return bool(self.tool)

    @property
    def keeps(self) -> bool:
        """Whether it keeps the task and every declared ability; or answers each item as the scored model did, where
        these are too few to show that."""
        same = self.answers is not None and self.answers.count == self.answers.of
        return self.gate == "pass" or (same and self.gate != "fail" and not self.not_asked)

    def _line(self) -> str:
        return f"{self.name}, {'not asked' if not self.was_asked else f'gate {self.gate}'}, {self.path}"

    def _page(self) -> str:
        head = ("ability", "verdict", "as scored", "as exported", "drop, 95 % interval", "margin", "items")
        rows = [(a.name, a.verdict, a.base, a.tuned, a.drop, a.margin, a.items) for a in self.abilities]
        return paragraphs([self._line(), *self.sentences, *self.notes]) + table(head, rows)
