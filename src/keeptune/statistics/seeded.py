"""A difference measured under several training seeds on the same items: how far seeds and items let it be known.

Two sources of error, both in the interval: another seed would have given another model, and other items another score
of it. Bouthillier et al. 2021, "Accounting for variance in machine learning benchmarks", arXiv:2103.03098.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import stdtrit

from keeptune.records import Interval, Undefined
from keeptune.statistics.jackknife import (
    MIN_CLUSTERS,
    MIN_DIFFERING,
    TOO_FEW,
    BoolArray,
    FloatArray,
    LeftOut,
    jackknife_variance,
)

METHOD = "seeds and items, t"
NOISE = 1e-12
MIN_SEEDS = 3
"""Fewer settle nothing about a method: from three on Welch–Satterthwaite intervals cover 92 % or more, at two 88 to 98
(`benchmarks/comparing_methods.py`)."""
SATTERTHWAITE_UP_TO = 0.95
ONE_SEED = "one seed: applies to one checkpoint only"


@dataclass(frozen=True, slots=True)
class Seeded:
    """One number a seed, with what each cluster of items does to it. Sums and differences of such are such again."""

    seeds: tuple[int, ...]
    values: FloatArray
    """[seeds]."""
    moves: Mapping[str, FloatArray]
    """Set of items → [seeds, clusters]: value without that cluster − value."""
    differ: Mapping[str, BoolArray] = field(default_factory=dict)
    """Set of items → [clusters]: those in which anything differs under any seed, where that is known."""

    @property
    def mean(self) -> float:
        return float(self.values.mean())

    @property
    def clusters(self) -> int:
        """Of all sets of items together."""
        return sum(moves.shape[1] for moves in self.moves.values())

    @property
    def differing(self) -> int:
        """Clusters in which anything differs; where that is not known, those that move the number otherwise than most
        do, as those in which nothing differs move it alike."""
        return sum(int(self.differ.get(name, _unlike_most(moves)).sum()) for name, moves in self.moves.items())

    @property
    def standard_error(self) -> float:
        """√(s²(seeds)/S + s²(items)/n), the second part the cluster jackknife of the mean over seeds, summed over
        sets of items; for one seed the second part alone."""
        return math.sqrt(sum(part for part, _ in self._parts()))

    def _parts(self) -> list[tuple[float, int]]:
        """(squared standard error, degrees of freedom) of the seeds, of two or more, and of each set of items."""
        moves = self.moves.values()
        parts = [(jackknife_variance(each.mean(axis=0)), max(each.shape[1] - 1, 1)) for each in moves]
        seeds = len(self.seeds)
        return parts if seeds == 1 else [(float(self.values.var(ddof=1)) / seeds, seeds - 1), *parts]

    def interval(self, level: float = 0.95) -> Interval:
        """mean ± t·SE with Welch–Satterthwaite degrees of freedom (Satterthwaite 1946, Biometrics Bulletin 2:110-114).

        Of one seed by the clusters' degrees, and `method` says that it speaks of one checkpoint. Of two seeds, and
        above 95 %, where those degrees let through up to seven times too much, each part takes the t of its own
        degrees, ±√Σ t²·SE²: never too narrow.
        """
        parts = self._parts()
        probability = 0.5 + level / 2.0
        if len(self.seeds) == 2 or level > SATTERTHWAITE_UP_TO:
            reach = math.sqrt(sum(float(stdtrit(degrees, probability)) ** 2 * part for part, degrees in parts))
        else:
            reach = float(stdtrit(_satterthwaite(parts), probability)) * self.standard_error
        method = f"{ONE_SEED}; cluster jackknife, t" if len(self.seeds) == 1 else METHOD
        if self.clusters < MIN_CLUSTERS:
            method += f"; only {self.clusters} clusters: {TOO_FEW}"
        elif self.differing < MIN_DIFFERING:
            method += f"; only {self.differing} of {self.clusters} clusters differ: {TOO_FEW}"
        return Interval(self.mean, self.mean - reach, self.mean + reach, level, method)

    def surely_above_zero(self, level: float = 0.95) -> bool:
        """Whether the whole interval lies above 0, of seeds and items enough to speak of a method."""
        return self._settles and self.interval(level).low > 0.0

    def surely_not_below_zero(self, level: float = 0.95) -> bool:
        """The same, where the interval may begin at 0."""
        return self._settles and self.interval(level).low >= 0.0

    @property
    def _settles(self) -> bool:
        enough_items = self.clusters >= MIN_CLUSTERS and self.differing >= MIN_DIFFERING
        return len(self.seeds) >= MIN_SEEDS and enough_items

    def minus(self, other: Seeded) -> Seeded | Undefined:
        """The difference, seed by seed and, on the items that both were asked, cluster by cluster."""
        seeds = tuple(seed for seed in self.seeds if seed in other.seeds)
        if not seeds:
            return Undefined("no seed was finished with both")
        mine, its = self._at(seeds), other._at(seeds)
        names = dict.fromkeys((*mine.moves, *its.moves))
        still = np.zeros((len(seeds), 1))
        moves = {name: mine.moves.get(name, still) - its.moves.get(name, still) for name in names}
        # Where neither differs from its base, they may still move apart with the weight of a cluster.
        both = [name for name in names if name in mine.differ and name in its.differ]
        differ = {name: (mine.differ[name] | its.differ[name]) & _unlike_most(moves[name]) for name in both}
        return Seeded(seeds, mine.values - its.values, moves, differ)

    def _at(self, seeds: Sequence[int]) -> Seeded:
        rows = [self.seeds.index(seed) for seed in seeds]
        return Seeded(
            tuple(seeds), self.values[rows], {name: moves[rows] for name, moves in self.moves.items()}, self.differ
        )


def seeded(by_seed: Mapping[int, LeftOut], items: str) -> Seeded:
    """From a difference a seed, each with the same clusters of the set `items` left out in turn.

    Raises:
        ValueError: other clusters under another seed.
    """
    if len({len(found.left_out) for found in by_seed.values()}) != 1:
        raise ValueError("every seed needs the same clusters")
    values = np.array([found.whole for found in by_seed.values()])
    moves = np.array([found.left_out - found.whole for found in by_seed.values()])
    masks = [found.differ for found in by_seed.values() if found.differ is not None]
    differ = {items: np.logical_or.reduce(masks)} if len(masks) == len(by_seed) else {}
    return Seeded(tuple(by_seed), values, {items: moves}, differ)


def mean_of(parts: Sequence[Seeded]) -> Seeded:
    """The mean of several, of the same seeds and each on a set of items of its own."""
    moves = {name: moved / len(parts) for part in parts for name, moved in part.moves.items()}
    differ = {name: mask for part in parts for name, mask in part.differ.items()}
    return Seeded(parts[0].seeds, np.mean([part.values for part in parts], axis=0), moves, differ)


def _satterthwaite(parts: Sequence[tuple[float, int]]) -> float:
    """(Σ v)² / Σ v²/ν, of squared standard errors v with ν degrees each."""
    whole = sum(part for part, _ in parts)
    if whole == 0.0:
        return float(min(degrees for _, degrees in parts))
    return whole**2 / sum(part**2 / degrees for part, degrees in parts)


def _unlike_most(moves: FloatArray) -> BoolArray:
    found: BoolArray = np.logical_or.reduce(np.abs(moves - np.median(moves, axis=1, keepdims=True)) > NOISE)
    return found
