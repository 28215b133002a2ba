"""Accuracy of the number that a worked solution ends in."""

from __future__ import annotations

import re
from decimal import Decimal

from keeptune.errors import MetricError
from keeptune.records import Example, ItemScore
from keeptune.scoring.mean import MeanMetric, mean_score
from keeptune.scoring.metric import references_of
from keeptune.scoring.table import METRICS

_NUMBER = re.compile(r"([-−]?)[$€£¥]?([-−]?)((?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)")
_TAKES_AWAY = re.compile(r"[\w)\]]$|[\d)\]]\s+$")
"""Before a minus that is no sign."""


def final_number(text: str) -> Decimal | None:
    """The last number in a text, thousands separators aside; None where there is none.

    A minus is a sign unless something is there that it takes away from: "4-3", "(a) -3" and "x-3" end in 3.
    """
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    last = found[-1]
    before, behind, digits = last.groups()
    minus = behind or (before and not _TAKES_AWAY.search(text[: last.start()]))
    return Decimal(("-" if minus else "") + digits.replace(",", ""))


def final_answer(output: str, example: Example) -> ItemScore:
    """100 where the last number of the output equals the last number of a reference; else 0. Corpus: the
    mean.

    The measure of GSM8K (Cobbe et al. 2021, arXiv:2110.14168), read leniently: any template around the number.
    """
    wanted = {final_number(reference) for reference in references_of(example)} - {None}
    if not wanted:
        raise MetricError(
            f"final_answer: no reference of item {example.id} holds a number", "choose another metric, e.g. exact_match"
        )
    return mean_score(100.0 * (final_number(output) in wanted))


METRICS.add("final_answer", MeanMetric("final_answer", final_answer, binary=True))
