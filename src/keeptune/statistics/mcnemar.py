"""McNemar's mid-p test: did the items that changed change more in one direction?"""

from __future__ import annotations

from scipy.special import bdtr


def mcnemar_mid_p(plus: int, minus: int) -> float:
    """Two-sided mid-p value of H0: a discordant pair is +1 or −1 with probability ½ each.

    p = 2·P(X ≤ k) − P(X = k) with X ~ Binomial(plus + minus, ½), k = min(plus, minus); 1 where no pair is
    discordant. Fagerland, Lydersen and Laake 2013, "The McNemar test for binary matched-pairs data: mid-p and
    asymptotic are better than exact conditional", BMC Medical Research Methodology 13:91.
    """
    if plus < 0 or minus < 0:
        raise ValueError(f"counts cannot be negative: {plus}, {minus}")
    discordant, smaller = plus + minus, min(plus, minus)
    if discordant == 0:
        return 1.0
    below = float(bdtr(smaller - 1, discordant, 0.5)) if smaller > 0 else 0.0
    up_to = float(bdtr(smaller, discordant, 0.5))
    return min(1.0, below + up_to)
