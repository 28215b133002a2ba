"""Several processes make what one makes: the first decides and writes, the others compute."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.errors import ConfigError, NonFiniteLogits, NonFiniteLoss, TrainingError
from keeptune.events import silent
from keeptune.inference.engine import ENGINES
from keeptune.inference.shared_engine import SharedEngine
from keeptune.mitigation.objective import Objective
from keeptune.models.processes import MARK, Elsewhere, Processes, refuse_unshared
from keeptune.records import EncodedRow
from keeptune.training.compile import failed_to_compile
from keeptune.training.fit_memory import MemoryFit
from keeptune.training.gradients import Gradients
from keeptune.training.shared_gradients import SharedGradients, dealt
from keeptune.training.step import scaler_for
from tests.api.runs import with_base
from tests.mitigation.talking import load
from tests.training.launched import (
    ENVIRONMENT,
    KEEP,
    ROWS,
    SHORT,
    assert_alike,
    ended,
    losses,
    lost_and_gone_on,
    started,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, tiny: Callable[..., Path]) -> Path:
    return with_base(tmp_path_factory.mktemp("home"), tiny("llama"))


def test_validations_ask_the_weights_of_their_step(home: Path) -> None:
    """Fused AdamW changes weights without counting it."""
    line = f"tune --model base --method full --plain {ROWS} --measure none {SHORT} --lr 0.03 --select-by metric"
    line += " --metric rouge1 --epochs 4"
    for count in (1, 2):
        codes, said = ended(started(f"{line} --output selected-{count}", home, count), home)
        assert codes == [0] * count, said
    curves = [
        json.loads((home / f"selected-{count}" / "result.json").read_text())["training"]["validation_curve"]
        for count in (1, 2)
    ]
    assert len({str(point) for point in curves[0]}) > 2, "the scores change"
    for one, two in zip(*curves, strict=True):
        assert one == pytest.approx(two, rel=1e-4)


def test_a_training_that_cannot_be_sent_is_refused(home: Path) -> None:
    codes, said = ended(started(f"tune --model base --method osf {ROWS} --measure none {SHORT}", home, 2), home)
    assert codes == [2, 0], said
    assert "several processes cannot share this training" in said[0]


@pytest.mark.parametrize(("method", "count"), [("full", 2), ("lora", 4)])
def test_a_run_by_several_processes_is_that_of_one(home: Path, method: str, count: int) -> None:
    """By default: with the restoring gradient of the KL, α and the measurement of an ability."""
    line = f"tune --model base --method {method} {'--dropout 0' if method == 'lora' else ''} {ROWS} {KEEP} {SHORT}"
    one, several = f"{method}-one", f"{method}-{count}"
    codes, said = ended(started(f"{line} --output {one}", home, 1), home)
    assert codes[0] in (0, 3, 4), said
    again, told = ended(started(f"{line} --output {several}", home, count), home)
    assert again == [codes[0], *[0] * (count - 1)], told
    assert "KL term" in told[0]
    assert not any(told[1:]), "only the first says something"
    assert_alike(home / one, home / several)


def test_a_process_that_is_lost_is_said_and_the_run_goes_on_with_another_number(home: Path) -> None:
    line = f"tune --model base --method full --plain {ROWS} --measure none {SHORT}"
    assert ended(started(f"{line} --output alone", home, 1), home)[0] == [0]
    lost_and_gone_on(line, home, 1)
    assert_alike(home / "alone", home / "lost")


def test_an_error_of_the_first_ends_all(home: Path) -> None:
    codes, said = ended(started("tune --train nowhere.jsonl", home, 2), home)
    assert codes == [1, 0] or codes[0] == 2, said
    assert "nowhere.jsonl" in said[0]
    assert not said[1]


def test_torchrun_starts_it(home: Path) -> None:
    line = f"tune --model base --method full --plain {ROWS} --measure none {SHORT} --output launched"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "keeptune"]
    done = subprocess.run(
        [*launcher, *line.split()], cwd=home, env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert losses(home / "launched")


def row(item: str, length: int) -> EncodedRow:
    return EncodedRow(item, tuple(range(length)), (), ((1, length),), 0)


def test_rows_are_dealt_evenly_each_once() -> None:
    rows = [row(str(length), length) for length in (9, 2, 7, 3, 5, 4)]
    shares = dealt(rows, 3)
    assert sorted(each.item_id for share in shares for each in share) == sorted(each.item_id for each in rows)
    tokens = [sum(each.length for each in share) for share in shares]
    assert max(tokens) - min(tokens) <= 3
    assert [len(share) for share in dealt(rows[:2], 4)] == [1, 1, 0, 0]


def test_what_another_process_raises_is_raised_in_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from keeptune.models import processes

    def gathered(found: list[Any], _mine: Any) -> None:
        found[:] = [("value", None), (None, TrainingError("of the second"))]

    monkeypatch.setattr(processes.distributed, "broadcast_object_list", lambda _: None)
    monkeypatch.setattr(processes.distributed, "all_gather_object", gathered)
    with pytest.raises(TrainingError, match="of the second"):
        Processes(0, 2).run(lambda _: "value", [(), ()])


class Odd(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def test_errors_that_cannot_be_sent_are_told() -> None:
    from keeptune.models.processes import _picklable

    assert "ab" in str(_picklable(Odd("a", "b")))
    assert isinstance(_picklable(Odd("a", "b")), RuntimeError)
    assert isinstance(_picklable(ValueError("x")), ValueError)
    loss = _picklable(NonFiniteLoss(3, float("nan"), ["a"], "lower", "norm"))
    assert isinstance(loss, NonFiniteLoss)
    assert "the norm became nan at step 3, on items a" in str(loss)
    logits = _picklable(NonFiniteLogits("mine", [(0, 1)], ["a"]))
    assert isinstance(logits, NonFiniteLogits)
    assert logits.items == ("a",)


def test_a_compilers_error_is_known_from_another_process() -> None:
    assert failed_to_compile(Elsewhere("InductorError: no g++", "torch._inductor.exc"))
    assert not failed_to_compile(Elsewhere("Odd: ab", "tests"))


def test_a_device_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ConfigError, match="several processes cannot share a run on mps"):
        refuse_unshared(torch.device("mps"))


def test_trainings_and_measurements_in_turn_have_their_own_models(home: Path) -> None:
    line = f"compare --model base {ROWS} {KEEP} {SHORT} --methods lora,full --seeds 0"
    one, said = ended(started(f"{line} --output compared-one", home, 1), home)
    two, told = ended(started(f"{line} --output compared-two", home, 2), home)
    assert two == [one[0], 0], (said, told)
    for trial in ("lora-s0", "full-s0"):
        assert_alike(home / "compared-one" / "trials" / trial, home / "compared-two" / "trials" / trial)


def test_a_wrong_option_ends_all_of_them_quietly(home: Path) -> None:
    codes, said = ended(started("tune --nonsense", home, 2), home)
    assert codes == [2, 0]
    assert "--nonsense" in said[0]
    assert not said[1]


def test_a_model_is_sent_once_until_a_step_has_changed_it(
    tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(
        Processes, "run", lambda _self, task, _shares: sent.append(f"{task.__module__}.{task.__name__}")
    )
    team = Processes(0, 2)
    loaded = load(tiny("llama"))
    loaded.model.requires_grad_(True)
    engine = SharedEngine(team, ENGINES["torch"])
    gradients = Gradients(loaded, Objective(), silent, scaler_for(loaded), MemoryFit(1 << 20, 0))
    shared = SharedGradients(team, gradients, 0)
    for _ in range(2):
        engine._give(loaded)
    assert sent == ["keeptune.inference.shared_engine._hold"]
    shared.begin_step()
    engine._give(loaded)
    assert sent.count("keeptune.inference.shared_engine._hold") == 2
    assert sent.count("keeptune.training.shared_gradients._hold") == 1
    shared.end()
    assert sent[-1] == "keeptune.training.shared_gradients._drop"
    engine._give(loaded)
    assert sent.count("keeptune.inference.shared_engine._hold") == 3
    assert team.held.keys() == {MARK}, "nothing keeps the model of a training that has ended"
