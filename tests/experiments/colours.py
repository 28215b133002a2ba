"""Runs of a tiny model that knows the colours of things and learns to count them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keeptune.config import (
    DataConfig,
    EvaluationConfig,
    Full,
    Keep,
    MeasureConfig,
    MitigationSearchConfig,
    ModelConfig,
    TuneConfig,
)
from keeptune.experiments.dev_comparison import DevComparison
from keeptune.mitigation.spec import MitigationSpec
from keeptune.records import DevEvidence, MitigationSearchReport, TuneResult
from tests.api.runs import settings


def second(coloured: Path, output: Path, **mitigation_search: Any) -> TuneConfig:
    """Learn to count, fully, and keep the colours."""
    config = settings(coloured / "first" / "model", coloured, str(output), epochs=30.0, lr=0.01, batch_size=8)
    keep = Keep("colours", str(coloured / "kept.jsonl"), "rouge1", 95.0)
    return replace(
        config,
        method=Full(),
        data=DataConfig(train=str(coloured / "numbers.jsonl"), validation_fraction=0.25),
        evaluation=EvaluationConfig(max_new_tokens=24, metrics=("rouge1",)),
        measure=MeasureConfig(keep=(keep,), abilities=("none",)),
        mitigation_search=MitigationSearchConfig(**{"auto": True, **mitigation_search}),
    )


def of_no_run(config: TuneConfig, folder: Path) -> TuneConfig:
    """The same from a copy of the base, so that nothing of an earlier run is kept by default."""
    shutil.copytree(config.model.name, folder / "base")
    return replace(config, model=replace(config.model, name=str(folder / "base")))


def plant(patch: pytest.MonkeyPatch, points: Mapping[str, tuple[float, float]]) -> None:
    """What a search reads on development items: str(training) → its gain, which another α has lost, and its drops as a
    share of their margins, which α = 0 has not. How well a tiny model learns differs between machines; all else stays
    real."""
    real = DevComparison.evidence

    def evidence(self: DevComparison, candidate: MitigationSpec, model: ModelConfig) -> DevEvidence:
        found, (gain, share) = real(self, candidate, model), points[str(candidate.training)]
        share *= candidate.alpha > 0
        drops = (replace(each, drop=share * each.margin, after=each.base - share * each.margin) for each in found.drops)
        return replace(found, gain=gain * (candidate.alpha == 1), drops=tuple(drops))

    patch.setattr(DevComparison, "evidence", evidence)


def of_search(result: TuneResult) -> MitigationSearchReport:
    assert result.forgetting is not None
    assert result.forgetting.mitigation_search is not None
    return result.forgetting.mitigation_search
