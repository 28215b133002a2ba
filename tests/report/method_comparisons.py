"""A comparison of methods, made by hand."""

from __future__ import annotations

from dataclasses import replace

from keeptune.records import MethodAbility, MethodComparison, MethodPair, MethodRow, TrialRow, Undefined
from tests.report.results import MANIFEST, interval

METHODS = ("full", "lora", "full+interpolation=0.5")
GAINS = (20.0, 19.5, 8.0)
DROPS = (14.0, 1.2, 15.0)


def _row(method: str, gain: float, drop: float) -> MethodRow:
    spread = interval(drop, drop - 2.0, drop + 2.0, "seeds and items, t")
    return MethodRow(
        method=method,
        seeds=(0, 1),
        score=30.0 + gain,
        gain=interval(gain, gain - 3.0, gain + 3.0, "seeds and items, t"),
        forgetting=spread,
        worst="ner",
        abilities=(
            MethodAbility("ner", "entity_f1", True, 60.0, 60.0 - drop, spread),
            MethodAbility("text", "token_loss", False, 2.5, 2.6, Undefined("no item has a score")),
        ),
        drift={"text of the base": 0.0123},
        minutes=4.25,
        dominated_by=("full", "lora") if method == "full+interpolation=0.5" else (),
        matched=method != "full+interpolation=0.5",
    )


COMPARISON = MethodComparison(
    schema_version=1,
    path="studies/mine",
    metric="rouge1",
    higher_is_better=True,
    base=30.0,
    forgetting_of="the worst declared ability",
    forgetting_metric="entity_f1",
    methods=tuple(_row(*each) for each in zip(METHODS, GAINS, DROPS, strict=True)),
    pairs=(MethodPair("full", "lora", interval(0.5, -1.0, 2.0), interval(12.8, 9.0, 16.6)),),
    trials=tuple(
        TrialRow(method, seed, f"studies/mine/trials/{method}-s{seed}", gain, 4.25, "")
        for method, gain in zip(METHODS, GAINS, strict=True)
        for seed in (0, 1)
    ),
    sentences=("full gained most: rouge1 +20.0 points.", "At matched gain lora forgot least."),
    advice=("interpolation on full: the settings cannot be distinguished with these seeds and items.",),
    notices=("grammar is left out: the base is not clearly above chance",),
    config={"training": {"lr": 0.001}},
    manifest=MANIFEST,
)
FAILED = replace(
    COMPARISON,
    trials=(
        *COMPARISON.trials[:-1],
        replace(COMPARISON.trials[-1], gain=None, minutes=None, error="it is full\nand so on"),
    ),
)
