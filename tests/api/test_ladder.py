"""The ladder from end to end, on a tiny model that knows the colours of things and learns to count them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from keeptune.abilities.declared import wanted_abilities
from keeptune.api.tune import tune
from keeptune.config import (
    Adapter,
    DataConfig,
    EvaluationConfig,
    Full,
    Keep,
    LadderConfig,
    MeasureConfig,
    MendConfig,
    TuneConfig,
)
from keeptune.config.settings import SETTINGS
from keeptune.data.task_rows import Rows
from keeptune.errors import ConfigError, ModelError, StoreError
from keeptune.events import EvaluationDone, Notice, RungDone, StepDone, TrainingStarted, silent
from keeptune.experiments import mitigation_search as ladder_module
from keeptune.inference.encoding import make_encoder
from keeptune.mitigation.candidates import training_of
from keeptune.records import DevEvidence, LadderReport, TuneResult, from_plain
from tests.api.runs import Told, settings

pytestmark = pytest.mark.usefixtures("able_bases")


def second(coloured: Path, output: Path, **ladder: Any) -> TuneConfig:
    """Learn to count, fully, and keep the colours."""
    config = settings(coloured / "first" / "model", coloured, str(output), epochs=30.0, lr=0.01, batch_size=8)
    keep = Keep("colours", str(coloured / "kept.jsonl"), "rouge1", 95.0)
    return replace(
        config,
        method=Full(),
        data=DataConfig(train=str(coloured / "numbers.jsonl"), validation_fraction=0.25),
        evaluation=EvaluationConfig(max_new_tokens=24, metrics=("rouge1",)),
        measure=MeasureConfig(keep=(keep,), abilities=("none",)),
        ladder=LadderConfig(**{"auto": True, **ladder}),
    )


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> float:
    """A `min_gain` that no rung reaches, so that all are tried; its range is lifted."""
    monkeypatch.setitem(SETTINGS, "ladder.min_gain", replace(SETTINGS["ladder.min_gain"], range=None))
    return 9.0


def of_no_run(config: TuneConfig, folder: Path) -> TuneConfig:
    """The same from a copy of the base, so that nothing of an earlier run is kept by default."""
    shutil.copytree(config.model.name, folder / "base")
    return replace(config, model=replace(config.model, name=str(folder / "base")))


@pytest.fixture(scope="module")
def climbed(coloured: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TuneResult, Told]:
    told = Told()
    output = tmp_path_factory.mktemp("climb") / "run"
    config = second(coloured, output, rungs=("dial=0.75", "replay=0.4+kl=0.5", "lora"), min_gain=0.5)
    config = replace(config, mend=MendConfig(replay=(str(coloured / "old.jsonl"),)))
    return output, tune(config, told), told


def of_ladder(result: TuneResult) -> LadderReport:
    assert result.forgetting is not None
    assert result.forgetting.ladder is not None
    return result.forgetting.ladder


def test_it_climbs_until_what_was_declared_is_kept(climbed: tuple[Path, TuneResult, Told]) -> None:
    run, result, told = climbed
    ladder = of_ladder(result)
    plain, dialed, mended, *its_dials = ladder.rungs
    assert [rung.rung for rung in (plain, dialed, mended)] == ["plain", "dial=0.75", "replay=0.4+kl=0.5"]
    assert {training_of(rung.rung) for rung in its_dials} <= {mended.rung}, "more room is looked for by the dial alone"
    assert (training_of(ladder.chosen), ladder.enough, ladder.not_tried) == (mended.rung, True, ("lora",))
    assert min(plain.worst, dialed.worst) > 0.5, "the plain training must lose the colours"
    assert mended.worst <= 0.5
    (chosen,) = (rung for rung in ladder.rungs if rung.rung == ladder.chosen)
    assert chosen.worst <= mended.worst
    assert chosen.gain >= 0.5 * plain.gain
    assert [event.evidence for event in told.events if isinstance(event, RungDone)] == list(ladder.rungs)
    assert from_plain(LadderReport, json.loads((run / "ladder.json").read_text())) == ladder
    assert ladder.chosen in (run / "report.html").read_text()


def test_a_dialed_rung_takes_no_training(climbed: tuple[Path, TuneResult, Told]) -> None:
    _, result, told = climbed
    dialed = of_ladder(result).rungs[1]
    assert dialed.trained_seconds == 0.0
    assert dialed.cost == "evaluation only"
    assert sum(isinstance(event, TrainingStarted) for event in told.events) == 2


def test_the_dial_of_a_training_that_was_tried_takes_no_other(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", rungs=("kl=0.1", "kl=0.1+dial=0.5"), max_rungs=2)
    keep = replace(config.measure.keep[0], margin=0.5)
    told = Told()
    ladder = of_ladder(tune(replace(config, measure=replace(config.measure, keep=(keep,))), told))
    assert [rung.rung for rung in ladder.rungs] == ["plain", "kl=0.1", "kl=0.1+dial=0.5"]
    assert [rung.trained_seconds > 0 for rung in ladder.rungs] == [True, True, False]
    assert len(told.of(TrainingStarted)) == 2
    _, kl, dialed = ladder.rungs
    assert dialed.drops != kl.drops


def test_a_next_dial_two_is_tried_next(coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def next_of(tried: Sequence[DevEvidence], min_gain: float) -> str | None:
        assert min_gain == 0.75
        seen.append(tried[-1].rung)
        # The second is among the rungs, and not asked twice.
        return {"plain dial=0.75": "dial=0.6", "plain dial=0.75 dial=0.6": "dial=0.25"}.get(" ".join(seen))

    monkeypatch.setattr(ladder_module, "next_dial", next_of)
    config = second(
        coloured, tmp_path / "run", rungs=("dial=0.75", "dial=0.5", "dial=0.25"), max_rungs=1, min_gain=0.75
    )
    config = replace(config, measure=replace(config.measure, keep=(replace(config.measure.keep[0], margin=0.5),)))
    ladder = of_ladder(tune(config))
    assert [rung.rung for rung in ladder.rungs] == seen == ["plain", "dial=0.75", "dial=0.6", "dial=0.25", "dial=0.5"]


def test_a_rung_that_fails_is_left_and_said(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreachable: float
) -> None:
    real = ladder_module.train

    def train(config: TuneConfig, run: Path, *given: Any) -> Any:
        if run.name == fails:
            raise ModelError("the base writes too little", "give prompts")
        return real(config, run, *given)

    monkeypatch.setattr(ladder_module, "train", train)
    config = second(coloured, tmp_path / "run", rungs=("kl=0.1", "dial=0.5"), min_gain=unreachable)
    fails, told = "kl=0.1", Told()
    ladder = of_ladder(tune(config, told))
    assert ([rung.rung for rung in ladder.rungs], ladder.not_tried) == (["plain", "dial=0.5"], ("kl=0.1",))
    assert any("kl=0.1 cannot be tried: the base writes" in notice.message for notice in told.of(Notice))
    fails = "plain"
    with pytest.raises(ModelError):
        tune(replace(config, output=str(tmp_path / "another")))


def test_a_rung_that_memory_does_not_hold_is_left_with_its_dials(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreachable: float
) -> None:
    real = ladder_module.train
    began: list[str] = []

    def train(config: TuneConfig, run: Path, *given: Any) -> Any:
        began.append(run.name)
        if run.name == "kl=0.1":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return real(config, run, *given)

    monkeypatch.setattr(ladder_module, "train", train)
    config = second(coloured, tmp_path / "run", rungs=("kl=0.1", "kl=0.1+dial=0.5", "dial=0.5"), min_gain=unreachable)
    ladder = of_ladder(tune(config))
    assert ([rung.rung for rung in ladder.rungs], ladder.not_tried) == (
        ["plain", "dial=0.5"],
        ("kl=0.1", "kl=0.1+dial=0.5"),
    )
    assert began.count("kl=0.1") == 1


def test_a_dial_that_the_method_cannot_have_is_not_tried(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder_module, "next_dial", lambda *_: "dial=0.75")
    config = replace(second(coloured, tmp_path / "run", max_rungs=1), method=Adapter(kind="prompt"))
    assert [rung.rung for rung in of_ladder(tune(config)).rungs] == ["plain"]


def test_what_no_rung_uses_makes_no_other_training(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreachable: float
) -> None:
    """And the folder may be the one that one stands in."""
    monkeypatch.chdir(tmp_path)
    config = second(coloured, Path(), rungs=("dial=0.75", "dial=0.25"), min_gain=unreachable)
    prompts = MendConfig(self_replay_prompts=str(coloured / "old.jsonl"))
    told = Told()
    ladder = of_ladder(tune(replace(config, output=".", mend=prompts), told))
    assert len(ladder.rungs) == 3
    assert len(told.of(TrainingStarted)) == 1


def test_a_training_of_another_base_is_not_used(coloured: Path, tmp_path: Path) -> None:
    config = of_no_run(second(coloured, tmp_path / "alone", auto=False), tmp_path)
    tune(config)
    dialed, told = replace(config, output=str(tmp_path / "half"), mend=MendConfig(dial=0.5)), Told()
    tune(dialed, told)
    assert not told.of(TrainingStarted)
    weights = load_file(tmp_path / "base" / "model.safetensors")
    save_file({name: 1.01 * value for name, value in weights.items()}, tmp_path / "base" / "model.safetensors")
    (tmp_path / "base" / "SHA256SUMS").unlink()
    tune(replace(dialed, output=str(tmp_path / "of-another")), told)
    assert told.of(TrainingStarted)


def test_no_item_of_either_part_is_learned(coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are chosen by and those of the verdict, where not all items are asked."""
    learned: list[Rows] = []

    def stop(config: TuneConfig, run: Path, rows: Rows, *given: Any) -> Any:
        learned.append(rows)
        raise InterruptedError

    monkeypatch.setattr(ladder_module, "train", stop)
    mixed = tmp_path / "mixed.jsonl"
    mixed.write_text((coloured / "numbers.jsonl").read_text() + (coloured / "kept.jsonl").read_text())
    config = second(coloured, tmp_path / "run")
    config = replace(config, data=replace(config.data, train=str(mixed)), measure=replace(config.measure, items=8))
    with pytest.raises(InterruptedError):
        tune(config)
    measure = replace(config.measure, dev_fraction=0.3)
    encoder = make_encoder(config.model, config.data)
    (ability,) = wanted_abilities(measure, DataConfig(), encoder, silent)
    asked = {example.prompt for example in (*ability.items, *ability.dev)}
    assert len(asked) > 8
    assert not asked & {example.prompt for example in (*learned[0].train, *learned[0].validation)}


