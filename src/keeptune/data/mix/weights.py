"""How many rows of each source: fractions, weights, examples-proportional mixing with a cap, temperature.

Examples-proportional mixing with a cap K takes the rate min(nᵢ, K) of a source of nᵢ rows, and temperature T raises
each rate to the power 1/T (Raffel et al. 2020, section 3.5.2; the caps of Wei et al. 2022, FLAN). A weight stands in
the place of the rate. Shares are exact fractions, so that no rounding of binary numbers costs a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from keeptune.data.mix.recipe import MixRecipe
from keeptune.errors import ConfigError, DataError

SUM_ERROR = Fraction(1, 10**9)
"""Tolerance for the sum of fractions, since thirds have no finite decimals."""


def row_counts(recipe: MixRecipe, usable: Sequence[int]) -> list[int]:
    """Rows to take of each source, which has `usable` of them; no row comes twice.

    Each count is within one row of its share of their sum.

    Raises:
        ConfigError: fractions that cannot be met, or more rows asked for than the proportions allow.
        DataError: no row is left of any source.
    """
    caps = [source.cap or recipe.cap for source in recipe.sources]
    rows = [count if cap is None else min(count, cap) for count, cap in zip(usable, caps, strict=True)]
    if not any(rows):
        raise DataError("no row of any source is left to mix: all occur in a test set", "give other rows")
    shares = _shares(recipe, rows)
    scarce = min((place for place in range(len(rows)) if shares[place]), key=lambda i: rows[i] / shares[i])
    most = int(rows[scarce] / shares[scarce])
    total = recipe.rows or most
    name = recipe.sources[scarce].name
    if most == 0:
        message = f"no row of {name} is left, but the mix gives it a share"
        raise ConfigError(message, f"leave {name} out, or see which test set or source its rows occur in")
    if total > most:
        message = (
            f"{total:,} rows are asked for, and the proportions allow {most:,}: {name} would give "
            f"{float(total * shares[scarce]):,.0f} of them and has {rows[scarce]:,}, repeats and leaks left out"
        )
        raise ConfigError(message, f"ask for {most:,} rows or fewer, or give {name} less")
    return apportion(shares, total)


def apportion(shares: Sequence[Fraction], total: int) -> list[int]:
    """`total` in whole numbers by `shares`, whose sum is 1, each within one: the method of largest remainders."""
    exact = [share * total for share in shares]
    counts = [int(part) for part in exact]
    ranked = sorted(range(len(shares)), key=lambda place: (counts[place] - exact[place], place))
    for place in ranked[: total - sum(counts)]:
        counts[place] += 1
    return counts


def _shares(recipe: MixRecipe, rows: Sequence[int]) -> list[Fraction]:
    """Each source's share of the mix; an empty source has none, unless the recipe says what it should be."""
    fractions = [None if source.fraction is None else _exact(source.fraction) for source in recipe.sources]
    said = sum(fraction for fraction in fractions if fraction is not None)
    rates = [Fraction(0) if fractions[place] is not None else rate for place, rate in enumerate(_rates(recipe, rows))]
    rest = 1 - Fraction(said)
    if sum(rates) == 0:
        if abs(rest) > SUM_ERROR:
            raise ConfigError(f"the fractions of the sources sum to {float(said):g}, not to 1", "correct one of them")
        return [(fraction or Fraction(0)) / said for fraction in fractions]
    if rest <= 0:
        message = f"the fractions sum to {float(said):g} and leave nothing for the sources without one"
        raise ConfigError(message, "lower them, or leave those sources out")
    return [
        rest * rate / sum(rates) if fraction is None else fraction
        for fraction, rate in zip(fractions, rates, strict=True)
    ]


def _rates(recipe: MixRecipe, rows: Sequence[int]) -> list[Fraction]:
    weighted = any(source.weight is not None for source in recipe.sources)
    sizes = [
        _exact(1.0 if source.weight is None else source.weight) if weighted else Fraction(count)
        for source, count in zip(recipe.sources, rows, strict=True)
    ]
    if recipe.temperature == 1:
        return sizes
    # In decimals, which come out alike on every machine.
    power = 1 / Decimal(str(recipe.temperature))
    return [Fraction((Decimal(size.numerator) / Decimal(size.denominator)) ** power) for size in sizes]


def _exact(number: float) -> Fraction:
    """As it is written in decimals: 0.1 is a tenth."""
    return Fraction(str(number))
