"""KL(base ‖ tuned): the tuned model is held to the base's next-token distributions.

On text that the base samples itself, as in Martin Marek 2026, arXiv:2605.26097, spread evenly over the training; what
the base expects there is computed once, before the first step, and kept. On other rows the base answers beside the
tuned model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, zip_longest
from typing import Any

import torch

from keeptune.config.schema import KlOn, TuneConfig
from keeptune.data.batching import split_by_budget
from keeptune.errors import ConfigError
from keeptune.events import Notice
from keeptune.inference.generate import fitting_prompts
from keeptune.mitigation.base_rows import answered_rows, base_rows
from keeptune.mitigation.methods.adapters import adapter_method
from keeptune.mitigation.mitigation import AddedRows, Mitigation, ObjectiveInputs, RowInputs
from keeptune.mitigation.objective import Term
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.restoring import RestoringPart
from keeptune.mitigation.row_source import steps_of
from keeptune.models.adapters import virtual_tokens
from keeptune.models.batch import Batch, make_batch
from keeptune.models.load import LoadedModel
from keeptune.models.reference import Reference, frozen_reference, reference_of, untrained_reference
from keeptune.records import EncodedRow, RowRole
from keeptune.statistics import divergence

LIKELIEST = 128
"""Tokens of the base's distribution that are kept at each position of its own text; the others count as one."""
MOST_TEXTS, MOST_PROMPTS = 64, 256
"""Different texts of the base at most, and prompts of the declared abilities; the steps take them in turn. A token of
text takes the base as long to write as to train on, one of a prompt a fraction of that."""
NOTHING, SOME = 0.02, 4
"""KL in nats a token below which it is taken for 0, as rounding to bfloat16 gives a little, and on how many rows."""
TOGETHER = 2048
"""Tokens that the base reads at a time: each has logits over the whole vocabulary."""


@dataclass(frozen=True, slots=True)
class KlToBase:
    """Σ KL(base ‖ tuned) over the completion tokens, in nats; only the tuned model gets a gradient.

    Over the whole vocabulary, in float32: two more tables of [tokens, vocabulary] beside the logits.
    """

    reference: Reference
    without_target: bool = False
    """Leave the token to learn out of both distributions and renormalise the rest, so that the term does not oppose
    what the task teaches. For the task's own rows; Xu et al. 2026, arXiv:2605.29498."""

    def __call__(self, _model: Any, batch: Batch, logits: torch.Tensor, /) -> torch.Tensor:
        """A scalar, summed over the batch's completion tokens."""
        base = self.reference.logits(batch)
        if self.without_target:
            base, logits = (_without(table, batch.targets) for table in (base, logits))
        return divergence.kl(base, logits).sum()


@dataclass(frozen=True, slots=True)
class KlToKept:
    """`KlToBase` on rows of the base's own text, over its likeliest tokens, computed once: no second model is asked."""

    kept: Mapping[str, divergence.Likeliest]
    """Item id of a row → the base's distributions at its completion tokens."""

    def __call__(self, _model: Any, batch: Batch, logits: torch.Tensor, /) -> torch.Tensor:
        """A scalar, summed over the batch's completion tokens."""
        rows = [self.kept[item] for item in batch.items]
        ids, log_p = (torch.cat([getattr(row, name) for row in rows]) for name in ("ids", "log_p"))
        return divergence.kl_of_likeliest(divergence.Likeliest(ids, log_p), logits).sum()


def kept_distributions(
    base: LoadedModel, reference: Reference, rows: Sequence[EncodedRow]
) -> dict[str, divergence.Likeliest]:
    """What `reference` expects at the completion tokens of `rows`."""
    rows = list({row.item_id: row for row in rows}.values())
    found: dict[str, divergence.Likeliest] = {}
    for places in split_by_budget(range(len(rows)), [row.length for row in rows], TOGETHER):
        part = [rows[place] for place in places]
        batch = make_batch(part, base.kind, base.tokenizer.pad_token_id, base.placement.device)
        with base.placement.autocast():
            likeliest = divergence.Likeliest.of(reference.logits(batch), LIKELIEST)
        for place, row in enumerate(part):
            of_row = batch.rows == place
            found[row.item_id] = divergence.Likeliest(likeliest.ids[of_row], likeliest.log_p[of_row])
    return found


