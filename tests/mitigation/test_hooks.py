"""What a mitigation of another package can change, each by a mitigation that does only that."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from keeptune.config import MitigationConfig, TuneConfig
from keeptune.config.setting import Range
from keeptune.data.encode import Encoder
from keeptune.errors import ConfigError
from keeptune.events import TrainingStarted, silent
from keeptune.mitigation.active import active, without_after_training
from keeptune.mitigation.apply import AppliedMitigations
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.mitigation import AddedRows, Mitigation
from keeptune.mitigation.objective import Objective, Term, completion_loss
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.row_source import JoinedRows
from keeptune.mitigation.spec import parse
from keeptune.models.load import LoadedModel
from keeptune.records import EncodedRow, Example, Message
from keeptune.workspace.workspace import Workspace
from tests.mitigation.talking import load
from tests.mitigation.test_trained_with import LORA, equal, rows_files, settings, trained

Add = Callable[..., None]


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Add:
    """Registers a mitigation for one test."""
    assert "kl" in MITIGATIONS
    monkeypatch.setattr(MITIGATIONS, "_entries", dict(MITIGATIONS._entries))
    monkeypatch.setattr(MITIGATIONS, "_origins", dict(MITIGATIONS._origins))

    def register(name: str, **fields: Any) -> None:
        MITIGATIONS.register(name)(lambda: Mitigation(**{"cost": "nothing", "default": 0.5, **fields}))

    return register


def mitigations(loaded: LoadedModel, *extra: str) -> AppliedMitigations:
    config = TuneConfig(mitigation=MitigationConfig(extra=extra))
    return AppliedMitigations(config, Encoder(loaded.tokenizer, loaded.kind, 128), 4096, silent)


def test_rows(add: Add, tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))

    def rows(inputs: Any, count: int) -> Any:
        made = [Example(f"new-{n}", (Message("user", f"say {n}"),), f"why {n}") for n in range(count)]
        return inputs.encoder.rows(made)

    add("more", added_rows=AddedRows(rows))
    add("beside", added_rows=AddedRows(rows, share=0.2, learned=False))
    add("first", learned_rows=lambda count, _inputs, given: given[: int(count)], default=1.0, allowed=Range(1))
    found = mitigations(loaded, "more=0.25", "beside", "first=2")
    learned = found.old_rows(loaded, 30)
    assert (len(learned), {row.role for row in learned}) == (10, {"replay"})
    beside = found.base_rows(loaded, learned * 4)
    assert (len(beside), {row.role for row in beside}) == (10, {"base"})
    assert found.learned_rows(loaded, learned) == learned[:2]
    error = unfit(TuneConfig(mitigation=MitigationConfig(extra=("more=1",))))
    assert error is not None
    assert "leave none for the task" in error.message


def test_the_objective(add: Add, tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))

    def loss(_model: Any, _batch: Any, logits: torch.Tensor, /) -> torch.Tensor:
        return logits.sum()

    add("other", default="sum", allowed=("sum", "none"), loss={"sum": loss}.get)
    add("term", terms=lambda weight, _inputs: [Term(weight, loss, frozenset({"task"}))])
    add("small", penalty=lambda inputs: lambda model: sum(p.square().sum() for p in inputs.loaded.model.parameters()))
    objective = mitigations(loaded, "other=sum", "term=2", "small").objective(loaded, [])
    assert objective.terms == (Term(1.0, loss), Term(2.0, loss, frozenset({"task"})))
    assert [weight for weight, _ in objective.penalties] == [0.5]
    assert mitigations(loaded, "other=none").objective(loaded, []) == Objective((Term(1.0, completion_loss),))
    with pytest.raises(ConfigError, match="cannot be 'all'"):
        parse("other=all")
    error = unfit(TuneConfig(mitigation=MitigationConfig(token_weights="talr", extra=("other=sum",))))
    assert error is not None
    assert "token-weights and other" in error.message


def test_rows_that_depend_on_the_model(add: Add, talking: Path, tmp_path: Path) -> None:
    """Each step has one row of the task's, and one that the model writes as it is then."""
    asked: list[tuple[int, int]] = []

    class OwnWords(JoinedRows):
        def next(self, step: int, loaded: LoadedModel) -> list[EncodedRow]:
            (fixed, *_) = super().next(step, loaded)
            loaded.model.eval()
            with torch.no_grad():
                ids = torch.tensor([fixed.ids], device=loaded.placement.device)
                token = int(loaded.model(input_ids=ids).logits[0, -1].argmax())
            asked.append((step, token))
            return [fixed, replace(fixed, ids=(*fixed.ids[:-1], token), role="replay")]

    add("own-words", row_source=lambda _value, source, _inputs: OwnWords([source]))
    files = rows_files(tmp_path)
    config = settings(talking, files, LORA, {"extra": ("own-words",)})
    found = trained(config, tmp_path / "own")
    assert [step for step, _ in asked] == list(range(len(asked)))
    assert len(asked) > 3
    assert not equal(found, trained(settings(talking, files, LORA, {}), tmp_path / "plain"))


def test_weights_before_the_training(add: Add, tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    loaded.model.requires_grad_(True)
    add("still", before_training=lambda _value, model, _config, _observer: model.model.requires_grad_(False))
    mitigations(loaded).before_training(loaded)
    assert loaded.trainable
    mitigations(loaded, "still").before_training(loaded)
    assert not loaded.trainable


def test_weights_after_the_training(add: Add, talking: Path, tmp_path: Path) -> None:
    """One training serves the plain run and those that change its weights; what follows it comes in order."""
    seen: list[tuple[float, float]] = []

    def times(factor: float, _config: TuneConfig, tuned: Path, run: Workspace) -> None:
        shutil.copytree(tuned, run.adapter)
        weights = load_file(tuned / "adapter_model.safetensors")
        seen.append((factor, float(weights[min(weights)].abs().sum())))
        changed = {name: value * factor for name, value in weights.items()}
        save_file(changed, run.adapter / "adapter_model.safetensors", {"format": "pt"})

    add("scale", after_training=times)
    add("rescale", after_training=times)
    config = settings(talking, rows_files(tmp_path), LORA, {})
    plain = trained(config, tmp_path / "runs" / "plain")
    changed = replace(config, mitigation=MitigationConfig(plain=True, extra=("rescale=3", "scale=2")))
    assert without_after_training(changed) == config
    assert parse("kl=1+scale=2").training == parse("kl=1")
    told: list[Any] = []
    found = trained(changed, tmp_path / "runs" / "changed", told.append)
    assert not any(isinstance(event, TrainingStarted) for event in told), "the plain run's training is used"
    assert equal(found, {name: value * 3 * 2 for name, value in plain.items()})
    assert [factor for factor, _ in seen] == [3.0, 2.0]
    assert seen[1][1] == pytest.approx(3 * seen[0][1])
    assert [value for _, value in active(changed)] == [None, 3.0, 2.0], "the adapter is a mitigation, too"
