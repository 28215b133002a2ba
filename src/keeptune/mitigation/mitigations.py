"""What a training does against forgetting, from its settings: more rows, and what the loop minimises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from keeptune.config.schema import MitigationConfig
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import Notice, Observer
from keeptune.inference.base_text import sample_text
from keeptune.mitigation.objective import Objective, Penalty, Term, completion_loss
from keeptune.mitigation.replay import replay_examples, rows_for_shares
from keeptune.mitigation.self_replay import Writing, base_rows, self_replay_rows
from keeptune.mitigation.terms.ewc import ewc
from keeptune.mitigation.terms.kl import KlToBase
from keeptune.mitigation.terms.l2sp import l2sp
from keeptune.mitigation.terms.token_mask import mask_improbable
from keeptune.mitigation.terms.token_weights import TOKEN_LOSSES
from keeptune.models.freeze import freeze_lowest
from keeptune.models.load import LoadedModel
from keeptune.models.reference import frozen_reference, reference_of
from keeptune.records import EncodedRow, Example, RowRole

BASE_TEXTS = 0.1
"""Share of the mix's rows that are text of the base, where KL is taken on it."""
BASE_TEXT_TOKENS = 64
FISHER_TEXTS = 64
SELF_REPLAY_SEED = 2_000_003
"""Added to the training's seed, so that no replayed text is the text that drift is measured on, which has seed 0."""
EWC_SEED = 7919
"""Of the text that tells what matters to the base; drift is measured on other text."""


@dataclass(frozen=True, slots=True)
class Mitigations:
    """The mitigations of one training, in the order in which `train` needs them."""

    mitigation: MitigationConfig
    encoder: Encoder
    seed: int
    token_budget: int
    observer: Observer
    other: LoadedModel | None = None
    """What is held to in the place of the model that is trained."""

    def old_rows(
        self,
        base: LoadedModel,
        task_rows: int,
        sources: Sequence[Sequence[Example]],
        prompts: Sequence[Example],
        forbidden: Sequence[Sequence[Example]],
    ) -> list[EncodedRow]:
        """Rows to replay: old ones, and such as the bare base writes.

        Args:
            sources: rows of old tasks.
            prompts: for the base to answer; it draws its own where there are none.
            forbidden: sets that must not be replayed, such as those that are asked afterwards.
        """
        fractions = (self.mitigation.replay_fraction if sources else 0.0, self.mitigation.self_replay)
        old, own = rows_for_shares(task_rows, fractions)
        rows: list[EncodedRow] = []
        if old:
            examples = replay_examples(old, sources, forbidden, self.seed, self.observer)
            rows += _as_role(self.encoder.rows(examples), "replay")
        if own:
            writing = Writing(seed=self.seed + SELF_REPLAY_SEED, token_budget=self.token_budget)
            rows += self_replay_rows(base, self.encoder, own, forbidden, prompts, writing, self.observer)
        if rows:
            self.observer(Notice("replay", f"{len(rows)} replayed rows in a mix of {task_rows + len(rows)}"))
        return rows

    def base_rows(self, base: LoadedModel, rows: int) -> list[EncodedRow]:
        """Text that the bare base samples, for KL alone."""
        if not self.mitigation.kl or self.mitigation.kl_on != "self":
            return []
        count = rows_for_shares(rows, (BASE_TEXTS,))[0]
        self.observer(Notice("kl", f"{count} texts sampled from the base, on which the tuned model is held to it"))
        return base_rows(base, count, BASE_TEXT_TOKENS, self.seed, self.observer)

    def learned_rows(self, base: LoadedModel, rows: list[EncodedRow]) -> list[EncodedRow]:
        """`rows`, without the tokens that the bare base finds improbable where that was asked for."""
        if self.mitigation.token_weights != "stm":
            return rows
        masked = mask_improbable(base, rows, self.token_budget)
        share = f"{100 * masked.masked / masked.tokens:.0f} %"
        rest = f"; {masked.dropped} rows had no other" if masked.dropped else ""
        self.observer(Notice("stm", f"{share} of the completion tokens are improbable and not learned{rest}"))
        return list(masked.rows)

    def freeze(self, loaded: LoadedModel) -> None:
        """Hold the lowest layers of a model that is trained fully."""
        if not self.mitigation.freeze:
            return
        frozen = freeze_lowest(loaded, self.mitigation.freeze)
        self.observer(
            Notice("freeze", f"{len(frozen.layers)} layers and the embeddings, {frozen.weights:,} weights, stay")
        )

    def objective(self, loaded: LoadedModel, rows: Sequence[EncodedRow]) -> Objective:
        """What is minimised: call it before the first step, with the adapter on.

        Args:
            rows: all that are trained on.
        """
        loss = TOKEN_LOSSES.get(self.mitigation.token_weights, completion_loss)
        terms = [Term(1.0, loss)]
        if self.mitigation.kl:
            on: RowRole = "base" if self.mitigation.kl_on == "self" else self.mitigation.kl_on
            if not any(row.role == on for row in rows):
                raise ConfigError("kl_on is replay, and no rows are replayed", "name them with --replay")
            reference = frozen_reference(self.other) if self.other else reference_of(loaded)
            terms.append(Term(self.mitigation.kl, KlToBase(reference, without_target=on == "task"), frozenset({on})))
        return Objective(tuple(terms), tuple(self._penalties(loaded, rows)))

    def _penalties(self, loaded: LoadedModel, rows: Sequence[EncodedRow]) -> list[tuple[float, Penalty]]:
        found: list[tuple[float, Penalty]] = []
        if self.mitigation.l2sp:
            found.append((self.mitigation.l2sp, l2sp(loaded)))
        if self.mitigation.ewc:
            old = [row for row in rows if row.role != "task"]
            found.append(
                (self.mitigation.ewc, ewc(loaded, old or sample_text(loaded, FISHER_TEXTS, BASE_TEXT_TOKENS, EWC_SEED)))
            )
        return found


def _as_role(rows: Sequence[EncodedRow], role: RowRole) -> list[EncodedRow]:
    return [replace(row, role=role) for row in rows]