def _without(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """`logits` that rule each position's target out."""
    return logits.scatter(1, targets[:, None], -torch.inf)


def _unfit(_weight: Any, config: TuneConfig) -> ConfigError | None:
    mitigation, method = config.mitigation, adapter_method(config)
    if mitigation.kl_on == "replay" and not mitigation.replay and not mitigation.self_replay:
        return ConfigError("--kl-on replay, and no rows are replayed", "name them with --replay, or use --kl-on self")
    if method is None or not method.divides_base or mitigation.reference is not None:
        return None
    return ConfigError(
        f"--kl needs the unchanged base, and --method {method.name} moves a part of it into the adapter",
        "use --method lora or another, or leave --kl out",
    )


def _rows(inputs: RowInputs, _count: int) -> list[EncodedRow]:
    """Of the whole training, in the order of its steps: as many as take their share of its tokens. Half of it are
    prompts of the declared abilities and the base's answers to them, the rest its own text; one of each at least, and a
    prompt of each ability."""
    mitigation, training = inputs.config.mitigation, inputs.config.training
    learned = sum(row.length for row in inputs.rows) * (training.epochs or 1.0)
    tokens = learned * mitigation.kl_share / (1 - mitigation.kl_share)
    prompts, least = _prompts(inputs), sum(map(bool, inputs.guarded))
    answers = answered_rows(
        inputs.base,
        prompts[: max(least, _count_of(tokens / 2, list(map(len, prompts))))],
        max(1, mitigation.kl_tokens // 2),
        training.seed,
        inputs.observer,
    )
    # Their lengths, only the base can tell.
    in_turn = _in_turn(answers, max(least, _count_of(tokens / 2, [row.length for row in answers])))
    rest = tokens - sum(row.length for row in in_turn)
    count = min(_count_of(rest, [max(1, mitigation.kl_tokens // 2)]), MOST_TEXTS)
    texts = base_rows(inputs.base, count, mitigation.kl_tokens, training.seed, inputs.observer)
    of_texts = _in_turn(texts, _count_of(rest, [row.length for row in texts]))
    told = f"the base wrote {len(texts)} texts for the KL term"
    told += f" and {len(answers)} answers to prompts of the declared abilities" if answers else ""
    inputs.observer(Notice("kl", f"{told}; the training uses {len(in_turn) + len(of_texts)} of them, in turn"))
    return _mixed(in_turn, of_texts)


def _prompts(inputs: RowInputs) -> list[tuple[int, ...]]:
    """Prompts of each declared ability in turn."""
    config = inputs.config
    shuffled = (random.Random(config.training.seed).sample(items, len(items)) for items in inputs.guarded)
    in_turn = [item for together in zip_longest(*shuffled) for item in together if item and item.prompt][:MOST_PROMPTS]
    room = config.mitigation.kl_tokens + virtual_tokens(config.method)
    if not in_turn:
        return []
    return fitting_prompts(inputs.base, inputs.encoder, in_turn, room, inputs.observer, "--kl-tokens")


def _count_of(tokens: float, lengths: Sequence[int]) -> int:
    """Rows of such lengths that have `tokens` together, one at least; none where there is none."""
    return max(1, round(tokens * len(lengths) / sum(lengths))) if lengths else 0


def _in_turn(rows: Sequence[EncodedRow], count: int) -> list[EncodedRow]:
    return list(islice(cycle(rows), count))


def _mixed(*parts: Sequence[EncodedRow]) -> list[EncodedRow]:
    """All rows, those of each part at even distances."""
    placed = [((at + 0.5) / len(part), number, row) for number, part in enumerate(parts) for at, row in enumerate(part)]
    return [row for _, _, row in sorted(placed, key=lambda each: each[:2])]


def _terms(weight: float, inputs: ObjectiveInputs) -> list[Term]:
    kl_on = inputs.config.mitigation.kl_on
    on: RowRole = "base" if kl_on == "self" else kl_on
    rows = [row for row in inputs.rows if row.role == on]
    if not rows:
        raise ConfigError("kl_on is replay, and no rows are replayed", "name them with --replay")
    other = inputs.reference
    if on != "base":
        reference = frozen_reference(other) if other else reference_of(inputs.loaded)
        return [Term(weight, KlToBase(reference, without_target=on == "task"), frozenset({on}))]
    base = other or inputs.loaded
    reference = frozen_reference(other) if other else untrained_reference(inputs.loaded)
    kept = KlToKept(kept_distributions(base, reference, rows))
    # An adapter that starts at random is not where the KL is least.
    restoring = _restoring(inputs.config) and _is_least(kept, inputs.loaded, rows)
    change = RestoringPart.of(inputs.loaded.model) if restoring else None
    return [Term(weight, kept, frozenset({on}), _each_step(inputs, rows), change)]


def _restoring(config: TuneConfig) -> bool:
    """Of another reference, the KL is not least where the weights start."""
    return config.mitigation.kl_gradient == "restoring" and config.mitigation.reference is None


def _is_least(kept: KlToKept, loaded: LoadedModel, rows: Sequence[EncodedRow]) -> bool:
    """Whether the KL is about 0 before the first step."""
    batch = make_batch(rows[:SOME], loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
    with torch.no_grad(), loaded.placement.autocast():
        value = kept(loaded.model, batch, Reference(loaded.model, shared=False).logits(batch))
    return float(value) < NOTHING * sum(row.learned for row in rows[:SOME])


def _each_step(inputs: ObjectiveInputs, rows: Sequence[EncodedRow]) -> float:
    """Tokens of `rows`, which are those of the whole training, per step."""
    training, learned = inputs.config.training, sum(row.role != "base" for row in inputs.rows)
    return sum(row.learned for row in rows) / steps_of(-(-learned // training.batch_size), training)


def _taken_on(kl_on: KlOn) -> Callable[[TuneConfig], bool]:
    return lambda config: config.mitigation.kl > 0 and config.mitigation.kl_on == kl_on


def _kl(kl_on: KlOn) -> Mitigation:
    return Mitigation(
        cost="a forward pass per row",
        default=0.5,
        setting="mitigation.kl",
        source="arXiv:2605.29498",
        uses_reference=True,
        change=lambda value, config: replace(config, mitigation=replace(config.mitigation, kl=value, kl_on=kl_on)),
        active=_taken_on(kl_on),
        unfit=_unfit,
        terms=_terms,
    )


@MITIGATIONS.register("kl")
def kl() -> Mitigation:
    """On text that the base samples itself; in candidates, wherever ``--kl-on`` says."""
    return replace(
        _kl("self"),
        cost="text of the base, its rows beside the task's, and a copy of the trained weights",
        source="arXiv:2605.26097",
        change=None,
        added_rows=AddedRows(_rows, share=0.0, learned=False),
    )


@MITIGATIONS.register("kl-task")
def kl_task() -> Mitigation:
    """On the task's own rows, the right token left out."""
    return _kl("task")


@MITIGATIONS.register("kl-replay")
def kl_replay() -> Mitigation:
    """On replayed rows."""
    return replace(_kl("replay"), needs="old data", source="")
