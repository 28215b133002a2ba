"""A Mitigation: one way to keep other abilities while a task is learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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

AfterTraining = Callable[[Any, TuneConfig, Path, Workspace], None]


@dataclass(frozen=True, slots=True)
class RowInputs:
    """What rows can be made from, before an adapter is attached."""

    config: TuneConfig
    base: LoadedModel
    """The model that is trained or, for added rows, the reference where one was named."""
    encoder: Encoder
    token_budget: int
    """Tokens a forward pass at most, padding counted."""
    observer: Observer
    rows: Sequence[EncodedRow] = ()
    """All that are learned; empty while these are still gathered."""
    sources: Sequence[Sequence[Example]] = ()
    """Rows of old tasks."""
    prompts: Sequence[Example] = ()
    """For the base to answer."""
    forbidden: Sequence[Sequence[Example]] = ()
    """Sets that must not be learned, such as items that decide whether an ability was kept."""


@dataclass(frozen=True, slots=True)
class ObjectiveInputs:
    """What an objective, or a source of rows, can be made from, before the first step."""

    config: TuneConfig
    loaded: LoadedModel
    """With its adapter, where there is one."""
    rows: Sequence[EncodedRow]
    """All that are trained on."""
    reference: LoadedModel | None = None
    """Another model to hold to than the one that is trained."""


@dataclass(frozen=True, slots=True)
class AddedRows:
    """Rows that a mitigation adds to the task's."""

    make: Callable[[RowInputs, int], Sequence[EncodedRow]]
    """(inputs, number of rows) → rows, or fewer where there are no more."""
    share: float | Callable[[RowInputs], float] | None = None
    """Of the mix; a function where it depends on the rows that are learned. None: the mitigation's value."""
    learned: bool = True
    """The task's loss counts on them, as role ``replay``, in a random order among the task's rows. Else only terms that
    name role ``base`` do, and every step has as many of them as any other."""

    def share_of(self, value: Any, inputs: RowInputs | None = None) -> float:
        """Their share of the mix; a function without `inputs` gives 0."""
        share = (self.share(inputs) if inputs else 0.0) if callable(self.share) else self.share
        return float(value if share is None else share)


@dataclass(frozen=True, slots=True)
class Mitigation:
    """Everything keeptune knows of one mitigation. `mitigation.registry` has them all, by name.

    Each function takes the mitigation's value first, and is called only where the mitigation is active.
    """

    cost: str
    """What it takes beside the plain training, in words."""
    name: str = ""
    """In candidates and methods: ``kl`` in ``kl=0.5``. The registry fills it in."""
    default: float | str | None = None
    """The value of the bare name. None: it takes no value."""
    allowed: Range | tuple[str, ...] = NOT_NEGATIVE
    """Values of a mitigation without a setting of its own; a setting has its own range."""
    setting: str = ""
    """Key of the setting that the value is written to. "": ``mitigation.extra``."""
    needs: Literal["nothing", "old data"] = "nothing"
    stronger: Literal["larger", "smaller"] = "larger"
    """Which values keep more."""
    in_percent: bool = False
    """The value is told as a percentage."""
    source: str = ""
    """The paper."""
    uses_reference: bool = False
    """It holds to, or lets write, the model of ``mitigation.reference`` where one is named."""
    routes: bool = False
    """It trains nothing: the base answers all but the task's requests."""

    change: Callable[[Any, TuneConfig], TuneConfig] | None = None
    """Settings with the mitigation. None: `setting` is set to the value."""
    active: Callable[[TuneConfig], bool] | None = None
    """Whether these settings have it. None: its setting is not at the schema's default, or `extra` names it."""
    unfit: Callable[[Any, TuneConfig], ConfigError | None] | None = None
    """Why these settings cannot be trained with it, known before a model loads."""
    learned_rows: Callable[[Any, RowInputs, list[EncodedRow]], list[EncodedRow]] | None = None
    """The task's rows, changed."""
    added_rows: AddedRows | None = None
    row_source: Callable[[Any, RowSource, ObjectiveInputs], RowSource] | None = None
    """(value, where the rows of each step come from, inputs) → where they come from instead, such as what the model
    writes while it learns."""
    before_training: Callable[[Any, LoadedModel, TuneConfig, Observer], None] | None = None
    """Change which weights are trained, in place."""
    loss: Callable[[Any], TokenLoss | None] | None = None
    """What takes the place of cross-entropy on the learned rows."""
    terms: Callable[[Any, ObjectiveInputs], Sequence[Term]] | None = None
    """Added to the objective."""
    penalty: Callable[[ObjectiveInputs], Penalty] | None = None
    """On the weights; its weight in the objective is the value."""
    after_training: AfterTraining | None = None
    """(value, settings, saved weights, run): write the changed weights to `run.adapter` or `run.model`."""

    @property
    def is_extra(self) -> bool:
        """Whether ``mitigation.extra`` holds its value, as no setting of its own does."""
        return not self.setting and self.change is None