def test_what_was_trained_beside_a_ladder_is_not_trained_again(
    coloured: Path, tmp_path: Path, unreachable: float
) -> None:
    old = MendConfig(replay=(str(coloured / "old.jsonl"),))
    alone = second(coloured, tmp_path / "alone", auto=False)
    mended = replace(second(coloured, tmp_path / "mended", auto=False), mend=replace(old, replay_fraction=0.4, kl=0.5))
    trained = [tune(config).training for config in (alone, mended)]
    told = Told()
    rungs = ("replay=0.4+kl=0.5", "dial=0.75+lora")
    config = second(coloured, tmp_path / "climb", rungs=rungs, max_rungs=2, min_gain=unreachable)
    result = tune(replace(config, mend=old), told)
    assert not [event for event in told.events if isinstance(event, TrainingStarted)]
    ladder = of_ladder(result)
    assert [rung.trained_seconds for rung in ladder.rungs] == [training.seconds for training in trained]
    chosen = tmp_path / ("alone" if ladder.chosen == "plain" else "mended") / "model"
    kept = load_file(tmp_path / "climb/model/model.safetensors")
    assert all(torch.equal(kept[name], value) for name, value in load_file(chosen / "model.safetensors").items())
    another = replace(config, output=str(tmp_path / "another"), training=replace(config.training, seed=1), mend=old)
    tune(another, told)
    assert [event for event in told.events if isinstance(event, TrainingStarted)], "another seed is another training"


