"""What a search trains and evaluates, in which order, on planted evidence: no model is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keeptune.config import Full, Keep, MeasureConfig, MitigationConfig, MitigationSearchConfig, ModelConfig, TuneConfig
from keeptune.errors import ModelError
from keeptune.events import Notice
from keeptune.experiments import mitigation_search as module
from keeptune.experiments import search_budget
from keeptune.experiments.mitigation_search import Made, MitigationSearch
from keeptune.mitigation.alpha_curve import AlphaCurve
from keeptune.mitigation.candidates import candidates_of
from keeptune.mitigation.spec import MitigationSpec
from keeptune.records import DevDrop, DevEvidence, MitigationSearchReport, Undefined
from keeptune.training.session import Session
from keeptune.workspace.search_run import SearchRun
from keeptune.workspace.workspace import Workspace

HELD, SELF_REPLAY, LORA = "kl=3", "self-replay=0.2+kl=3", "lora+kl=3"
CURVE = AlphaCurve(2.0, {1.0: 1.0, 0.75: 1.015, 0.5: 1.08, 0.25: 1.4})
SECONDS = 600.0


@dataclass
class World:
    """Trainings whose gain and drop, in points at α = 1, are known; the gain follows the loss, the drop α²."""

    points: dict[str, tuple[float, float]]
    monkeypatch: pytest.MonkeyPatch
    fails: str = ""
    worse: float = 0.0
    """Points that each interpolation drops further."""
    made: list[str] = field(default_factory=list)
    curves: int = 0
    said: list[str] = field(default_factory=list)

    def make(self, candidate: MitigationSpec) -> Made:
        if str(candidate) == self.fails:
            raise ModelError("the base writes too little", "give prompts")
        self.made.append(str(candidate))
        summary: Any = SimpleNamespace(seconds=SECONDS)
        return Made(ModelConfig(name=str(candidate)), summary)

    def evidence(self, candidate: MitigationSpec, _model: ModelConfig) -> DevEvidence:
        gain, drop = self.points[str(candidate.training)]
        alpha = candidate.alpha
        gain *= min(1.0, 1.1 * alpha**0.25)
        drop = drop * alpha**2 + self.worse * (alpha < 1)
        drops = (DevDrop("facts", "rouge1", 100, 5.0, 80.0, 80.0 - drop, drop, Undefined("planted")),)
        return DevEvidence(str(candidate), "", "rouge1", 100, 40.0, 40.0 + gain, gain, drops, candidate.routed)

    def curve(self, _session: Session, _tuned: ModelConfig, _encoder: Any) -> AlphaCurve:
        self.curves += 1
        if self.fails == "curve":
            raise ModelError("it cannot be interpolated", "use another method")
        return CURVE

    def search(self, folder: Path, config: TuneConfig) -> MitigationSearchReport:
        self.monkeypatch.setattr(module, "compared_with_base", lambda *_: SimpleNamespace(evidence=self.evidence))
        self.monkeypatch.setattr(module, "loss_curve", self.curve)
        (folder / "candidates").mkdir(parents=True, exist_ok=True)
        nothing: Any = None

        def observe(event: Any) -> None:
            if isinstance(event, Notice):
                self.said.append(event.message)

        session = Session(config, Workspace(folder), nothing, nothing, nothing, observe)
        return MitigationSearch(session, self.make, nothing, candidates_of(config))().report


def full(mitigation: MitigationConfig | None = None, **search: Any) -> TuneConfig:
    return TuneConfig(
        method=Full(),
        mitigation=mitigation or MitigationConfig(),
        measure=MeasureConfig(keep=(Keep("facts"),)),
        mitigation_search=MitigationSearchConfig(**{"auto": True, **search}),
    )


def names(report: MitigationSearchReport) -> list[str]:
    return [candidate.candidate for candidate in report.candidates]


def test_the_held_training_with_room_is_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({HELD: (30.0, 1.0)}, monkeypatch)
    report = world.search(tmp_path, full())
    assert names(report) == [HELD]
    assert (report.chosen, report.enough, report.not_tried) == (HELD, True, (SELF_REPLAY, LORA))
    assert world.curves == 0
    assert "no mitigation" not in report.reason


def test_one_alpha_is_evaluated_where_the_loss_is_flat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({HELD: (30.0, 1.6)}, monkeypatch)
    report = world.search(tmp_path, full())
    assert names(report) == [HELD, "kl=3+interpolation=0.87"]
    assert (report.chosen, report.enough, world.curves) == ("kl=3+interpolation=0.87", True, 1)


def test_what_is_trained_next_is_held_too_and_compared_with_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World({HELD: (30.0, 30.0), SELF_REPLAY: (29.0, 0.5)}, monkeypatch)
    report = world.search(tmp_path, full())
    assert names(report) == [HELD, SELF_REPLAY], "no α of the first is forecast to keep"
    assert (report.chosen, report.enough, report.not_tried) == (SELF_REPLAY, True, (LORA,))


def test_no_training_starts_after_twice_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {HELD: (30.0, 30.0), SELF_REPLAY: (29.0, 30.0), LORA: (29.0, 0.0)}
    monkeypatch.setattr(search_budget, "TIMES", 1.5)
    world = World(points, monkeypatch)
    report = world.search(tmp_path / "own", full())
    assert names(report) == [HELD, SELF_REPLAY, "kl=3+interpolation=0.25"], "the last one keeps, whatever it gains"
    assert report.not_tried == (LORA,)
    assert any("--search-minutes" in message for message in world.said)
    assert any("20.0 minutes are spent, and the limit is 15.0" in message for message in world.said)
    world = World(points, monkeypatch)
    assert world.search(tmp_path / "longer", full(search_minutes=1000.0)).chosen == LORA
    named = World({"plain": (30.0, 30.0), **points}, monkeypatch)
    report = named.search(tmp_path / "named", full(candidates=(HELD, SELF_REPLAY, LORA)))
    assert (names(report)[:4], report.chosen) == (["plain", HELD, SELF_REPLAY, LORA], LORA)


def test_fewer_trainings_where_the_budget_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({HELD: (30.0, 30.0)}, monkeypatch)
    report = world.search(tmp_path, full(max_candidates=1))
    assert names(report) == [HELD, "kl=3+interpolation=0.25"]
    assert report.not_tried == (SELF_REPLAY, LORA)
    assert sum("--max-candidates is 1" in message for message in world.said) == 2


def test_a_search_that_goes_on_has_spent_what_an_earlier_start_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it leaves the same candidates, although the answers of the base and the curve take no time again."""
    (tmp_path / "candidates").mkdir()
    for part in ("base", f"{HELD} curve"):
        SearchRun(tmp_path).write_search_seconds(part, 0.6 * SECONDS)
    world = World({HELD: (30.0, 30.0), SELF_REPLAY: (29.0, 0.0)}, monkeypatch)
    report = world.search(tmp_path, full())
    assert report.not_tried == (SELF_REPLAY, LORA)
    assert report.seconds == pytest.approx(2.2 * SECONDS, rel=0.05)
    assert "the search is over" in world.said[-1]


def test_an_alpha_that_loses_more_than_forecast_is_evaluated_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World({HELD: (30.0, 30.0)}, monkeypatch, worse=40.0)
    report = world.search(tmp_path, full(max_candidates=1))
    assert names(report) == [HELD, "kl=3+interpolation=0.25"]
    assert (report.chosen, report.enough) == (HELD, False)


def test_what_fails_is_left_with_its_interpolations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World({HELD: (30.0, 30.0), LORA: (29.0, 0.0)}, monkeypatch, fails=SELF_REPLAY)
    report = world.search(tmp_path, full(search_minutes=1000.0))
    assert (names(report), report.not_tried) == ([HELD, LORA], (SELF_REPLAY,))
    world = World({"plain": (30.0, 3.0)}, monkeypatch, fails="curve")
    report = world.search(tmp_path / "no curve", full(MitigationConfig(plain=True), max_candidates=1))
    assert any("plain cannot be interpolated" in message for message in world.said)
    assert names(report) == ["plain", "interpolation=0.65"], "where nothing keeps, the forecast alone decides"
