"""Abilities asked in blocks of whole clusters, each no further than its verdict needs."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from keeptune.abilities.suite import shuffled
from keeptune.assessment.two_models import AbilityEvaluator, Both, Records
from keeptune.records import Ability, Example
from keeptune.statistics.confidence_sequence import Planned

FIRST_BLOCK = 32
"""Clusters of the first block: fewer have no verdict in any case."""
GROWTH = 1.5
"""After each block so many times as many clusters were asked: the models take turns, and each turn loads one."""
SIDES = ("base", "tuned")


def in_blocks(items: Sequence[Example], *key: object) -> list[list[Example]]:
    """Whole clusters in an order that depends on their names and `key` alone; the blocks grow by `GROWTH`.

    A last block of less than half the one before is asked with that one.
    """
    clusters: dict[str, list[Example]] = {}
    for example in items:
        clusters.setdefault(example.cluster, []).append(example)
    order = shuffled(clusters, "blocks", *key)
    ends, size = [0], float(FIRST_BLOCK)
    while round(size) < len(order):
        ends.append(round(size))
        size *= GROWTH
    if len(ends) > 2 and 2 * (len(order) - ends[-1]) < ends[-1] - ends[-2]:
        ends.pop()
    ends.append(len(order))
    return [[example for name in order[start:end] for example in clusters[name]] for start, end in pairwise(ends)]


def planned_of(items: Sequence[Example]) -> Planned:
    """What asking all of them would take."""
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
    """Records of both sides of the blocks that each ability needed, the first block in any case; one model is in memory
    at a time.

    Args:
        load: ``base`` or ``tuned`` → that model. The model that answered last begins the next turn.
        decided: whether an ability needs no further block.
        end: when no further turn begins, by the monotonic clock; None for never.
        seconds: what each side took is added.
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
