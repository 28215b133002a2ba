"""The mitigation search from end to end, on a tiny model that knows the colours of things and learns to count them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.abilities.declared import guarded_items, wanted_abilities
from keeptune.api.tune import tune
from keeptune.cli.main import main
from keeptune.config import (
    Adapter,
    DataConfig,
    Keep,
    MitigationConfig,
    TuneConfig,
)
from keeptune.data.task_rows import Rows
from keeptune.errors import ConfigError, ModelError
from keeptune.events import CandidateDone, EvaluationDone, Notice, TrainingStarted, silent
from keeptune.experiments import mitigation_search as search_module
from keeptune.experiments import search_budget
from keeptune.inference.encoding import make_encoder
from keeptune.mitigation import choose_candidate
from keeptune.mitigation.alpha_curve import ALPHAS, AlphaCurve
from keeptune.mitigation.choose_candidate import Tried
from keeptune.mitigation.spec import MitigationSpec, parse
from keeptune.records import MitigationSearchReport, TuneResult, from_plain
from keeptune.training.session import Session
from keeptune.workspace.trained_on import count_trained_on, trained_on
from keeptune.workspace.workspace import Workspace
from tests.api.runs import Told
from tests.experiments.colours import of_no_run, of_search, plant, second
from tests.pasted import shell_words

pytestmark = pytest.mark.usefixtures("able_bases")


@pytest.fixture(scope="module")
def outcome(coloured: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TuneResult, Told]:
    told = Told()
    output = tmp_path_factory.mktemp("search") / "run"
    config = second(coloured, output, candidates=("interpolation=0.75", "replay=0.6+kl=0.1", "lora"), min_gain=0.5)
    config = replace(config, mitigation=MitigationConfig(replay=(str(coloured / "old.jsonl"),)))
    with pytest.MonkeyPatch.context() as patch:
        plant(patch, {"plain": (50.0, 0.95), "replay=0.6+kl=0.1": (40.0, 0.3)})
        return output, tune(config, told), told


def test_it_searches_until_what_was_declared_is_kept(outcome: tuple[Path, TuneResult, Told]) -> None:
    run, result, told = outcome
    mitigation_search = of_search(result)
    names = [candidate.candidate for candidate in mitigation_search.candidates]
    assert names[:2] == ["plain", "interpolation=0.75"]
    place = names.index("replay=0.6+kl=0.1")
    plain, interpolated, repaired = (mitigation_search.candidates[n] for n in (0, 1, place))
    assert {str(parse(name).training) for name in names[:place]} == {"plain"}
    assert min(plain.worst, interpolated.worst) > 0.5 >= repaired.worst
    assert {str(parse(name).training) for name in names[place:]} == {repaired.candidate}, (
        "more room is looked for by the interpolation alone"
    )
    assert (mitigation_search.chosen, mitigation_search.enough) == (repaired.candidate, True)
    assert mitigation_search.not_tried == ("lora",)
    assert [event.evidence for event in told.events if isinstance(event, CandidateDone)] == list(
        mitigation_search.candidates
    )
    assert (
        from_plain(MitigationSearchReport, json.loads((run / "mitigation_search.json").read_text()))
        == mitigation_search
    )
    assert mitigation_search.chosen in (run / "report.html").read_text()


def test_an_interpolated_candidate_takes_no_training(outcome: tuple[Path, TuneResult, Told]) -> None:
    _, result, told = outcome
    interpolated = of_search(result).candidates[1]
    assert interpolated.trained_seconds == 0.0
    assert interpolated.cost == "evaluation only"
    trained = {str(parse(each.candidate).training) for each in of_search(result).candidates}
    assert len(told.of(TrainingStarted)) == len(trained) < len(of_search(result).candidates)


def test_the_users_interpolations_come_before_the_searchs_own(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves: list[AlphaCurve] = []

    def next_of(tried: Sequence[Tried], _min_gain: float, curve: AlphaCurve) -> MitigationSpec | None:
        curves.append(curve)
        return parse("interpolation=0.6") if len(tried) == 3 else None

    monkeypatch.setattr(search_module, "next_alpha", next_of)
    plant(monkeypatch, {"plain": (50.0, 0.95)})
    candidates = ("interpolation=0.75", "interpolation=0.5")
    config = second(coloured, tmp_path / "run", candidates=candidates, max_candidates=1, min_gain=0.75)
    config = replace(config, measure=replace(config.measure, keep=(replace(config.measure.keep[0], margin=0.5),)))
    told = Told()
    found = of_search(tune(config, told))
    names = [candidate.candidate for candidate in found.candidates]
    assert names[:4] == ["plain", *candidates, "interpolation=0.6"]
    assert len(told.of(TrainingStarted)) == 1
    assert all(curve is curves[0] for curve in curves), "one curve serves a training"
    assert set(curves[0].losses) == set(ALPHAS)
    assert curves[0].losses[1.0] < curves[0].base


def by_its_own_list(config: TuneConfig, margin: float) -> TuneConfig:
    measure = replace(config.measure, keep=(replace(config.measure.keep[0], margin=margin),), dev_fraction=0.5)
    return replace(config, mitigation=MitigationConfig(kl_tokens=16), measure=measure)


def test_it_begins_with_the_held_training_and_trains_nothing_where_that_is_enough(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("HALF", "ROOM"):
        monkeypatch.setattr(choose_candidate, limit, 2.0)
    config = by_its_own_list(second(coloured, tmp_path / "run"), margin=95.0)
    told = Told()
    found = of_search(tune(of_no_run(config, tmp_path), told))
    assert [candidate.candidate for candidate in found.candidates] == ["kl=3"]
    assert (found.chosen, found.enough) == ("kl=3", True)
    assert found.not_tried == ("self-replay=0.2+kl=3", "lora+kl=3")
    assert len(told.of(TrainingStarted)) == 1


def test_no_training_of_its_own_list_starts_after_twice_the_first(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreachable: float
) -> None:
    monkeypatch.setattr(search_budget, "TIMES", 1e-6)
    config = by_its_own_list(second(coloured, tmp_path / "run", min_gain=unreachable), margin=1e-6)
    told = Told()
    found = of_search(tune(of_no_run(config, tmp_path), told))
    assert len(told.of(TrainingStarted)) == 1
    assert {candidate.candidate.split("+")[0] for candidate in found.candidates} == {"kl=3"}
    assert found.not_tried == ("self-replay=0.2+kl=3", "lora+kl=3")
    assert any("--search-minutes" in notice.message for notice in told.of(Notice))


def test_the_settings_of_a_run_with_the_default_mitigation_are_searched_with(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As its last words, which are a command, do."""
    config = second(coloured, tmp_path / "run", auto=False)
    config = replace(by_its_own_list(config, margin=1e-6), training=replace(config.training, epochs=2.0))
    told = Told()
    tune(of_no_run(config, tmp_path), told)
    (said,) = (notice.message for notice in told.of(Notice) if notice.kind == "auto")
    words = shell_words(said[said.index("keeptune tune") :])
    began: list[TuneConfig] = []

    def stop(session: Session) -> Any:
        began.append(session.config)
        raise InterruptedError

    monkeypatch.setattr(search_module, "train", stop)
    with pytest.raises(InterruptedError):
        main([*words[1:], "--quiet"])
    assert (began[0].mitigation.kl, began[0].mitigation.interpolation, began[0].mitigation.kl_tokens) == (3.0, 1.0, 16)


