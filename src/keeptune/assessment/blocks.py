"""Abilities evaluated in blocks of whole clusters, each until its verdict is decided."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from keeptune.abilities.suite import shuffled
from keeptune.assessment.two_models import AbilityEvaluator, Both, Records
from keeptune.forgetting.sequential import block_ends
from keeptune.records import Ability, Example
from keeptune.statistics.confidence_sequence import Planned

SIDES = ("base", "tuned")


def in_blocks(items: Sequence[Example], *key: object) -> list[list[Example]]:
    """The items in blocks of whole clusters, whose order depends only on their names and `key`."""
    clusters: dict[str, list[Example]] = {}
    for example in items:
        clusters.setdefault(example.cluster, []).append(example)
    order = shuffled(clusters, "blocks", *key)
    return [
        [example for name in order[start:end] for example in clusters[name]]
        for start, end in pairwise([0, *block_ends(len(order))])
    ]


def planned_of(items: Sequence[Example]) -> Planned:
    """The number of items and clusters, and the size of the largest cluster."""
    sizes: dict[str, int] = {}
    for example in items:
        sizes[example.cluster] = sizes.get(example.cluster, 0) + 1
    return Planned(len(items), len(sizes), max(sizes.values(), default=1))


def ask_in_blocks(
    load: Callable[[str], AbilityEvaluator],
    abilities: Sequence[Ability],
    decided: Callable[[Ability, Records, Records], bool],
    end: float | None,
    seconds: dict[str, float],
) -> Mapping[str, Both]:
    """Evaluate both models on the first block of each ability, and on further blocks until it is decided. One model is
    in memory at a time.

    Args:
        load: loads ``base`` or ``tuned``. The model that was evaluated last begins the next turn.
        decided: returns whether an ability, with these records, needs no further block.
        end: time on the monotonic clock after which no turn begins; None for no limit.
        seconds: each model's time is added.
    """
    blocks = {ability.name: in_blocks(ability.items, ability.name) for ability in abilities}
    answered: dict[str, dict[str, Records]] = {ability.name: {side: [] for side in SIDES} for ability in abilities}
    undecided, turn = list(abilities), 0
    sides, evaluator = list(SIDES), None
    while undecided and (turn == 0 or end is None or time.monotonic() < end):
        for side in sides:
            began = time.monotonic()
            if evaluator is None or evaluator.name != side:
                evaluator = None
                gc.collect()
                evaluator = load(side)
            for ability in undecided:
                answered[ability.name][side] += evaluator.evaluate(ability, blocks[ability.name][turn])
            seconds[f"verdict_{side}"] = seconds.get(f"verdict_{side}", 0.0) + time.monotonic() - began
        turn += 1
        undecided = [
            ability
            for ability in undecided
            if turn < len(blocks[ability.name]) and not decided(ability, *answered[ability.name].values())
        ]
        sides.reverse()
    return {name: (both["base"], both["tuned"]) for name, both in answered.items()}
