"""Replay: old examples among the new, never those that are asked afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from keeptune.data.split import limit_examples
from keeptune.errors import DataError
from keeptune.events import Notice, Observer, silent
from keeptune.mitigation.mitigation import AddedRows, Mitigation, RowInputs
from keeptune.mitigation.mix import without_repeats
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.records import EncodedRow, Example


def replay_examples(
    count: int,
    sources: Sequence[Sequence[Example]],
    forbidden: Sequence[Sequence[Example]],
    seed: int,
    observer: Observer = silent,
) -> tuple[Example, ...]:
    """`count` old examples, as many of each source; of one that is too small all, and more of the others.

    None comes twice. With one seed, the choice of 10 from a source lies within the choice of 100. Ids are made
    unique by the number of their source.

    Args:
        forbidden: sets of examples that must not occur: the task's train and test rows, and the items of each ability
            to be kept (to replay those would only fake that it is kept). One set each, as each is worded in a
            way of its own.

    Raises:
        DataError: nothing is left.
    """
    usable: list[tuple[Example, ...]] = []
    for source in sources:
        usable.append(without_repeats(source, [*forbidden, *usable]))
    left_out = sum(map(len, sources)) - sum(map(len, usable))
    if left_out:
        observer(
            Notice(
                "replay",
                f"{left_out} rows of old tasks left out, as they repeat another, "
                "or occur in train, in test or among the items to be kept",
            )
        )
    if not any(usable):
        raise DataError(
            "no rows of old tasks are left to replay: all occur in train, in test or among the items to be kept",
            "name other rows with --replay",
        )
    if sum(map(len, usable)) < count:
        observer(Notice("replay", f"{count} rows of old tasks were requested, {sum(map(len, usable))} are available"))
    return tuple(
        replace(example, id=f"replay-{number}/{example.id}")
        for number, (source, wanted) in enumerate(zip(usable, _even([len(s) for s in usable], count), strict=True), 1)
        for example in limit_examples(source, wanted, seed)
    )


def _even(sizes: Sequence[int], count: int) -> list[int]:
    """How many to take of each, `count` together where there are as many; as equal as the sizes allow."""
    taken = [0] * len(sizes)
    for place, at in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        # The smallest first: what it cannot give, the larger ones share.
        taken[at] = min(sizes[at], -(-(count - sum(taken)) // (len(sizes) - place)))
    return taken


def _rows(inputs: RowInputs, count: int) -> list[EncodedRow]:
    seed = inputs.config.training.seed
    return inputs.encoder.rows(replay_examples(count, inputs.sources, inputs.forbidden, seed, inputs.observer))


@MITIGATIONS.register("replay")
def replay() -> Mitigation:
    """The value is the share of the mix's rows that are of old tasks."""
    return Mitigation(
        cost="more rows",
        default=0.05,
        setting="mitigation.replay_fraction",
        needs="old data",
        in_percent=True,
        source="arXiv:2502.06042",
        active=lambda config: bool(config.mitigation.replay and config.mitigation.replay_fraction),
        added_rows=AddedRows(_rows),
    )
