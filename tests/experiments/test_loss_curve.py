"""The loss along the way to trained weights is that of the models which are saved there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from keeptune.api.tune import tune
from keeptune.config import Adapter, Full, MitigationConfig, ModelConfig
from keeptune.events import silent
from keeptune.experiments import loss_curve as module
from keeptune.experiments.loss_curve import loss_curve
from keeptune.inference.evaluator import load_for_inference
from keeptune.inference.loglikelihood import mean_loss
from keeptune.mitigation.alpha_curve import ALPHAS
from keeptune.training.new_session import new_session
from keeptune.training.session import Session
from keeptune.workspace.workspace import Workspace
from tests.api.runs import settings, write_rows


def loss_of(session: Session, model: ModelConfig) -> float:
    rows = [session.encoder.scored_row(example, example.completion) for example in session.rows.validation]
    return mean_loss(load_for_inference(model), rows, session.config.evaluation.token_budget)


@pytest.mark.parametrize("method", [Full(), Adapter(rank=4), Adapter("dora", rank=4)], ids=["full", "lora", "folded"])
def test_it_is_that_of_saved_models(tiny: Callable[..., Path], tmp_path: Path, method: Full | Adapter) -> None:
    write_rows(tmp_path)
    config = replace(settings(tiny("llama"), tmp_path, "whole", lr=0.003, epochs=6.0), method=method)
    config = replace(config, data=replace(config.data, validation_fraction=0.3))
    half = replace(config, output=str(tmp_path / "half"), mitigation=MitigationConfig(interpolation=0.5))
    tune(config)
    tune(half)
    whole = new_session(config, Workspace(tmp_path / "whole"), silent)
    curve = loss_curve(whole, whole.tuned_model, whole.encoder)
    assert curve.base == pytest.approx(loss_of(whole, config.model), rel=1e-5)
    assert curve.losses[1.0] == pytest.approx(loss_of(whole, whole.tuned_model), rel=1e-5)
    of_half = loss_of(whole, replace(whole, workspace=Workspace(tmp_path / "half")).tuned_model)
    apart = abs(curve.losses[0.5] - curve.losses[1.0])
    assert curve.losses[0.5] == pytest.approx(of_half, abs=0.02 * apart)
    assert apart > 0.01
    assert tuple(curve.losses) == ALPHAS


def test_of_an_adapter_on_another_model_the_way_leads_to_the_base(tiny: Callable[..., Path], tmp_path: Path) -> None:
    write_rows(tmp_path)
    first = replace(settings(tiny("llama"), tmp_path, "first"), method=Full())
    first = replace(first, data=replace(first.data, validation_fraction=0.3))
    tune(first)
    second = replace(first, method=Adapter(rank=4), model=replace(first.model, name=str(tmp_path / "first" / "model")))
    second = replace(second, output=str(tmp_path / "second"))
    tune(second)
    tuned = new_session(second, Workspace(tmp_path / "second"), silent).tuned_model
    session = new_session(first, Workspace(tmp_path / "first"), silent)
    curve = loss_curve(session, tuned, session.encoder)
    assert curve.base == pytest.approx(loss_of(session, first.model), rel=1e-5)
    assert curve.losses[1.0] == pytest.approx(loss_of(session, tuned), rel=1e-4)


def test_of_many_rows_some_are_read(tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows(tmp_path)
    config = settings(tiny("llama"), tmp_path, "run")
    config = replace(config, data=replace(config.data, validation_fraction=0.3))
    session = new_session(config, Workspace(tmp_path / "run"), silent)
    assert len(session.rows.validation) > 3
    monkeypatch.setattr(module, "MOST", 3)
    read: list[int] = []
    monkeypatch.setattr(module, "mean_loss", lambda _loaded, rows, _budget: read.append(len(rows)) or 1.0)
    tune(config)
    loss_curve(session, session.tuned_model, session.encoder)
    assert set(read) == {3}