def test_a_candidate_that_fails_is_left_and_said(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreachable: float
) -> None:
    real = search_module.train

    def train(session: Session) -> Any:
        if session.workspace.path.name == fails:
            raise ModelError("the base writes too little", "give prompts")
        return real(session)

    monkeypatch.setattr(search_module, "train", train)
    config = second(coloured, tmp_path / "run", candidates=("kl=0.1", "interpolation=0.5"), min_gain=unreachable)
    fails, told = "kl=0.1", Told()
    mitigation_search = of_search(tune(config, told))
    assert ([candidate.candidate for candidate in mitigation_search.candidates][:2], mitigation_search.not_tried) == (
        ["plain", "interpolation=0.5"],
        ("kl=0.1",),
    )
    assert any("kl=0.1 cannot be tried: the base writes" in notice.message for notice in told.of(Notice))
    fails = "plain"
    with pytest.raises(ModelError):
        tune(replace(config, output=str(tmp_path / "another")))


def test_a_candidate_that_memory_does_not_hold_is_left_with_its_interpolations(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreachable: float
) -> None:
    real = search_module.train
    began: list[str] = []

    def train(session: Session) -> Any:
        began.append(session.workspace.path.name)
        if session.workspace.path.name == "kl=0.1":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return real(session)

    monkeypatch.setattr(search_module, "train", train)
    config = second(
        coloured,
        tmp_path / "run",
        candidates=("kl=0.1", "kl=0.1+interpolation=0.5", "interpolation=0.5"),
        min_gain=unreachable,
    )
    mitigation_search = of_search(tune(config))
    assert ([candidate.candidate for candidate in mitigation_search.candidates][:2], mitigation_search.not_tried) == (
        ["plain", "interpolation=0.5"],
        ("kl=0.1", "kl=0.1+interpolation=0.5"),
    )
    assert began.count("kl=0.1") == 1


