"""The default mitigation from end to end: held to the base while it trains, and α chosen afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from keeptune.api.measure import measure
from keeptune.api.tune import tune
from keeptune.config import Adapter, DataConfig, MeasureRun, MitigationConfig, MitigationSearchConfig, TuneConfig
from keeptune.data.task_rows import load_told
from keeptune.errors import ConfigError, StoreError
from keeptune.events import Notice, TrainingStarted, silent
from keeptune.experiments import loss_curve
from keeptune.experiments.trials import Trial, refuse_others
from keeptune.experiments.tuning import _can_search
from keeptune.inference.loglikelihood import mean_loss
from keeptune.mitigation.alpha_curve import NEARLY_ALL
from keeptune.mitigation.default import (
    DEFAULT,
    default_for,
    refuse_switched_off,
    said_of_default,
    with_default_mitigation,
    without_default_mitigation,
)
from keeptune.records import AlphaChoice, TuneResult, from_plain
from keeptune.workspace.run_entry import read_entry
from keeptune.workspace.trained_on import count_trained_on, trained_on
from keeptune.workspace.workspace import Workspace
from tests.api.runs import Told, settings
from tests.experiments.colours import of_no_run, second

pytestmark = pytest.mark.usefixtures("able_bases")
AUTO = MitigationConfig(kl=3.0, kl_tokens=16, interpolation="auto")


def by_default(coloured: Path, output: Path, **changes: Any) -> TuneConfig:
    """Learn to count with the default mitigation, the colours declared."""
    config = second(coloured, output, auto=False)
    measure = replace(config.measure, extent="full", prompt_fraction=0.5)
    return replace(config, mitigation=MitigationConfig(kl_tokens=16), measure=measure, **changes)


@pytest.fixture(scope="module")
def outcome(coloured: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TuneResult, Told]:
    told = Told()
    folder = tmp_path_factory.mktemp("default")
    config = of_no_run(by_default(coloured, folder / "run"), folder)
    return folder / "run", tune(config, told), told


def choice_in(run: Path) -> AlphaChoice:
    return from_plain(AlphaChoice, json.loads((run / "alpha.json").read_text()))


def test_the_plain_command_is_held_to_the_base_and_its_alpha_chosen(outcome: tuple[Path, TuneResult, Told]) -> None:
    run, result, told = outcome
    config = json.loads((run / "config.json").read_text())["mitigation"]
    assert (config["kl"], config["interpolation"], config["plain"]) == (3.0, "auto", False)
    assert len(told.of(TrainingStarted)) == 1
    choice = choice_in(run)
    shares = {point.alpha: point.share for point in choice.points}
    assert shares[1.0] == pytest.approx(1.0)
    enough = [alpha for alpha, share in shares.items() if share >= NEARLY_ALL * max(shares.values())]
    assert 0 < choice.alpha <= min(enough)
    assert choice.alpha > max((alpha for alpha in shares if alpha < min(enough)), default=0.0)
    (message,) = (event.message for event in told.of(Notice) if event.message.startswith("α is"))
    assert f"α is {choice.alpha:g}" in message
    assert message in " ".join(result.forgetting.notices if result.forgetting else ())


def test_what_was_done_against_forgetting_is_told(coloured: Path, outcome: tuple[Path, TuneResult, Told]) -> None:
    run, result, _ = outcome
    choice = choice_in(run)
    assert result.alpha == choice
    (card,) = (line for line in (run / "model" / "README.md").read_text().splitlines() if "Against forgetting" in line)
    assert "kl 3.0" in card
    assert f"α is {choice.alpha:g}" in card
    assert read_entry(run, "run").alpha == choice.alpha
    rows = len((coloured / "numbers.jsonl").read_text().splitlines())
    assert result.training.examples < rows, "the base's text is no row that was learned"


def test_items_whose_prompts_are_trained_on_decide_nothing(
    coloured: Path, outcome: tuple[Path, TuneResult, Told]
) -> None:
    run, result, told = outcome
    assert result.forgetting is not None
    (colours,) = result.forgetting.abilities
    (message,) = (event.message for event in told.of(Notice) if event.kind == "kl")
    assert "answers to prompts of the declared abilities" in message
    items = load_told(str(coloured / "kept.jsonl"), DataConfig(), "kept", silent).examples
    lines, trained = len(items), trained_on(run)
    assert count_trained_on(trained, items) == lines - colours.items
    assert 0.2 * lines < colours.items < 0.8 * lines
    config = Workspace(run).tune_settings()
    later = Told()
    tuned = replace(config.model, name=str(run / "model"))
    measured = replace(config.measure, prompt_fraction=None)
    again = measure(MeasureRun(config.model, tuned, measure=measured, output=str(run.parent / "later")), later)
    assert again.abilities[0].items == colours.items, "a later measure leaves them out too"
    (message,) = (event.message for event in later.of(Notice) if event.kind == "trained on")
    assert f"{lines - colours.items} of {lines} items of colours" in message


def test_a_stopped_choice_goes_on_without_training(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = of_no_run(by_default(coloured, tmp_path / "run"), tmp_path)
    calls: list[Any] = []

    def stopped(*given: Any) -> float:
        calls.append(given)
        if len(calls) == 3:
            raise InterruptedError
        return mean_loss(*given)

    with monkeypatch.context() as patch:
        patch.setattr(loss_curve, "mean_loss", stopped)
        with pytest.raises(InterruptedError):
            tune(config, Told())
    again = Told()
    tune(replace(config, resume=True), again)
    assert not again.of(TrainingStarted)
    assert (tmp_path / "run" / "alpha.json").exists()
    assert not (tmp_path / "run" / "whole").exists()


def test_plain_leaves_all_of_it_out(coloured: Path, tmp_path: Path) -> None:
    config = replace(by_default(coloured, tmp_path / "run"), mitigation=MitigationConfig(plain=True))
    assert with_default_mitigation(config) == config
    told = Told()
    tune(config, told)
    assert not [notice for notice in told.of(Notice) if notice.kind == "default mitigation"]
    assert not (tmp_path / "run" / "alpha.json").exists()
    with pytest.raises(StoreError, match="plain"):
        tune(replace(config, mitigation=MitigationConfig(), resume=True), told)


def test_a_named_mitigation_takes_the_defaults_place(coloured: Path, tmp_path: Path) -> None:
    config = by_default(coloured, tmp_path / "run")
    for named, name in (
        (MitigationConfig(freeze=0.5), "freeze"),
        (MitigationConfig(interpolation=0.5), "interpolation"),
        (MitigationConfig(replay=("old.jsonl",)), "replay"),
        (MitigationConfig(replay=("old.jsonl",), kl=1.0), "replay and kl"),
        (MitigationConfig(replay=("old.jsonl",), replay_fraction=0.0, kl=1.0), "replay and kl"),
    ):
        other = replace(config, mitigation=named)
        assert with_default_mitigation(other) == other
        said = f"the default mitigation, {DEFAULT}, is not used, since the settings name {name}"
        assert said_of_default(other) == said
        searched = replace(other, mitigation_search=MitigationSearchConfig(auto=True))
        assert said_of_default(searched) == "", "the search begins with the default"
    by_hand = replace(config, mitigation=MitigationConfig(kl=3.0, interpolation="auto"))
    assert said_of_default(by_hand) == "", "that very mitigation is used"
    found = with_default_mitigation(config).mitigation
    assert (found.kl, found.interpolation, found.kl_tokens) == (3.0, "auto", 16)
    assert DEFAULT == "kl=3+interpolation=auto"


def test_settings_that_allow_a_part_get_that_part(coloured: Path, tmp_path: Path) -> None:
    config = by_default(coloured, tmp_path / "run")
    assert str(default_for(replace(config, method=Adapter("prompt")))) == "kl=3"
    on_nothing = replace(config.mitigation, kl_on="replay")
    assert str(default_for(replace(config, mitigation=on_nothing))) == "interpolation=auto"
    told = Told(stop_at=lambda event: getattr(event, "kind", "") == "default mitigation")
    with pytest.raises(InterruptedError):
        tune(replace(config, method=Adapter("prompt")), told)
    assert "kl=3 (" in told.events[-1].message


def test_settings_copied_from_a_default_run_are_decided_anew(coloured: Path, tmp_path: Path) -> None:
    given = by_default(coloured, tmp_path / "run")
    made = with_default_mitigation(given)
    assert made.mitigation.by_default
    assert with_default_mitigation(made) == made
    assert without_default_mitigation(made) == given
    assert without_default_mitigation(given) == given
    assert _can_search(made)
    searched = replace(made, mitigation_search=MitigationSearchConfig(auto=True))
    assert with_default_mitigation(searched) == replace(given, mitigation_search=searched.mitigation_search)
    plain = with_default_mitigation(replace(made, mitigation=replace(made.mitigation, plain=True)))
    assert plain == replace(given, mitigation=replace(given.mitigation, plain=True))
    other = replace(made, mitigation=replace(made.mitigation, kl=0.5))
    assert with_default_mitigation(other) == replace(given, mitigation=replace(given.mitigation, kl=0.5))
    assert not _can_search(other)


def test_a_flag_that_switches_a_part_of_the_default_off_is_refused(coloured: Path, tmp_path: Path) -> None:
    given = by_default(coloured, tmp_path / "run")
    for config in (given, with_default_mitigation(given)):
        off = replace(config, mitigation=replace(config.mitigation, kl=0.0))
        with pytest.raises(ConfigError, match="--plain"):
            refuse_switched_off(off, {"kl": 0.0, "interpolation": None})
        refuse_switched_off(config, {"kl": None})
        refuse_switched_off(replace(off, mitigation=replace(off.mitigation, plain=True)), {"kl": 0.0})
        refuse_switched_off(replace(off, mitigation=replace(off.mitigation, freeze=0.5)), {"kl": 0.0})


def test_a_study_goes_on_with_the_items_that_decide(coloured: Path, tmp_path: Path) -> None:
    config = by_default(coloured, tmp_path / "study" / "run")
    config = replace(config, measure=replace(config.measure, prompt_fraction=None))
    tune(config, Told())
    refuse_others([Trial("full", 0, config)])
    with pytest.raises(StoreError, match="prompt_fraction"):
        refuse_others([Trial("full", 0, replace(config, measure=replace(config.measure, prompt_fraction=0.4)))])


def test_an_adapter_whose_whole_change_is_kept_stays_an_adapter(coloured: Path, tmp_path: Path) -> None:
    config = replace(by_default(coloured, tmp_path / "run"), method=Adapter("dora", rank=4))
    data = replace(config.data, validation_fraction=0.0)
    tune(replace(config, data=data, training=replace(config.training, epochs=1.0)), Told())
    assert choice_in(tmp_path / "run").alpha == 1.0
    assert (tmp_path / "run" / "adapter").is_dir()
    assert not list((tmp_path / "run").glob("**/.*.partial"))


def test_a_loss_that_did_not_fall_chooses_nothing(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loss_curve, "mean_loss", lambda *_: 3.0)
    tune(of_no_run(by_default(coloured, tmp_path / "run"), tmp_path), Told())
    choice = choice_in(tmp_path / "run")
    assert choice.alpha == 1.0
    assert "did not lower" in choice.reason


def test_without_the_memory_to_choose_all_is_kept(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: Any) -> float:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(loss_curve, "mean_loss", too_large)
    tune(of_no_run(by_default(coloured, tmp_path / "run"), tmp_path), Told())
    assert choice_in(tmp_path / "run").alpha == 1.0
    assert "memory" in choice_in(tmp_path / "run").reason


def test_a_soft_prompt_has_no_alpha(coloured: Path, tmp_path: Path) -> None:
    config = replace(by_default(coloured, tmp_path / "run"), method=Adapter("prompt"))
    assert with_default_mitigation(config).mitigation.interpolation == 1.0


def test_the_adapter_holds_the_chosen_share(tiny: Any, coloured: Path, tmp_path: Path) -> None:
    config = replace(settings(coloured / "first" / "model", coloured, str(tmp_path / "run")), mitigation=AUTO)
    data = replace(config.data, train=str(coloured / "numbers.jsonl"), test=None, validation_fraction=0.25)
    config = replace(config, data=data, training=replace(config.training, epochs=10.0))
    tune(config, Told())
    whole = replace(config, mitigation=replace(AUTO, interpolation=1.0), output=str(tmp_path / "whole"))
    tune(whole, Told())
    alpha = choice_in(tmp_path / "run").alpha
    kept, trained = (load_file(tmp_path / run / "adapter" / "adapter_model.safetensors") for run in ("run", "whole"))
    for name, weight in trained.items():
        share = alpha if "lora_B" in name else 1.0
        assert (kept[name] - share * weight).abs().max() < 1e-6, name