def test_the_choice_sees_no_item_of_the_verdict(climbed: tuple[Path, TuneResult, Told]) -> None:
    run, result, told = climbed
    lines = (run / "abilities" / "colours" / "base.jsonl").read_text().splitlines()
    verdict = {json.loads(line)["item_id"] for line in lines}
    everything = {json.loads(line)["id"] for line in Path(second_kept(run)).read_text().splitlines()}
    dev = of_ladder(result).rungs[0].drops[0].items
    assert len(verdict) + dev == len(everything)
    assert verdict < everything
    asked = [event.name for event in told.events if isinstance(event, EvaluationDone)]
    last_rung = max(place for place, event in enumerate(told.events) if isinstance(event, RungDone))
    climb = [event.name for event in told.events[:last_rung] if isinstance(event, EvaluationDone)]
    assert all("dev" in name for name in climb)
    assert not all("dev" in name for name in asked)


def second_kept(run: Path) -> str:
    return str(json.loads((run / "config.json").read_text())["measure"]["keep"][0]["data"])


def test_the_run_holds_the_chosen_weights_and_no_others(climbed: tuple[Path, TuneResult, Told]) -> None:
    run, _, _ = climbed
    assert (run / "model" / "model.safetensors").exists()
    assert not (run / "rungs").exists()


