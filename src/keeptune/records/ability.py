"""An Ability: something that a model could do, as a set of items with a metric and a margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from keeptune.records.example import Example

Source = Literal["built-in", "yours", "lm-eval"]
OutputType = Literal["generate", "few-shot", "choices", "loss"]


@dataclass(frozen=True, slots=True)
class Ability:
    """What is measured before and after. One type for all sources."""

    name: str
    """Short and unique in a run: ``sentiment``, ``ner`` …"""
    title: str
    """What it is, in a few words."""
    source: Source
    version: str
    """Raised when items, templates or the form change: scores of two versions are not compared."""
    output_type: OutputType
    """How it is asked: free generation, generation after examples, likelihood over choices, or of a text."""
    metrics: tuple[str, ...]
    """Names from the table of metrics; the verdict is by the first."""
    items: tuple[Example, ...]
    """Verdict items, scored once; one template an item, clusters by `Example.group`."""
    dev: tuple[Example, ...] = ()
    """Disjoint items, on which form, template and measurability are settled."""
    prompts: tuple[Example, ...] = ()
    """Disjoint items whose prompts a training may use. They decide nothing."""
    chance: float | None = None
    """Score of a guesser, in the metric's unit; None where the metric has none."""
    margin: float = 5.0
    """The largest drop that does not matter: points, or nats per token for a loss."""
    declared: bool = False
    """Whether the user asked to keep it: only then it counts in the gate."""
    max_new_tokens: int = 48
    """Room for a generated answer."""
    variants: Mapping[str, tuple[Example, ...]] = field(default_factory=dict)
    """Verdict items asked otherwise, by name: ``free`` (plain generation), ``template-2`` …, ``few-shot``. The same
    item ids."""
