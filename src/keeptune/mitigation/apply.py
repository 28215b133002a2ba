"""Apply the active mitigations to one training: which rows it adds, and what the loop minimizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.config.schema import TuneConfig
from keeptune.data.encode import Encoder
from keeptune.events import Notice, Observer
from keeptune.mitigation.active import active
from keeptune.mitigation.mitigation import ObjectiveInputs, RowInputs, WeightAverage
from keeptune.mitigation.mix import rows_for_shares
from keeptune.mitigation.objective import Objective, Term, completion_loss
from keeptune.mitigation.row_source import FixedRows, JoinedRows, RowsInOrder, RowSource, steps_of
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example


@dataclass(frozen=True, slots=True)
class AppliedMitigations:
    """The active mitigations of one training. `train` calls the methods in this order."""

    config: TuneConfig
    encoder: Encoder
    token_budget: int
    observer: Observer
    other: LoadedModel | None = None
    """The reference, if it is not the model that is trained."""

    def learned_rows(self, base: LoadedModel, rows: list[EncodedRow]) -> list[EncodedRow]:
        """The task's rows, changed by the mitigations."""
        inputs = RowInputs(self.config, base, self.encoder, self.token_budget, self.observer)
        for mitigation, value in active(self.config):
            if mitigation.learned_rows:
                rows = mitigation.learned_rows(value, inputs, rows)
        return rows

    def old_rows(
        self,
        base: LoadedModel,
        task_rows: int,
        sources: Sequence[Sequence[Example]] = (),
        prompts: Sequence[Example] = (),
        forbidden: Sequence[Sequence[Example]] = (),
    ) -> list[EncodedRow]:
        """Rows to learn in addition to the task's: old rows, and rows that the bare base writes.

        Args:
            sources: rows of old tasks.
            prompts: for the base to answer; without any, it samples its own.
            forbidden: sets that must not be replayed, such as items that are evaluated afterwards.
        """
        inputs = RowInputs(
            self.config,
            base,
            self.encoder,
            self.token_budget,
            self.observer,
            sources=sources,
            prompts=prompts,
            forbidden=forbidden,
        )
        adding = [(m.added_rows, value) for m, value in active(self.config) if m.added_rows and m.added_rows.learned]
        shares = [value if added.share is None else added.share for added, value in adding]
        rows: list[EncodedRow] = []
        for (added, _), count in zip(adding, rows_for_shares(task_rows, shares), strict=True):
            rows += [replace(row, role="replay") for row in added.make(inputs, count)]
        if rows:
            self.observer(Notice("replay", f"{len(rows)} replayed rows in a mix of {task_rows + len(rows)}"))
        return rows

    def base_rows(
        self, base: LoadedModel, rows: Sequence[EncodedRow], guarded: Sequence[Sequence[Example]] = ()
    ) -> list[EncodedRow]:
        """Rows of the whole training that are not learned but used by terms of the objective.

        Args:
            rows: all that are learned.
            guarded: items of each declared ability whose prompts the base may answer.
        """
        inputs = RowInputs(self.config, base, self.encoder, self.token_budget, self.observer, rows, guarded=guarded)
        found: list[EncodedRow] = []
        for mitigation, value in active(self.config):
            added = mitigation.added_rows
            if added and not added.learned:
                learned = round(len(rows) * (self.config.training.epochs or 1.0))
                (count,) = rows_for_shares(learned, [value if added.share is None else added.share])
                found += [replace(row, role="base") for row in added.make(inputs, count)]
        return found

    def before_training(self, loaded: LoadedModel) -> None:
        """Change which weights are trained, after the adapter is attached."""
        for mitigation, value in active(self.config):
            if mitigation.before_training:
                mitigation.before_training(value, loaded, self.config, self.observer)

    def objective(self, loaded: LoadedModel, rows: Sequence[EncodedRow]) -> Objective:
        """The objective. Call it before the first step, with the adapter attached.

        Args:
            rows: all that are trained on.
        """
        inputs = self._inputs(loaded, rows)
        found = active(self.config)
        losses = [loss for m, value in found if m.loss and (loss := m.loss(value))]
        terms = [term for m, value in found if m.terms for term in m.terms(value, inputs)]
        penalties = [(value, m.penalty(inputs)) for m, value in found if m.penalty]
        return Objective((Term(1.0, losses[0] if losses else completion_loss), *terms), tuple(penalties))

    def average(self, loaded: LoadedModel) -> WeightAverage | None:
        """What is validated and saved instead of the trained weights: call it before the first step."""
        found = (m.average(value, loaded) for m, value in active(self.config) if m.average)
        return next(found, None)

    def row_source(self, loaded: LoadedModel, rows: Sequence[EncodedRow]) -> RowSource:
        """The source of the rows of each step. Call it before the first step, with the adapter attached.

        Args:
            rows: all that are known beforehand.
        """
        training, inputs = self.config.training, self._inputs(loaded, rows)
        learned, beside = ([row for row in rows if (row.role == "base") is base] for base in (False, True))
        source: RowSource = FixedRows(learned, training.batch_size, training.seed)
        if beside:
            steps = steps_of(source.epoch.steps, training)
            source = JoinedRows((source, RowsInOrder(beside, steps)))
        for mitigation, value in active(self.config):
            if mitigation.row_source:
                source = mitigation.row_source(value, source, inputs)
        return source

    def _inputs(self, loaded: LoadedModel, rows: Sequence[EncodedRow]) -> ObjectiveInputs:
        return ObjectiveInputs(self.config, loaded, rows, self.other)
