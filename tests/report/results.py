"""A result made by hand, for the tests of reports and of the command line."""

from __future__ import annotations

from keeptune.records import (
    Comparison,
    EvalResult,
    Interval,
    MaybeInterval,
    RunManifest,
    SideBySide,
    TrainingSummary,
    TuneResult,
)

MANIFEST = RunManifest(
    keeptune="0.1.0",
    commit="",
    created="2026-01-01T00:00:00Z",
    command=("keeptune",),
    model="m",
    model_hash="h",
    train_hash="t",
    test_hash="u",
    seed=0,
    device="cpu",
    dtype="float32",
    versions={},
    machine={},
    seconds={},
    peak_memory_bytes=0,
)
TRAINING = TrainingSummary(
    method="lora",
    examples=450,
    validation_examples=50,
    epochs=2.0,
    steps=114,
    best_step=57,
    trainable_parameters=4_884_480,
    total_parameters=139_399_488,
    tokens=100_000,
    completion_tokens=9_000,
    seconds=300.0,
    tokens_per_second=333.3,
    loss_curve=((1, 2.0),),
    validation_curve=((0, 2.5),),
    stopped_by="epochs",
)


def interval(estimate: float, low: float, high: float, method: str = "jackknife") -> Interval:
    return Interval(estimate, low, high, 0.95, method)


def comparison(
    before: float,
    after: float,
    difference: MaybeInterval,
    metric: str = "rouge1",
    before_name: str = "base",
    higher_is_better: bool = True,
) -> Comparison:
    return Comparison(
        metric, before_name, "tuned", 300, 300, before, after, difference, 250, 40, 10, higher_is_better, 0
    )


GAIN = comparison(23.5, 39.1, interval(15.6, 14.0, 17.2))
LOSS = comparison(2.5, 1.75, interval(-0.75, -0.8, -0.7), "token_loss", higher_is_better=False)
OVER_FEW_SHOT = comparison(31.0, 39.1, interval(8.1, 6.0, 10.2), before_name="few-shot-3")

RESULT = TuneResult(
    schema_version=1,
    path="runs/mine-lora-1",
    primary_metric="rouge1",
    metric_reason="Answers are running text, scored against references.",
    scores={
        "base": {"token_loss": 2.5, "rouge1": 23.5},
        "few-shot-3": {"rouge1": 31.0},
        "tuned": {"token_loss": 1.75, "rouge1": 39.1},
        "lead-1": {"rouge1": 20.0},
    },
    comparisons=(GAIN, LOSS, OVER_FEW_SHOT),
    samples=(SideBySide("row-7", "Summarize: " + "long " * 200, "a reference", "what base said", ""),),
    training=TRAINING,
    notices=("3 train rows left out", "3 train rows left out"),
    config={},
    manifest=MANIFEST,
)
EVALUATED = EvalResult(
    schema_version=1,
    path="runs/eval-m-1",
    model="m",
    primary_metric="rouge1",
    metric_reason="named by the user",
    items=300,
    scores={"rouge1": 23.5, "token_loss": 2.5},
    records_path="runs/eval-m-1/samples/model.jsonl",
    notices=(),
    manifest=MANIFEST,
)
