"""Every kind of page that keeptune writes, of records made by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from keeptune.records import (
    Backtest,
    Confusion,
    ConfusionCell,
    CurveAbility,
    CurvePoint,
    CurveTrial,
    ExportReport,
    Fitted,
    LearningCurve,
    Share,
    Undefined,
)
from keeptune.report.html import render
from keeptune.report.html.compare_page import render_comparison
from keeptune.report.html.curve_page import render_curve
from tests.report.forgetting_reports import INTRUSION, ability_pairs, forgetting_report, outcome, task_pairs
from tests.report.method_comparisons import COMPARISON, FAILED
from tests.report.results import MANIFEST, RESULT, interval

WHOLE = forgetting_report()
SHOWN = ("entities", "instructions", "facts", "sentiment", "inference", "text")
"""An ability of each verdict, unit and way of answering: a page says of more of them nothing else."""
REPORT = replace(WHOLE, abilities=tuple(each for each in WHOLE.abilities if each.name in SHOWN))
CURVE = LearningCurve(
    schema_version=1,
    path="studies/how-many",
    metric="rouge1",
    higher_is_better=True,
    base=23.5,
    points=tuple(
        CurvePoint(
            size,
            3,
            23.5 + gain,
            interval(gain, gain - 2.0, gain + 2.0) if size else Undefined("the base itself"),
            (
                CurveAbility("facts", "exact_match", True, interval(gain / 4, gain / 4 - 2, gain / 4 + 2)),
                CurveAbility("text", "token_loss", False, Undefined("no item has a score")),
            ),
        )
        for size, gain in ((0, 0.0), (100, 8.0), (250, 12.5), (1000, 15.6))
    ),
    trials=(CurveTrial(1000, 2, "studies/how-many/trials/n1000-d2", None, "the disk is full\nand so on"),),
    fitted=tuple(Fitted(size, interval(gain, gain - 1.5, gain + 1.5)) for size, gain in ((100, 8.1), (1500, 16.4))),
    misfit=0.62,
    backtest=Backtest(1000, interval(15.1, 12.9, 17.4), 15.6, True),
    more=500,
    advice=interval(0.8, -0.9, 2.4),
    sentences=("500 examples more would bring +0.8 points of rouge1.", "The gain so far is +15.6 points."),
    notices=("one of twelve trials failed",),
    config={"training": {"lr": 0.001}},
    manifest=MANIFEST,
)
EXPORT = ExportReport(
    schema_version=1,
    path="runs/orders-lora-1/exports/gguf-q4_k_m",
    run="runs/orders-lora-1",
    format="gguf",
    quantization="Q4_K_M",
    tool="llama-cpp-python 0.3.36",
    size=104_000_000,
    prompts=Share(120, 120),
    answers=Share(97, 120),
    tokens_per_second=38.0,
    abilities=WHOLE.abilities[:4],
    gate="fail",
    sentences=("The export lost instructions.",),
    notes=(),
    load="llama-cli -m runs/orders-lora-1/exports/gguf-q4_k_m/model.gguf",
    config={},
    manifest=MANIFEST,
)
NOT_ASKED = replace(EXPORT, quantization="F16", tool="", prompts=None, answers=None, abilities=(), gate="pass")
RUN = replace(
    RESULT,
    training=replace(
        RESULT.training,
        loss_curve=tuple((step, 2.5 - step / 100) for step in range(1, 115)),
        validation_curve=((0, 2.5), (57, 1.9), (114, 1.95)),
    ),
)
NOTHING_MEASURED = replace(
    REPORT,
    task=None,
    abilities=(),
    gate="nothing declared",
    intrusion=Undefined("no ability was measured"),
    confusions=(),
    drift=Undefined("no text of the base was kept"),
)
COLLAPSED = replace(
    REPORT,
    abilities=tuple(
        replace(each, verdict="collapsed") if each.name == "entities" else each for each in REPORT.abilities
    ),
    intrusion=replace(INTRUSION, trusted=False),
    confusions=(
        Confusion(
            "topic",
            "labels",
            tuple(f"label {n}" for n in range(30)),
            tuple(ConfusionCell(f"label {n}", f"label {n + 1}", 1, 4, (f"topic-{n}",)) for n in range(29)),
        ),
    ),
)
ON_NF4 = replace(
    outcome(REPORT),
    quantization=replace(
        REPORT,
        config={"base": {"quantization": "none"}, "tuned": {"quantization": "nf4"}},
        sentences=("facts is kept.",),
    ),
)
PAIRS = {name: found[::100] for name, found in ability_pairs().items() if name in SHOWN}
PAGES: Mapping[str, Callable[[], str]] = {
    "measure": lambda: render(REPORT, PAIRS, task_pairs(2)),
    "tune": lambda: render(ON_NF4, PAIRS, task_pairs(2), made=RUN, exports=(EXPORT, NOT_ASKED)),
    "collapsed": lambda: render(COLLAPSED, PAIRS),
    "nothing-measured": lambda: render(NOTHING_MEASURED, {}),
    "compare": lambda: render_comparison(COMPARISON),
    "compare-failed": lambda: render_comparison(FAILED),
    "curve": lambda: render_curve(CURVE),
}