def test_an_interpolation_that_the_method_cannot_have_is_not_tried(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "next_alpha", lambda *_: parse("interpolation=0.75"))
    config = replace(second(coloured, tmp_path / "run", max_candidates=1), method=Adapter(kind="prompt"))
    config = replace(config, mitigation=MitigationConfig(plain=True))
    assert [candidate.candidate for candidate in of_search(tune(config)).candidates] == ["plain"]


def test_what_no_candidate_uses_makes_no_other_training(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unreachable: float
) -> None:
    """And the folder may be the one that one stands in."""
    monkeypatch.chdir(tmp_path)
    config = second(coloured, Path(), candidates=("interpolation=0.75", "interpolation=0.25"), min_gain=unreachable)
    prompts = MitigationConfig(self_replay_prompts=str(coloured / "old.jsonl"))
    told = Told()
    mitigation_search = of_search(tune(replace(config, output=".", mitigation=prompts), told))
    assert len(mitigation_search.candidates) == 3
    assert len(told.of(TrainingStarted)) == 1


def test_no_item_of_either_part_is_learned(coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are chosen by and those of the verdict, where not all items are asked."""
    learned: list[Rows] = []

    def stop(session: Session) -> Any:
        learned.append(session.rows)
        raise InterruptedError

    monkeypatch.setattr(search_module, "train", stop)
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


def test_the_choice_sees_no_item_of_the_verdict(outcome: tuple[Path, TuneResult, Told]) -> None:
    run, result, told = outcome
    lines = (run / "abilities" / "colours" / "base.jsonl").read_text().splitlines()
    verdict = {json.loads(line)["item_id"] for line in lines}
    everything = {json.loads(line)["id"] for line in Path(second_kept(run)).read_text().splitlines()}
    dev = of_search(result).candidates[0].drops[0].items
    config = Workspace(run).tune_settings()
    measure = replace(config.measure, keep=config.measure.keep[:1], prompt_fraction=0.1)
    (prompts,) = guarded_items(measure, DataConfig(), make_encoder(config.model, config.data))
    assert verdict < everything
    assert len(verdict) + dev + len(prompts) == len(everything)
    assert not verdict & {example.id for example in prompts}
    assert count_trained_on(trained_on(run), prompts) == len(prompts), "what a candidate had the base answer"
    asked = [event.name for event in told.events if isinstance(event, EvaluationDone)]
    last_candidate = max(place for place, event in enumerate(told.events) if isinstance(event, CandidateDone))
    search = [event.name for event in told.events[:last_candidate] if isinstance(event, EvaluationDone)]
    assert all("dev" in name for name in search)
    assert not all("dev" in name for name in asked)


def second_kept(run: Path) -> str:
    return str(json.loads((run / "config.json").read_text())["measure"]["keep"][0]["data"])


def test_the_run_holds_the_chosen_weights_and_no_others(outcome: tuple[Path, TuneResult, Told]) -> None:
    run, _, _ = outcome
    assert (run / "model" / "model.safetensors").exists()
    assert not (run / "candidates").exists()


def test_replayed_rows_are_never_asked(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run", candidates=("replay=0.4",))
    config = replace(config, mitigation=MitigationConfig(replay=(str(coloured / "kept.jsonl"),)))
    told = Told()
    assert of_search(tune(config, told)).not_tried == ("replay=0.4",)
    said = [event.message for event in told.of(Notice) if event.kind == "mitigation_search"]
    assert any("replay=0.4 cannot be tried: no rows of old tasks are left to replay" in message for message in said)


def test_an_ability_without_development_items_is_left_out(coloured: Path, tmp_path: Path) -> None:
    config = second(coloured, tmp_path / "run")
    (tmp_path / "one.jsonl").write_text((coloured / "kept.jsonl").read_text().splitlines()[0] + "\n")
    keep = (Keep("one", str(tmp_path / "one.jsonl"), "rouge1"),)
    config = of_no_run(replace(config, measure=replace(config.measure, keep=keep)), tmp_path)
    told = Told()
    with pytest.raises(ConfigError, match="none of the declared abilities can be measured"):
        tune(config, told)
    assert any("one is left out of the search" in notice.message for notice in told.of(Notice))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keep": (), "extent": "none"}, "needs an ability to keep"),
        ({"extent": "none"}, "would not be measured"),
        ({"keep": (Keep("task", "lm-eval:arc_easy"),)}, "has no development items"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(
    coloured: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    config = second(coloured, tmp_path / "run")
    with pytest.raises(ConfigError, match=message):
        tune(replace(config, measure=replace(config.measure, **change)))
