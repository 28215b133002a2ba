"""How models are evaluated on the task, and which other abilities are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from keeptune.config.aliases import also
from keeptune.config.canonical import Canonical
from keeptune.config.setting import COUNT, FRACTION, NOT_NEGATIVE, POSITIVE, Affects, Range, setting

Extent = Literal["full", "quick", "none"]


@dataclass(frozen=True, slots=True)
class EvaluationConfig(Canonical):
    """How models are evaluated on the task."""

    metrics: tuple[str, ...] = setting(
        (),
        Affects.ANSWERS,
        "Metric of the task, such as rouge1 or token_f1, or file.py:function; may be repeated.",
        unset="chosen from the data and reported",
        metavar="NAME",
        flag="metric",
    )
    max_new_tokens: int | None = setting(
        None,
        Affects.ANSWERS,
        "Maximum length of an answer in tokens.",
        more="The default is 1.5 × the longest answer in train, between 16 and 512.",
        unset="from the answers in train",
        unit="tokens",
        range=COUNT,
    )
    token_budget: int = setting(
        16384,
        Affects.ANSWERS,
        "Maximum tokens in a forward pass of evaluation, padding included.",
        unit="tokens",
        range=COUNT,
        flag="",
    )
    few_shot: int = setting(
        0,
        Affects.ANSWERS,
        "Also score the base with N train rows shown before each item, as a baseline.",
        unit="rows",
        range=NOT_NEGATIVE,
        aliases=also("num_fewshot"),
    )


@dataclass(frozen=True, slots=True)
class Keep(Canonical):
    """One ability that must not be lost. Written ``NAME[=DATA][:METRIC][:MARGIN]``, or as a mapping."""

    name: str
    """A built-in ability, or any short name for your own items."""
    data: str = ""
    """Items, as for `DataConfig.test`; ``run:FOLDER`` for the test rows of an earlier run; ``lm-eval:TASK`` for a task
    of lm-evaluation-harness; "" for a built-in ability."""
    metric: str | None = None
    """None: chosen from the data, or the ability's own."""
    margin: float | None = None
    """The largest acceptable drop, in points. None: 5, or 0.05 nats per token for a loss."""


@dataclass(frozen=True, slots=True)
class MeasureConfig(Canonical):
    """Which abilities are measured before and after, in addition to the task."""

    extent: Extent | None = setting(
        None,
        Affects.VERDICT,
        "How much to measure in addition to the task.",
        more="`full`: all items. `quick`: about 150 items of each ability that `keep` does not name, without "
        "diagnosis.",
        unset="quick after tune, full in measure",
        flag="measure",
    )
    keep: tuple[Keep, ...] = setting(
        (),
        Affects.VERDICT,
        "Ability that must not be lost; may be repeated.",
        more="Only these abilities decide the exit code. In YAML also as a mapping with `name`, `data`, `metric` and "
        "`margin`. DATA is a file of items, `run:FOLDER` or `lm-eval:TASK`; MARGIN is the largest "
        "acceptable drop, by default 5 points, or 0.05 nats per token for a loss.",
        metavar="NAME[=DATA][:METRIC][:MARGIN]",
        group="start",
    )
    abilities: tuple[str, ...] = setting(
        (),
        Affects.VERDICT,
        "Built-in ability to measure as well, or none; may be repeated.",
        unset="all",
        metavar="NAME",
    )
    items: int | None = setting(
        None,
        Affects.VERDICT,
        "Maximum items of an ability.",
        more="Whole clusters are left out.",
        unset="all; about 150 in a quick measure",
        unit="items",
        range=COUNT,
    )
    dev_fraction: float = setting(
        0.0,
        Affects.VERDICT,
        "Share of your own items held out as development items, on which a mitigation is chosen.",
        more="Of those that remain after `prompt_fraction`. Whole groups are held out.",
        unset="0; 0.3 with --auto",
        range=FRACTION,
    )
    prompt_fraction: float | None = setting(
        None,
        Affects.VERDICT,
        "Share of your own items whose prompts, without answers, a training may use; the verdict leaves them out.",
        more="The base answers them for the KL. Whole groups are held out.",
        unset="0.1 where the KL is taken on text of the base, and with --auto; else 0",
        range=FRACTION,
    )
    minutes: float | None = setting(
        None,
        Affects.VERDICT,
        "Maximum minutes for evaluating the two models.",
        more="Whole clusters of items are left out, which is reported.",
        unit="minutes",
        range=POSITIVE,
        flag="",
    )
    fail_on: tuple[str, ...] = setting(
        ("fail", "inconclusive"),
        Affects.VERDICT,
        "Outcome that exits with an error: fail (code 3), inconclusive (code 4), or none; may be repeated.",
        unset="both",
        metavar="fail|inconclusive|none",
    )
    looks: int = setting(
        1,
        Affects.VERDICT,
        "Number of measurements planned, each with as many new items.",
        more="Each look is stricter, so that the error rate over all looks is that of one.",
        range=Range(1, 10, high_open=False),
    )
    sequential: bool = setting(
        False,
        Affects.VERDICT,
        "Evaluate each ability in blocks of items, only until its verdict is decided.",
        more="The error rate is that of a measurement of all items. An ability that needs all of them has its verdict "
        "at 97 % instead of 95 %.",
    )
    probe: bool = setting(
        False,
        Affects.VERDICT,
        "Test whether a few old examples bring lost abilities back.",
        more="It trains both models for a few steps.",
    )
