"""A score against the number of examples, as a curve that saturates, with intervals that hold for what lies beyond.

Learning curves are mostly power laws, f(n) = c − a·n^(−b), and some saturate faster, f(n) = c − a·e^(−n/τ) (Hestness et
al. 2017, arXiv:1712.00409; Viering and Loog 2022, "The shape of learning curves: a review", arXiv:2103.10948). Both are
f(n) = u + (v − u)·h(n), with u and v the values at the smallest and the largest size, and a shape h from 0 to 1 between
them that hangs on b or τ alone. b from −0.5 to 2: at 0 the law is log n, and below 0 it never saturates; τ from half
the smallest size to half the largest. The scores cannot tell the shape well, and all that lies beyond hangs on it: so
no best one is taken, but every shape by how well it explains the scores (its marginal likelihood, flat in u, v, b and
log τ, half for each family). Given the shape the curve is linear, and u and v follow by generalised least squares; what
is foretold is the mixture of Gaussians over shapes, and over the noise between draws, which few draws tell only
roughly. No sampling, no start values, no local optimum.

The untuned base is not a point of the curve: what it scores without any example is a matter of prompt and format, and
often lies far off the line of the tuned.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, chdtri, ndtr

from keeptune.records import Interval, Undefined
from keeptune.statistics.jackknife import FloatArray

EXPONENTS = np.linspace(-0.5, 2.0, 51)
CONSTANTS = 25
"""How many τ."""
FALLS = np.linspace(0.0, 2.0, 9)
"""γ: how fast the variance between draws falls, n^(−γ)."""
NOISE_LEVELS = (np.arange(15) + 0.5) / 15
MIN_SIZES = 4
"""Three are fitted, and one is left to be foretold."""
MISFIT = 0.01
METHOD = "learning curve, mixture over its shape"

ONE_DRAW = Undefined("one draw per size does not show how much draws differ")


@dataclass(frozen=True, slots=True)
class CurveScores:
    """Scores by size and draw, larger is better."""

    sizes: FloatArray
    """[sizes], rising, above 0."""
    scores: FloatArray
    """[sizes, draws]."""
    item_covariance: FloatArray
    """[sizes, sizes], of the means over draws: what other items of the same kind would change."""
    step: float = 0.0
    """The least that a score can be uncertain by, as a standard deviation: where no item differs, items are few."""

    def first(self, count: int) -> CurveScores:
        """The `count` smallest sizes."""
        return CurveScores(self.sizes[:count], self.scores[:count], self.item_covariance[:count, :count], self.step)


@dataclass(frozen=True, slots=True)
class DrawNoise:
    """How far draws of the same size differ: variance [sizes] of one draw, and the degrees that it is known by."""

    variance: FloatArray
    degrees: int


@dataclass(frozen=True, slots=True)
class _Level:
    """The Gaussians of the mixture at one level of the noise between draws, one a shape."""

    scale: float
    """Multiple of the estimated variance between draws."""
    inverse: FloatArray
    """[sizes, sizes], of the covariance of the means."""
    weights: FloatArray
    """[shapes]; over all levels they sum to 1."""
    values: FloatArray
    """[shapes, 2], f at the smallest and the largest size."""
    covariances: FloatArray
    """[shapes, 2, 2], of `values`."""
    residuals: FloatArray
    """[shapes, sizes]"""


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """The fitted curve."""

    sizes: FloatArray
    levels: tuple[_Level, ...]
    misfit: float
    """p-value of "the scores scatter about such a curve by no more than draws and items explain"."""

    def at(self, n: float, level: float = 0.95) -> Interval:
        """f(n)."""
        return self._mixed(_designs(np.array([n]), self.sizes)[:, 0], level)

    def gain(self, start: float, end: float, level: float = 0.95) -> Interval:
        """f(end) − f(start)."""
        first, last = _designs(np.array([start, end]), self.sizes).swapaxes(0, 1)
        return self._mixed(last - first, level)

    def _mixed(self, rows: FloatArray, level: float) -> Interval:
        """`rows` [shapes, 2]: what is asked for, as weights of the values at the smallest and the largest size."""
        means = [_dot(rows, each.values) for each in self.levels]
        variances = [np.einsum("ei,eij,ej->e", rows, each.covariances, rows) for each in self.levels]
        return _mixture([each.weights for each in self.levels], means, variances, level)


def fit_power_curve(found: CurveScores) -> PowerCurve | Undefined:
    """The curve through the scores; `Undefined` with the reason where they are too few."""
    count, draws = found.scores.shape
    if count < MIN_SIZES - 1:
        return Undefined(f"{count} sizes with training: a curve needs at least {MIN_SIZES - 1}")
    if draws < 2:
        return ONE_DRAW
    return _fit(found, draw_noise(found))


def foretold(found: CurveScores, level: float = 0.95) -> Interval | Undefined:
    """What the fit to all sizes but the largest says of the mean score at the largest: the backtest.

    The interval is for what is measured there, so it holds that size's own noise too; items are shared, so their part
    is taken over from the residuals of the others (universal kriging).
    """
    count = len(found.sizes)
    if count < MIN_SIZES:
        return Undefined(f"{count} sizes with training: a backtest needs at least {MIN_SIZES}")
    if found.scores.shape[1] < 2:
        return ONE_DRAW
    noise = draw_noise(found)
    known = found.first(count - 1)
    curve = _fit(known, DrawNoise(noise.variance[:-1], noise.degrees))
    designs = _designs(found.sizes, known.sizes)
    means, variances = [], []
    for each in curve.levels:
        covariance = _covariance(found, noise, each.scale)
        shared = covariance[-1, :-1] @ each.inverse
        rest = designs[:, -1] - shared @ designs[:, :-1]
        means.append(_dot(designs[:, -1], each.values) + each.residuals @ shared)
        own = covariance[-1, -1] - shared @ covariance[:-1, -1]
        variances.append(own + np.einsum("ei,eij,ej->e", rest, each.covariances, rest))
    return _mixture([each.weights for each in curve.levels], means, variances, level)


def draw_noise(found: CurveScores) -> DrawNoise:
    """Variance of one draw by size, σ²·(n/n₁)^(−γ), by maximum likelihood over γ of the scatter about each size's mean.

    One size alone has too few draws to tell its own.
    """
    count, draws = found.scores.shape
    squares = ((found.scores - found.scores.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    degrees = count * (draws - 1)
    relative = found.sizes / found.sizes[0]
    if not squares.any():
        return DrawNoise(np.zeros(count), degrees)

    def level(fall: float) -> float:
        return float((squares * relative**fall).sum() / degrees)

    # −2·log likelihood, its constant left out.
    unlikeliness = [degrees * math.log(level(fall)) - (draws - 1) * fall * np.log(relative).sum() for fall in FALLS]
    fall = float(FALLS[int(np.argmin(unlikeliness))])
    return DrawNoise(level(fall) * relative**-fall, degrees)


def _fit(found: CurveScores, noise: DrawNoise) -> PowerCurve:
    means = found.scores.mean(axis=1)
    designs = _designs(found.sizes, found.sizes)
    levels, logs, misfits = [], [], []
    for scale in _scales(noise.degrees):
        covariance = _covariance(found, noise, scale)
        inverse = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
        precisions = np.einsum("eki,kl,elj->eij", designs, inverse, designs)
        spreads = np.asarray(np.linalg.inv(precisions), dtype=np.float64)
        values = np.einsum("eij,ekj,kl,l->ei", spreads, designs, inverse, means)
        residuals = means - np.einsum("eki,ei->ek", designs, values)
        squares = np.einsum("ek,kl,el->e", residuals, inverse, residuals)
        volumes = np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(precisions)[1]
        logs.append(_log_prior() - 0.5 * (volumes + squares))
        levels.append((float(scale), inverse, values, spreads, residuals))
        misfits.append(float(chdtrc(max(1, len(means) - 3), float(squares.min()))))
    weights = np.exp(np.array(logs) - np.max(logs))
    weights /= weights.sum()
    return PowerCurve(
        sizes=found.sizes,
        levels=tuple(
            _Level(scale, inverse, weight, values, spreads, residuals)
            for weight, (scale, inverse, values, spreads, residuals) in zip(weights, levels, strict=True)
        ),
        misfit=float(np.mean(misfits)),
    )


def _designs(n: FloatArray, sizes: FloatArray) -> FloatArray:
    """[shapes, n, 2]: f = designs @ (f at the smallest size, f at the largest); power laws first."""
    low, high = sizes[0], sizes[-1]
    exponents = np.where(np.abs(EXPONENTS) < 1e-9, 1e-9, EXPONENTS)[:, None]
    constants = np.geomspace(low / 2.0, high / 2.0, CONSTANTS)[:, None]
    # (n^(−b) − n₁^(−b)) / (n_K^(−b) − n₁^(−b)) in a form that holds as b goes to 0; the same with e^(−n/τ).
    powers = np.expm1(-exponents * np.log(n / low)) / np.expm1(-exponents * math.log(high / low))
    exponentials = np.expm1(-(n - low) / constants) / np.expm1(-(high - low) / constants)
    shares = np.concatenate([powers, exponentials])
    return np.stack([1.0 - shares, shares], axis=-1)


def _log_prior() -> FloatArray:
    """[shapes], half for each family."""
    return -np.log(np.repeat([len(EXPONENTS), CONSTANTS], [len(EXPONENTS), CONSTANTS]).astype(np.float64))


def _dot(first: FloatArray, second: FloatArray) -> FloatArray:
    """[shapes], of two [shapes, 2]."""
    return np.asarray((first * second).sum(axis=1))


def _scales(degrees: int) -> FloatArray:
    """Levels of the variance between draws, as multiples of its estimate: equally probable quantiles of ν/χ²_ν."""
    return np.asarray(degrees / chdtri(degrees, NOISE_LEVELS), dtype=np.float64)


def _covariance(found: CurveScores, noise: DrawNoise, scale: float) -> FloatArray:
    """Of the means over draws. Scatter that both draws and items tell of is counted twice: never too little."""
    own = scale * noise.variance / found.scores.shape[1]
    own = np.maximum(own, found.step**2 - np.diag(found.item_covariance))
    total = found.item_covariance + np.diag(own)
    # Scores that never differ leave nothing to divide by.
    return np.asarray(total + np.eye(len(own)) * (1e-6 * np.trace(total) / len(own) + 1e-12))


def _mixture(
    by_level: Sequence[FloatArray], level_means: Sequence[FloatArray], variances: Sequence[FloatArray], level: float
) -> Interval:
    """The mean and the central interval of a mixture of Gaussians."""
    weights, means = np.concatenate(by_level), np.concatenate(level_means)
    spreads = np.sqrt(np.maximum(np.concatenate(variances), 1e-18))
    low, high = float((means - 9.0 * spreads).min()), float((means + 9.0 * spreads).max())

    def above(x: float, p: float) -> float:
        return float(weights @ ndtr((x - means) / spreads)) - p

    tail = (1.0 - level) / 2.0
    limits = [float(brentq(above, low, high, args=(p,))) for p in (tail, 1.0 - tail)]
    return Interval(float(weights @ means), limits[0], limits[1], level, METHOD)
