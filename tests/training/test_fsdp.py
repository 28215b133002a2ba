"""A training divided over several processes by FSDP2 is that of one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from keeptune.config import MitigationConfig, TrainingConfig, TuneConfig
from keeptune.errors import ConfigError, ProcessLost
from keeptune.mitigation.fit import unfit
from keeptune.models.packed import skeleton, unpacked_skeleton
from keeptune.models.processes import Processes
from keeptune.models.sharding import _blocks, _refuse
from keeptune.records import EncodedRow
from keeptune.training.sharded import passes_of
from tests.api.runs import with_base
from tests.mitigation.talking import load
from tests.training import divided
from tests.training.launched import (
    KEEP,
    ROWS,
    SHORT,
    assert_alike,
    ended,
    launched,
    losses,
    lost_and_gone_on,
    run_together,
    started,
    weights,
)

TRAINED = f"tune --model base --method full --plain {ROWS} --measure none {SHORT}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    folder = with_base(tmp_path_factory.mktemp("home"), tiny("llama"))
    (folder / "t5").symlink_to(tiny("t5"))
    return folder


@pytest.fixture(scope="module")
def alone(home: Path) -> Path:
    """A training by one process."""
    assert ended(started(f"{TRAINED} --output alone", home, 1), home)[0] == [0]
    return home / "alone"


@pytest.mark.parametrize(("method", "count"), [("full", 2), ("lora", 3)])
def test_a_divided_run_is_that_of_one(home: Path, method: str, count: int) -> None:
    """By default: with the restoring gradient of the KL, α and the measurement of an ability."""
    line = f"tune --model base --method {method} {'--dropout 0' if method == 'lora' else ''} {ROWS} {KEEP} {SHORT}"
    one, several = f"{method}-one", f"{method}-{count}"
    codes, said = ended(started(f"{line} --output {one}", home, 1), home)
    assert codes[0] in (0, 3, 4), said
    again, told = ended(started(f"{line} --fsdp --output {several}", home, count), home)
    assert again == [codes[0], *[0] * (count - 1)], told
    assert_alike(home / one, home / several)
    if method == "full":
        plain = AutoModelForCausalLM.from_pretrained(home / several / "model").state_dict()
        assert all(torch.equal(plain[name], weight) for name, weight in weights(home / several).items())


@pytest.mark.parametrize(
    "more",
    [
        # A second model, which is divided too.
        "--model base --method full --kl 0.3 --kl-on task --interpolation 1",
        # Rows of two roles in one step, one gradient.
        "--model base --method lora --dropout 0 --kl-gradient whole",
        "--model base --method lora --dropout 0 --kl 0.3 --kl-on task",
        "--model t5 --method full --plain",
        "--model base --method full --plain --dtype bfloat16",
        "--model base --method full --plain --freeze 0.5",
        "--model base --method lora --dropout 0 --plain --gradient-checkpointing true",
        "--model base --method full --kl 0.3 --kl-on task --interpolation 1 --gradient-checkpointing true",
    ],
)
def test_what_is_trained_may_be_of_many_kinds(home: Path, more: str) -> None:
    name = re.sub(r"\W+", "-", more)
    line = f"tune {more} {ROWS} --limit-train 8 --measure none {SHORT}"
    for count, flag in ((1, ""), (2, "--fsdp")):
        codes, said = ended(started(f"{line} {flag} --lr 0.01 --output {name}-{count}", home, count), home)
        assert codes == [0] * count, said
    assert "divided over 2 processes" in said[0]
    near = 1e-4 if "bfloat16" not in more else 0.02
    assert losses(home / f"{name}-1") == pytest.approx(losses(home / f"{name}-2"), rel=near)
    one, other = weights(home / f"{name}-1"), weights(home / f"{name}-2")
    assert all(torch.allclose(one[key], other[key], atol=2 * near) for key in one)


def test_a_lost_process_is_said_and_another_number_goes_on(home: Path, alone: Path) -> None:
    lost_and_gone_on(f"{TRAINED} --fsdp", home, 3)
    assert_alike(alone, home / "lost")


def test_one_process_divides_nothing_and_says_so(home: Path, alone: Path) -> None:
    codes, said = ended(started(f"{TRAINED} --fsdp --output single", home, 1), home)
    assert codes == [0]
    assert "one process: --fsdp has nothing to divide" in said[0]
    assert losses(alone) == losses(home / "single")


def test_a_loss_that_is_no_number_names_its_rows(home: Path) -> None:
    line = f"{TRAINED} --fsdp --lr-factor 1e30 --output wild"
    codes, said = ended(started(line, home, 2), home)
    assert codes[0] == 1, said
    assert re.search(r"the (loss|norm of the gradient) became (nan|inf) at step \d+, on items \w+-\w+, ", said[0]), said
    assert "Traceback" not in said[0]


@pytest.mark.parametrize("mitigation", [{"l2sp": 0.1}, {"extra": ("average",)}, {"extra": ("sdft",)}])
def test_what_needs_whole_weights_in_each_step_is_refused(mitigation: dict[str, Any]) -> None:
    config = TuneConfig(training=TrainingConfig(fsdp=True), mitigation=MitigationConfig(**mitigation))
    assert "needs the whole weights in each step" in str(unfit(config))
    assert unfit(replace(config, training=TrainingConfig())) is None


def test_nothing_is_asked_after_an_error_in_lockstep(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other processes still wait for the first in the middle of it."""
    several = Processes(0, 2)
    monkeypatch.setattr("keeptune.models.processes.distributed.broadcast_object_list", lambda _: None)

    def fail(_: Processes) -> None:
        raise MemoryError("no more")

    with pytest.raises(MemoryError):
        several.run(fail, [(), ()], lockstep=True)
    with pytest.raises(ProcessLost, match="an error has ended"):
        several.run(fail, [(), ()])


