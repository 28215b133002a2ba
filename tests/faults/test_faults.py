"""Some faults of each kind; `python -m tests.faults.campaign` has hundreds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.campaign import carry_out, plan, plan_of_workers, reference
from tests.faults.kinds import KINDS, MOUNTS, WORKERS, Injection, Reference
from tests.faults.oracle import differences, made
from tests.faults.scenes import SCENES, WITH_WORKERS, make_home

CHOSEN = [
    ("plain", "killed at a write", 0.6),
    ("plain", "a write fails: full", 0.5),
    ("plain", "Ctrl-C at a write", 0.4),
    ("plain", "clock jumps", 0.3),
    ("plain", "data changed", 0.5),
    ("plain", "second run", 0.3),
    ("predict", "killed at a write", 0.9),
    ("predict", "writes fail: read-only", 0.5),
    ("eval", "damaged", 0.5),
    ("divided by two", "a process of two lost", 0.5),
]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("faults") / "template")


@pytest.fixture(scope="module")
def references(template: Path) -> dict[str, Reference]:
    scenes = {scene for scene, _, _ in CHOSEN}
    return {scene: reference(scene, template, template.parent / f"of-{scene}") for scene in scenes}


@pytest.mark.parametrize(("scene", "kind", "at"), CHOSEN)
def test_a_fault_costs_no_result(
    template: Path, references: dict[str, Reference], tmp_path: Path, scene: str, kind: str, at: float
) -> None:
    outcome = carry_out(Injection(scene, kind, at, 1, references[scene], tmp_path / "injection"), template)
    assert outcome.problems == [], outcome


def test_what_is_other_is_found(tmp_path: Path) -> None:
    for name, score in (("one", 1), ("other", 2)):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "a.json").write_text(f'{{"score": {score}, "seconds": {score}, "notices": ["x"]}}')
        (tmp_path / name / "weights.bin").write_bytes(bytes(score))
    one, other = made(tmp_path / "one", tmp_path), made(tmp_path / "other", tmp_path)
    found = differences(one, other)
    assert len(found) == 2
    assert any("score" in each for each in found)
    assert differences(one, one) == []
    assert differences(one, {name: each for name, each in one.items() if name != "weights.bin"})
    less = {**one, "deep/a.json": {**one["deep/a.json"], "notices": []}}
    assert differences(one, less)
    assert not differences(less, one), "a run that goes on may say more"


def test_each_kind_and_scene_is_in_the_plan() -> None:
    kinds = [kind for kind in KINDS if kind not in MOUNTS]
    drawn = plan(100, 0, kinds, list(SCENES))
    assert {kind for _, kind, _ in drawn} == set(kinds)
    assert {scene for scene, _, _ in drawn} == set(SCENES)
    assert drawn == plan(100, 0, kinds, list(SCENES))
    workers = plan_of_workers(12, 0)
    assert {scene for scene, _, _ in workers} == set(WITH_WORKERS)
    assert {kind for _, kind, _ in workers} == set(WORKERS)
