"""The default mitigation from end to end: held to the base while it trains, and α chosen afterwards."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from keeptune.api.tune import tune
from keeptune.config import Adapter, MitigationConfig, TuneConfig
from keeptune.errors import StoreError
from keeptune.events import Notice, TrainingStarted
from keeptune.experiments import alpha_choice
from keeptune.mitigation.default import DEFAULT, with_default_mitigation
from keeptune.records import AlphaChoice, TuneResult, from_plain
from tests.api.runs import Told, settings
from tests.experiments.colours import of_no_run, second

pytestmark = pytest.mark.usefixtures("able_bases")
AUTO = MitigationConfig(kl=1.0, kl_tokens=16, interpolation="auto")


def by_default(coloured: Path, output: Path, **changes: Any) -> TuneConfig:
    """Learn to count with the default mitigation, the colours declared."""
    config = second(coloured, output, auto=False)
    measure = replace(config.measure, extent="full", dev_fraction=0.5)
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
    assert (config["kl"], config["interpolation"], config["plain"]) == (1.0, "auto", False)
    assert len(told.of(TrainingStarted)) == 1
    choice = choice_in(run)
    shares = {point.alpha: point.share for point in choice.points}
    assert shares[1.0] == pytest.approx(1.0)
    assert choice.alpha in shares
    evaluated = [point for point in choice.points if point.drops is not None]
    assert choice.alpha in [point.alpha for point in evaluated]
    assert all([drop.name for drop in point.drops or ()] == ["colours"] for point in evaluated)
    (message,) = (event.message for event in told.of(Notice) if event.message.startswith("α is"))
    assert f"α is {choice.alpha:g}" in message
    assert message in " ".join(result.forgetting.notices if result.forgetting else ())


def test_only_development_items_choose(coloured: Path, outcome: tuple[Path, TuneResult, Told]) -> None:
    run, result, _ = outcome
    assert result.forgetting is not None
    (colours,) = result.forgetting.abilities
    (dev,) = {point.drops[0].items for point in choice_in(run).points if point.drops}
    assert dev + colours.items == len((coloured / "kept.jsonl").read_text().splitlines())


def test_a_stopped_choice_goes_on_without_training(coloured: Path, tmp_path: Path) -> None:
    config = of_no_run(by_default(coloured, tmp_path / "run"), tmp_path)
    told = Told(stop_at=lambda event: getattr(event, "name", "").startswith("colours, dev"))
    with pytest.raises(InterruptedError):
        tune(config, told)
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
    assert not (tmp_path / "run" / "alpha.json").exists()
    with pytest.raises(StoreError, match="plain"):
        tune(replace(config, mitigation=MitigationConfig(), resume=True), told)


def test_a_named_mitigation_takes_the_defaults_place(coloured: Path, tmp_path: Path) -> None:
    config = by_default(coloured, tmp_path / "run")
    for named in (MitigationConfig(freeze=0.5), MitigationConfig(interpolation=0.5), MitigationConfig(extra=("l2",))):
        other = replace(config, mitigation=named)
        if not named.extra:
            assert with_default_mitigation(other) == other
    found = with_default_mitigation(config).mitigation
    assert (found.kl, found.interpolation, found.kl_tokens) == (1.0, "auto", 16)
    assert DEFAULT == "kl=1+interpolation=auto"


def test_a_soft_prompt_has_no_alpha(coloured: Path, tmp_path: Path) -> None:
    config = replace(by_default(coloured, tmp_path / "run"), method=Adapter("prompt"))
    assert with_default_mitigation(config).mitigation.interpolation == 1.0


def test_alpha_is_made_smaller_until_an_ability_is_kept(
    coloured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alpha_choice, "NEARLY_ALL", 1.0)
    monkeypatch.setattr(alpha_choice, "ENOUGH", -9.0)
    config = by_default(coloured, tmp_path / "run")
    keep = replace(config.measure.keep[0], margin=5.0)
    config = replace(
        config,
        mitigation=MitigationConfig(interpolation="auto"),
        measure=replace(config.measure, keep=(keep,)),
    )
    tune(of_no_run(config, tmp_path), Told())
    choice = choice_in(tmp_path / "run")
    drops = {point.alpha: point.drops[0].drop for point in choice.points if point.drops}
    assert drops[1.0] > 2.5, "the plain training must lose the colours"
    assert choice.alpha < 1.0
    assert drops[choice.alpha] < drops[1.0]


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
