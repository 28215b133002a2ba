"""A Suite: one built-in ability as hand-written templates and generated items; it builds the Ability.

Everything here is a pure function of the suite's text: the same version gives the same items, ids, split and
templates on every machine. Order is by hash, never by a random generator, so a trimmed suite is a prefix of the
whole.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from keeptune.records import Ability, Example, Message, OutputType

DEV_ITEMS = 200
"""Dev items of a suite at least; all others are verdict items."""


@dataclass(frozen=True, slots=True)
class Item:
    """One question, before it is put in words."""

    fields: Mapping[str, str]
    """What the suite's templates name: ``{"text": …}``."""
    answer: str
    cluster: str
    """Items of one underlying problem share it: all are verdict items, or all are dev items."""
    choices: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """Every accepted answer, where there is more than `answer`."""


def shown(answer: str, **fields: str) -> Item:
    """A worked example: an item that is never asked."""
    return Item(fields, answer, "shown")


@dataclass(frozen=True, slots=True)
class Suite:
    """One built-in ability."""

    name: str
    title: str
    version: str
    """Raised with any change of what is asked or how."""
    templates: tuple[str, ...]
    """Templates of the whole user message, at least three; ``{field}`` stands for a field of the item. None in the
    form ``loss``, where a text is scored without a prompt."""
    output_type: OutputType
    demonstrations: tuple[Item, ...]
    """Worked examples for the variant ``few-shot``, in this order; never asked."""
    metrics: tuple[str, ...]
    chance: float | None
    make: Callable[[], Sequence[Item]]
    """Builds all items, always the same; their order gives the ids."""
    margin: float = 5.0
    max_new_tokens: int = 16
    shots: int = 0
    """How many of the demonstrations stand before every item in the suite's own form: none, or as many as measure
    best in ``choices``; at least one in ``few-shot``."""

    def ability(
        self, items: int | None = None, declared: bool = False, margin: float | None = None, clusters: int = 1
    ) -> Ability:
        """The Ability, with at most `items` verdict items and as many dev items, in whole clusters; `clusters` at
        least."""
        dev, verdict = self._split()
        verdict, dev = (first_clusters(part, items, clusters) for part in (verdict, dev))
        shown = self.demonstrations[: self.shots]
        variants = {} if self.output_type == "loss" else {"free": self._ask(verdict, ())}
        for number, template in enumerate(self.templates, start=1):
            variants[f"template-{number}"] = self._ask(verdict, shown, template)
        if self.output_type not in ("few-shot", "loss"):
            variants["few-shot"] = self._ask(verdict, self.demonstrations)
        return Ability(
            name=self.name,
            title=self.title,
            source="built-in",
            version=self.version,
            output_type=self.output_type,
            metrics=self.metrics,
            items=self._ask(verdict, shown),
            dev=self._ask(dev, shown),
            chance=self.chance,
            margin=self.margin if margin is None else margin,
            declared=declared,
            max_new_tokens=self.max_new_tokens,
            variants=variants,
        )

    def _split(self) -> tuple[list[tuple[str, Item]], list[tuple[str, Item]]]:
        """(dev, verdict) as (id, item); dev takes the last clusters."""
        clusters: dict[str, list[tuple[str, Item]]] = {}
        for number, item in enumerate(self.make()):
            clusters.setdefault(item.cluster, []).append((f"{self.name}/v{self.version}/{number:04d}", item))
        order = self._order({cluster: [item for _, item in pairs] for cluster, pairs in clusters.items()})
        dev: list[tuple[str, Item]] = []
        while order and len(dev) < DEV_ITEMS:
            dev += clusters[order.pop()]
        return dev, [each for cluster in order for each in clusters[cluster]]

    def _order(self, clusters: Mapping[str, Sequence[Item]]) -> list[str]:
        """Clusters by hash, those with the same right choices spread evenly: any prefix has balanced labels."""
        alike: dict[frozenset[int], list[str]] = {}
        for cluster in sorted(clusters, key=lambda name: stable_hash(self.name, name)):
            right = frozenset(item.choices.index(item.answer) for item in clusters[cluster] if item.choices)
            alike.setdefault(right, []).append(cluster)
        places = {
            cluster: ((place + 0.5) / len(names), stable_hash(self.name, cluster))
            for names in alike.values()
            for place, cluster in enumerate(names)
        }
        return sorted(places, key=places.__getitem__)

    def _ask(
        self, items: Iterable[tuple[str, Item]], shots: Sequence[Item], template: str | None = None
    ) -> tuple[Example, ...]:
        """Items in words; each in its own template, which its id decides, or all in `template`.

        Worked examples are earlier turns: inside one message with the question, SmolLM2-135M-Instruct told 25 % of 40
        topics, as turns 83 %.
        """
        asked = []
        for item_id, item in items:
            turns: list[Message] = []
            if self.output_type != "loss":
                asks = template or self.templates[stable_hash(item_id) % len(self.templates)]
                for shot in shots:
                    turns += [Message("user", asks.format_map(shot.fields)), Message("assistant", shot.answer)]
                turns.append(Message("user", asks.format_map(item.fields)))
            asked.append(
                Example(
                    id=item_id,
                    prompt=tuple(turns),
                    completion=item.answer,
                    references=item.references or (item.answer,),
                    choices=item.choices,
                    group=f"{self.name}/{item.cluster}",
                    task=self.name,
                )
            )
        return tuple(asked)


def first_clusters(items: Sequence[tuple[str, Item]], limit: int | None, at_least: int = 1) -> list[tuple[str, Item]]:
    """The longest prefix of whole clusters with at most `limit` items; `at_least` clusters, where there are as many."""
    kept: list[tuple[str, Item]] = []
    for number, (_, group) in enumerate(itertools.groupby(items, key=lambda each: each[1].cluster)):
        cluster = list(group)
        if number >= at_least and limit is not None and len(kept) + len(cluster) > limit:
            break
        kept += cluster
    return kept


def stable_hash(*parts: object) -> int:
    """A number from these parts, the same on every machine: orders and rotations are made by it."""
    return int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode()).digest()[:8], "big")


def pick(options: Sequence[str], *key: object) -> str:
    """One of `options`, as `key` decides."""
    return options[stable_hash(*key) % len(options)]


def shuffled(options: Iterable[str], *key: object) -> tuple[str, ...]:
    """`options` in an order that `key` decides."""
    return tuple(sorted(options, key=lambda option: stable_hash(option, *key)))