def model_of(*blocks: torch.nn.Module) -> torch.nn.Module:
    model = torch.nn.Module()
    model.layers = torch.nn.ModuleList(blocks)
    return model


def test_layers_of_several_classes_are_divided_one_by_one() -> None:
    blocks = (torch.nn.Linear(2, 2), torch.nn.LayerNorm(2), torch.nn.Dropout())
    assert _blocks(model_of(*blocks)) == blocks[:2]


def test_models_that_cannot_be_divided_are_refused() -> None:
    one, other = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    other.weight = one.weight
    with pytest.raises(ConfigError, match=r"layers.[01].weight, which several layers share"):
        _refuse(model_of(one, other), one, list(one.parameters()))
    drops = model_of(torch.nn.Linear(2, 2))
    drops.layerdrop = 0.1
    with pytest.raises(ConfigError, match="layerdrop"):
        _refuse(drops, drops, [])


def test_each_process_has_its_part_of_all(tiny: Callable[..., Path], tmp_path: Path) -> None:
    """Of the weights, the gradient and the moments, and of weights that have fewer rows than there are processes."""
    files = [tmp_path / str(rank) for rank in range(3)]
    run_together(
        divided.main, [(tiny("llama"), environment, file) for environment, file in zip(launched(3), files, strict=True)]
    )
    found = [json.loads(file.read_text()) for file in files]
    whole = found[0]["whole"]
    for name in ("weights", "gradient", "moments"):
        assert sum(each[name] for each in found) == whole, name
        assert max(each[name] for each in found) < 0.4 * whole, name
    assert all(each["same"] for each in found), "a gathered value is what was divided"
    assert max(each["bytes"] for each in found[1:]) < 4 * whole, "less than the weights alone"
    assert found[0]["gradients_alike"]
    assert found[0]["norm"] == pytest.approx(found[0]["norm_alone"], rel=1e-5)
    assert found[0]["empty"] == 0
    assert found[2]["empty"] > 0


def row(item: str, length: int, role: str = "task") -> EncodedRow:
    return EncodedRow(item, tuple(range(length)), (), ((1, length),), 0, role)  # type: ignore[arg-type]


def test_all_processes_have_as_many_passes_of_a_role() -> None:
    rows = [row(str(length), length) for length in (9, 8, 7, 6, 5)] + [row("base", 4, "base")]
    passes = passes_of(rows, 3, budget=10)
    roles = [[{each.role for each in part} for part, _ in of_one] for of_one in passes]
    assert roles == [roles[0]] * 3
    assert all(len(of_pass) == 1 for of_pass in roles[0])
    counted = [each.item_id for of_one in passes for part, counts in of_one if counts for each in part]
    assert sorted(counted) == sorted(each.item_id for each in rows)
    assert any(not counts for of_one in passes for _, counts in of_one)


def test_a_skeleton_has_no_weights_and_keeps_what_is_tied(tiny: Callable[..., Path]) -> None:
    loaded = load(tiny("llama"))
    content, left_out = skeleton((loaded, [loaded.model.lm_head]))
    assert len(content) < sum(weight.numel() for weight in left_out), "less than a byte a weight"
    made = unpacked_skeleton(content, torch.device("cpu"))
    again, heads = made.value
    assert made.models == [again.model]
    assert heads == [again.model.lm_head]
    assert [weight.shape for weight in made.weights] == [weight.shape for weight in left_out]
    assert [id(weight) for weight in again.model.parameters()] == [id(weight) for weight in made.weights]
    assert all(weight.untyped_storage().size() == 0 for weight in made.weights)
    for name, values in loaded.model.named_buffers():
        assert torch.equal(dict(again.model.named_buffers())[name], values)
