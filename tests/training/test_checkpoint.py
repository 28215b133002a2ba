"""A checkpoint is whole or it is not used; one of another run is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from keeptune.errors import CorruptCheckpoint
from keeptune.mitigation.row_source import FixedRows
from keeptune.records import EncodedRow
from keeptune.training.checkpoint import (
    LoopState,
    Trained,
    load_checkpoint,
    read_weights,
    save_checkpoint,
    save_weights,
)
from keeptune.training.step import OptimizerUpdate
from keeptune.workspace.workspace import Workspace

STATE = LoopState(1, 2.5, 1, 0.5, 100, 20, ((1.0, 3.5),), ((0.0, 4.0), (1.0, 3.0)), "this run")
ROW = EncodedRow("a", (1, 2), (), ((1, 2),), 0)


class Small:
    """A model of two weights and its optimizer, with steps behind it."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.model = torch.nn.Linear(3, 2)
        # Frozen, as a base is: the same in every process, and in no checkpoint.
        torch.nn.init.zeros_(self.model.bias.requires_grad_(False))
        self.optimizer = torch.optim.AdamW([self.model.weight], lr=0.1)

    def trained(self, scaler: torch.amp.GradScaler | None = None) -> Trained:
        off = torch.amp.GradScaler("cpu", enabled=False)
        update = OptimizerUpdate(self.optimizer, scaler or off, 1.0)
        return Trained(self.model, update, scaler or off, FixedRows([ROW], 1, 0))

    def step(self) -> None:
        self.optimizer.zero_grad()
        self.model(torch.randn(4, 3)).pow(2).sum().backward()
        self.optimizer.step()


def saved(run: Path, *steps: int) -> Small:
    small = Small()
    for step in steps:
        small.step()
        save_checkpoint(Workspace(run), small.trained(), dataclasses.replace(STATE, step=step))
    return small


def load(run: Path, fingerprint: str = "this run") -> tuple[Small, LoopState | None]:
    fresh = Small(seed=9)
    return fresh, load_checkpoint(Workspace(run), fresh.trained(), fingerprint)


def test_nothing_there(tmp_path: Path) -> None:
    assert load(tmp_path)[1] is None


def test_everything_comes_back(tmp_path: Path) -> None:
    small = saved(tmp_path, 1, 2)
    before = [{name: value.clone() for name, value in small.optimizer.state[p].items()} for p in small.optimizer.state]
    kept = small.model.weight.detach().clone()
    small.step()
    fresh, state = load(tmp_path)
    assert state == dataclasses.replace(STATE, step=2)
    assert torch.equal(fresh.model.weight, kept)
    after = [dict(fresh.optimizer.state[p]) for p in fresh.optimizer.state]
    assert [sorted(each) for each in before] == [sorted(each) for each in after]
    assert all(torch.equal(a[name], b[name]) for a, b in zip(before, after, strict=True) for name in a)
    # Same random numbers, same moments: the next step is that of a run that never stopped.
    fresh.step()
    assert torch.equal(fresh.model.weight, small.model.weight)


def test_the_scale_of_float16_comes_back(tmp_path: Path) -> None:
    small, scaler = Small(), torch.amp.GradScaler("cpu", init_scale=1024.0)
    save_checkpoint(Workspace(tmp_path), small.trained(scaler), STATE)
    fresh = torch.amp.GradScaler("cpu")
    load_checkpoint(Workspace(tmp_path), small.trained(fresh), "this run")
    assert fresh.state_dict() == scaler.state_dict()
    assert load(tmp_path)[1] == STATE


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    saved(tmp_path, 1, 2, 10, 9)
    assert [step for step, _ in Workspace(tmp_path).checkpoints()] == [9, 10]


DAMAGES = {
    "cut off": lambda folder: (folder / "weights.safetensors").write_bytes(b"\x08"),
    "one bit": lambda folder: flip(folder / "optimizer.safetensors"),
    "file gone": lambda folder: (folder / "random.safetensors").unlink(),
    "hash gone": lambda folder: (folder / "hash").unlink(),
    "hash of nonsense": lambda folder: (folder / "hash").write_bytes(b"\xff\xfe"),
    "other step": lambda folder: (folder / "state.json").write_text("{}"),
}


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: str) -> None:
    saved(tmp_path, 3)
    good = read_weights(tmp_path / "checkpoint-3")["weight"]
    saved(tmp_path, 4)
    DAMAGES[damage](tmp_path / "checkpoint-4")
    fresh, state = load(tmp_path)
    assert state is not None
    assert state.step == 3
    assert torch.equal(fresh.model.weight, good)


def test_when_none_is_whole_nothing_is_touched(tmp_path: Path) -> None:
    saved(tmp_path, 3, 4)
    for _, folder in Workspace(tmp_path).checkpoints():
        flip(folder / "weights.safetensors")
    with pytest.raises(CorruptCheckpoint, match=r"no checkpoint under .* is whole \(checkpoint-3, checkpoint-4\)") as e:
        load(tmp_path)
    assert f"rm -r {tmp_path / 'checkpoint-3'}" in e.value.fix
    assert len(Workspace(tmp_path).checkpoints()) == 2


def test_another_runs_checkpoint_is_refused(tmp_path: Path) -> None:
    saved(tmp_path, 3)
    with pytest.raises(CorruptCheckpoint, match="other settings, data or model"):
        load(tmp_path, "another run")


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    saved(tmp_path, 3)
    other = torch.nn.Sequential(torch.nn.Linear(3, 2))
    trained = dataclasses.replace(Small().trained(), model=other)
    with pytest.raises(CorruptCheckpoint, match="other weights than this model trains"):
        load_checkpoint(Workspace(tmp_path), trained, "this run")


def test_half_written_ones_are_swept_away(tmp_path: Path) -> None:
    saved(tmp_path, 3)
    (tmp_path / ".checkpoint-4.abcd.partial").mkdir()
    assert load(tmp_path)[1] is not None
    assert not list(tmp_path.glob(".checkpoint*"))


def test_only_trainable_weights_are_written(tmp_path: Path) -> None:
    save_weights(tmp_path / "best", Small().model)
    assert set(read_weights(tmp_path / "best")) == {"weight"}


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name in ("cut off", "hash gone", "hash of nonsense")])
def test_best_weights_that_are_damaged(tmp_path: Path, damage: str) -> None:
    save_weights(tmp_path / "best", Small().model)
    DAMAGES[damage](tmp_path / "best")
    with pytest.raises(CorruptCheckpoint, match="hash"):
        read_weights(tmp_path / "best")


def test_one_bit_of_the_best_weights(tmp_path: Path) -> None:
    save_weights(tmp_path / "best", Small().model)
    flip(tmp_path / "best" / "weights.safetensors")
    with pytest.raises(CorruptCheckpoint, match="hash"):
        read_weights(tmp_path / "best")


def test_weights_of_one_storage_are_written_and_nothing_else_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = torch.arange(6.0)
    model = torch.nn.ParameterDict({"low": whole[:2], "high": whole[2:], "alone": torch.ones(3)})
    copied = []
    clone = torch.Tensor.clone
    monkeypatch.setattr(torch.Tensor, "clone", lambda tensor: copied.append(tensor) or clone(tensor))
    save_weights(tmp_path / "weights", model)
    assert len(copied) == 1
    found = read_weights(tmp_path / "weights")
    assert {name: weight.tolist() for name, weight in found.items()} == {
        "low": [0, 1],
        "high": [2, 3, 4, 5],
        "alone": [1, 1, 1],
    }