def test_replayed_rows_are_never_asked(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", rungs=("replay=0.4",))
    config = replace(config, mend=MendConfig(replay=(str(coloured / "kept.jsonl"),)))
    told = Told()
    assert of_ladder(tune(config, told)).not_tried == ("replay=0.4",)
    said = [event.message for event in told.of(Notice) if event.kind == "ladder"]
    assert any("replay=0.4 cannot be tried: no rows of old tasks are left to replay" in message for message in said)


def test_a_climb_that_was_stopped_goes_on_where_it_was(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", rungs=("dial=0.5", "lora"), max_rungs=1)
    told = Told(stop_at=lambda event: isinstance(event, RungDone))
    with pytest.raises(InterruptedError):
        tune(config, told)
    (done,) = told.of(RungDone)
    again = Told()
    result = tune(replace(config, resume=True), again)
    assert not any(isinstance(event, StepDone) for event in again.events)
    ladder = of_ladder(result)
    assert [rung.rung for rung in ladder.rungs] == ["plain", "dial=0.5"]
    assert ladder.not_tried == ("lora",)
    assert ladder.rungs[0].asked_seconds >= done.evidence.asked_seconds, "answers from the cache have cost their time"
    assert not ladder.enough
    assert "no rung" in ladder.reason


def test_with_another_budget_it_ends_elsewhere_and_the_run_holds_that(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", rungs=("dial=0.5", "dial=0"), max_rungs=1, ladder_minutes=1e-6)
    settled = Told(stop_at=lambda event: isinstance(event, EvaluationDone) and event.name == "base")
    with pytest.raises(InterruptedError):
        tune(config, settled)
    before = load_file(tmp_path / "run" / "model" / "model.safetensors")
    result = tune(replace(config, resume=True, ladder=replace(config.ladder, ladder_minutes=None)))
    assert of_ladder(result).chosen == "dial=0"
    base = load_file(coloured / "first" / "model" / "model.safetensors")
    after = load_file(tmp_path / "run" / "model" / "model.safetensors")
    assert all(torch.equal(value, base[name]) for name, value in after.items())
    assert not all(torch.equal(value, before[name]) for name, value in after.items())


def test_what_an_earlier_start_has_done_counts_in_the_budget(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", rungs=("dial=0.5",))
    with pytest.raises(InterruptedError):
        tune(config, Told(stop_at=lambda event: isinstance(event, RungDone)))
    trained = json.loads((tmp_path / "run" / "rungs" / "plain" / "training.json").read_text())["seconds"]
    budget = replace(config.ladder, ladder_minutes=0.9 * trained / 60)
    ladder = of_ladder(tune(replace(config, resume=True, ladder=budget)))
    assert [rung.rung for rung in ladder.rungs] == ["plain"]


def test_an_ability_without_development_items_is_left_out(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run")
    (tmp_path / "one.jsonl").write_text((coloured / "kept.jsonl").read_text().splitlines()[0] + "\n")
    keep = (Keep("one", str(tmp_path / "one.jsonl"), "rouge1"),)
    config = of_no_run(replace(config, measure=replace(config.measure, keep=keep)), tmp_path)
    told = Told()
    with pytest.raises(ConfigError, match="none of the declared abilities can be measured"):
        tune(config, told)
    assert any("one is left out of the climb" in notice.message for notice in told.of(Notice))


def test_weights_that_learned_what_is_now_kept_are_refused(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", auto=False)
    config = replace(config, mend=MendConfig(replay=(str(coloured / "kept.jsonl"),), replay_fraction=0.3))
    config = of_no_run(replace(config, training=replace(config.training, epochs=1.0)), tmp_path)
    nothing = replace(config, measure=MeasureConfig(abilities=("none",)))
    scored = Told(stop_at=lambda event: isinstance(event, EvaluationDone))
    with pytest.raises(InterruptedError):
        tune(nothing, scored)
    with pytest.raises(StoreError, match="other replayed rows"):
        tune(replace(config, resume=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keep": (), "extent": "none"}, "what must be kept"),
        ({"extent": "none"}, "keep is given"),
        ({"keep": (Keep("task", "lm-eval:arc_easy"),)}, "has no development items"),
    ],
)
def test_what_cannot_be_climbed_for_is_refused(
    coloured: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    config = second(coloured, tmp_path / "run")
    with pytest.raises(ConfigError, match=message):
        tune(replace(config, measure=replace(config.measure, **change)))
