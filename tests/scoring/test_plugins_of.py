from __future__ import annotations

import pytest

from keeptune.config.schema import EvaluationConfig, TuneConfig
from keeptune.scoring.table import METRICS, plugins_of
from keeptune.training.resume import metric_files


def test_a_plugin_of_another_version_is_other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TuneConfig(evaluation=EvaluationConfig(metrics=("rouge1", "added")))
    assert metric_files(config) == ""
    monkeypatch.setitem(METRICS._entries, "added", METRICS["rouge1"])
    monkeypatch.setitem(METRICS._origins, "added", "my-package 1.0")
    assert plugins_of(["rouge1", "added"]) == ["my-package 1.0"]
    first = metric_files(config)
    monkeypatch.setitem(METRICS._origins, "added", "my-package 1.1")
    assert first
    assert metric_files(config) not in ("", first)
