"""A Mitigation: one way to keep other abilities while a task is learned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import torch

from keeptune.config.schema import TuneConfig
from keeptune.config.setting import NOT_NEGATIVE, Range
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import Observer
from keeptune.mitigation.objective import Penalty, Term, TokenLoss
from keeptune.mitigation.row_source import RowSource
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example
from keeptune.workspace.workspace import Workspace


class WeightAverage(Protocol):
    """An average of the trained weights over the steps."""

    def add(self, model: Any) -> None:
        """Take the weights after a step in."""
        ...

    def swap(self, model: Any) -> None:
        """Give the model the averages and keep its own weights instead; once more: back, to the last bit."""
        ...

    def state(self) -> Mapping[str, torch.Tensor]:
        """What a checkpoint keeps, while the model has its own weights."""
        ...

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from what `state` gave."""
        ...


AfterTraining = Callable[[Any, TuneConfig, Path, Workspace], None]


@dataclass(frozen=True, slots=True)
class RowInputs:
    """Inputs for making rows, before an adapter is attached."""

    config: TuneConfig
    base: LoadedModel
    """The model to train or, for added rows, the reference if there is one."""
    encoder: Encoder
    token_budget: int
    """Maximum tokens of a forward pass, padding included."""
    observer: Observer
    rows: Sequence[EncodedRow] = ()
    """All that are learned; empty while these are still gathered."""
    sources: Sequence[Sequence[Example]] = ()
    """Rows of old tasks."""
    prompts: Sequence[Example] = ()
    """For the base to answer."""
    forbidden: Sequence[Sequence[Example]] = ()
    """Sets that must not be learned, such as items that decide whether an ability was kept."""
    guarded: Sequence[Sequence[Example]] = ()
    """Items of each declared ability whose prompts the base may answer; they decide nothing."""


@dataclass(frozen=True, slots=True)
class ObjectiveInputs:
    """Inputs for making an objective or a source of rows, before the first step."""

    config: TuneConfig
    loaded: LoadedModel
    """With its adapter, if any."""
    rows: Sequence[EncodedRow]
    """All training rows."""
    reference: LoadedModel | None = None
    """The reference, if it is not the trained model."""


@dataclass(frozen=True, slots=True)
class AddedRows:
    """Rows that a mitigation adds to the task's."""

    make: Callable[[RowInputs, int], Sequence[EncodedRow]]
    """(inputs, number of rows) → rows, or another number: fewer where there are no more, or as many as their length
    asks for."""
    share: float | None = None
    """Of the mix. None: the mitigation's value."""
    learned: bool = True
    """The task's loss counts on them, as role ``replay``, in a random order among the task's rows. Else only terms that
    name role ``base`` do; they are spread evenly over the training, in their order."""


@dataclass(frozen=True, slots=True)
class Mitigation:
    """Everything keeptune knows of one mitigation. `mitigation.registry` has them all, by name.

    Each function takes the mitigation's value first, and is called only where the mitigation is active.
    """

    cost: str
    """Its cost in addition to the plain training, in words."""
    name: str = ""
    """Name in candidates and methods: ``kl`` in ``kl=0.5``. The registry sets it."""
    default: float | str | None = None
    """The value of the name alone. None: it takes no value."""
    allowed: Range | tuple[str, ...] = NOT_NEGATIVE
    """Values of a mitigation without a setting of its own; a setting has its own range."""
    setting: str = ""
    """Key of the setting that the value is written to. "": ``mitigation.extra``."""
    needs: Literal["nothing", "old data"] = "nothing"
    stronger: Literal["larger", "smaller"] = "larger"
    """Which values keep more."""
    in_percent: bool = False
    """The value is shown as a percentage."""
    source: str = ""
    """The paper."""
    uses_reference: bool = False
    """It uses the model of ``mitigation.reference`` if there is one."""
    reads_base: bool = False
    """It computes with the base's own matrices, beside the passes."""
    routes: bool = False
    """It trains nothing: the base answers all requests except the task's."""

    change: Callable[[Any, TuneConfig], TuneConfig] | None = None
    """Settings with the mitigation. None: `setting` is set to the value."""
    active: Callable[[TuneConfig], bool] | None = None
    """Whether these settings have it. None: if its setting differs from the schema's default, or `extra` names it."""
    unfit: Callable[[Any, TuneConfig], ConfigError | None] | None = None
    """Why these settings cannot be trained with it, known before a model loads."""
    learned_rows: Callable[[Any, RowInputs, list[EncodedRow]], list[EncodedRow]] | None = None
    """The task's rows, changed."""
    added_rows: AddedRows | None = None
    row_source: Callable[[Any, RowSource, ObjectiveInputs], RowSource] | None = None
    """(value, source of rows, inputs) → the source that replaces it, such as text that the model writes during the
    training."""
    before_training: Callable[[Any, LoadedModel, TuneConfig, Observer], None] | None = None
    """Change which weights are trained, in place."""
    loss: Callable[[Any], TokenLoss | None] | None = None
    """Replaces cross-entropy on the learned rows."""
    terms: Callable[[Any, ObjectiveInputs], Sequence[Term]] | None = None
    """Terms added to the objective."""
    penalty: Callable[[ObjectiveInputs], Penalty] | None = None
    """Penalty on the weights; the value is its weight in the objective."""
    average: Callable[[Any, LoadedModel], WeightAverage] | None = None
    """Weights that are validated and saved instead of the trained ones."""
    after_training: AfterTraining | None = None
    """(value, settings, saved weights, run): write the changed weights to `run.adapter` or `run.model`."""

    @property
    def is_extra(self) -> bool:
        """Whether its value is in ``mitigation.extra`` instead of a setting of its own."""
        return not self.setting and self.change is None
