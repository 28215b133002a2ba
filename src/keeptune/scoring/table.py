"""The table of metrics: one row a metric."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from keeptune.errors import MetricError
from keeptune.scoring.bleu import Bleu
from keeptune.scoring.choice_accuracy import ChoiceAccuracy
from keeptune.scoring.chrf import Chrf
from keeptune.scoring.constraint_metric import Constraints
from keeptune.scoring.custom import is_custom, load_custom
from keeptune.scoring.entity_f1 import EntityF1
from keeptune.scoring.exact_match import ExactMatch
from keeptune.scoring.final_answer import FinalAnswer
from keeptune.scoring.harness_metric import harness_metric, is_harness_metric
from keeptune.scoring.json_match import JsonMatch
from keeptune.scoring.label_accuracy import LabelAccuracy
from keeptune.scoring.metric import Metric
from keeptune.scoring.rouge import ROUGE_TYPES, Rouge
from keeptune.scoring.token_f1 import TokenF1
from keeptune.scoring.token_loss import TokenLoss

_ROWS: tuple[Metric, ...] = (
    *(Rouge(kind) for kind in ROUGE_TYPES),
    Bleu(),
    Chrf(),
    ExactMatch(),
    TokenF1(),
    FinalAnswer(),
    ChoiceAccuracy(),
    ChoiceAccuracy(name="choice_accuracy_norm", by_token=True),
    LabelAccuracy(),
    LabelAccuracy(name="label_accuracy_strict", strict=True),
    EntityF1(),
    EntityF1(name="entity_f1_strict", strict=True),
    JsonMatch(),
    JsonMatch(name="json_match_strict", strict=True),
    Constraints(),
    Constraints(name="constraints_strict", strict=True),
    TokenLoss(),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in _ROWS})
"""Name → metric, in the order in which help texts list them."""


def get_metric(name: str) -> Metric:
    """The metric of that name; ``file.py:function`` loads a user's own, ``lm-eval:…`` is one of the harness.

    Raises:
        MetricError: no such metric, or a user's own that cannot be loaded.
    """
    if is_custom(name):
        return load_custom(name)
    if is_harness_metric(name):
        return harness_metric(name)
    if name in METRICS:
        return METRICS[name]
    by_folded = {_fold(known): known for known in METRICS}
    close = difflib.get_close_matches(_fold(name), by_folded, n=1, cutoff=0.6)
    fix = f"did you mean {by_folded[close[0]]}? " if close else ""
    raise MetricError(
        f"there is no metric {name!r}",
        f"{fix}Known: {', '.join(METRICS)}; or your own as file.py:function",
    )


def counted_in(name: str) -> str:
    """What a metric's scores are counted in, in words: ``points``, ``nats a token`` … A user's own counts points."""
    if is_harness_metric(name):
        return harness_metric(name).counted_in
    return "nats a token" if name in METRICS and METRICS[name].unit == "nats" else "points"


def _fold(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")
