"""Each mitigation in a whole training: it runs, goes on after a stop, and does what it says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import keeptune
from keeptune.config import (
    Adapter,
    DataConfig,
    EvaluationConfig,
    Full,
    MeasureConfig,
    MitigationConfig,
    ModelConfig,
    TrainingConfig,
    TuneConfig,
)
from keeptune.data.encode import Encoder
from keeptune.data.task_metrics import choose
from keeptune.data.task_rows import load_rows
from keeptune.errors import ConfigError, ModelError
from keeptune.events import CheckpointSaved, Observer, StepDone, silent
from keeptune.inference.drift import kl_by_row
from keeptune.inference.encoding import make_encoder
from keeptune.mitigation.apply import AppliedMitigations
from keeptune.mitigation.methods import kl
from keeptune.training.session import Session
from keeptune.training.train import train
from keeptune.workspace.workspace import Workspace
from tests.mitigation.talking import load

LORA = Adapter(rank=4)
METHODS: list[Any] = [Full(), LORA]
TASK = [(f"say {n} or {n + 1}", f"why {n + 1} not {n}") for n in range(10, 32)]
OLD = [(f"colour {n}", f"red {n}") for n in range(30)]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rows_files(tmp_path_factory.mktemp("rows"))


def rows_files(folder: Path) -> Path:
    """The rows of the task, of an old task, and a test row, as files."""
    for name, pairs in (("task", TASK), ("old", OLD), ("test", [("say a or b", "why b not a")])):
        rows = [{"prompt": prompt, "completion": completion} for prompt, completion in pairs]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def settings(model: Path, files: Path, method: Any, mitigation: dict[str, Any], **training: Any) -> TuneConfig:
    return TuneConfig(
        model=ModelConfig(name=str(model), device="cpu", dtype="float32"),
        data=DataConfig(train=str(files / "task.jsonl"), test=str(files / "test.jsonl")),
        method=method,
        training=TrainingConfig(**({"lr": 0.01, "epochs": 2.0, "checkpoint_minutes": 0.0} | training)),
        evaluation=EvaluationConfig(max_new_tokens=8, metrics=("token_loss",)),
        measure=MeasureConfig(extent="none"),
        mitigation=MitigationConfig(plain=True, **mitigation),
    )


def trained(
    config: TuneConfig, run: Path, observer: Observer = silent, *, keep_last: bool = False
) -> dict[str, torch.Tensor]:
    """The weights that a training alone leaves in `run`: the best by the validation slice, or the last."""
    run.mkdir(parents=True, exist_ok=True)
    if keep_last:
        config = replace(config, data=replace(config.data, validation_fraction=0.0))
    rows, encoder = load_rows(config, silent), make_encoder(config.model, config.data)
    train(Session(config, Workspace(run), rows, encoder, choose(config.evaluation, rows.test), observer))
    return saved(run)


def saved(run: Path) -> dict[str, torch.Tensor]:
    folder = Workspace(run).weights
    assert folder is not None
    return load_file(next(folder.glob("*.safetensors")))


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def stop(event: Any) -> None:
    """Break off between the third step's checkpoint and the end."""
    if isinstance(event, CheckpointSaved) and event.step == 3:
        raise InterruptedError


MITIGATION_SETTINGS: dict[str, dict[str, Any]] = {
    "replay": {"replay_fraction": 0.25},
    "self-replay": {"self_replay": 0.2},
    "kl": {"kl": 0.5},
    "kl-task": {"kl": 0.5, "kl_on": "task"},
    "kl-replay": {"kl": 0.5, "kl_on": "replay", "replay_fraction": 0.25},
    "l2sp": {"l2sp": 0.5},
    "ewc": {"ewc": 10.0},
    "freeze": {"freeze": 0.5},
    "stm": {"token_weights": "stm"},
    "talr": {"token_weights": "talr"},
    "dft": {"token_weights": "dft"},
    "dft and kl-task": {"token_weights": "dft", "kl": 0.5, "kl_on": "task"},
    **{name: {"extra": (name,)} for name in ("infosft", "flow", "prift", "lines", "intruders", "average", "sdft")},
    "all": {
        "replay_fraction": 0.2,
        "self_replay": 0.1,
        "kl": 0.5,
        "l2sp": 0.5,
        "ewc": 10.0,
        "freeze": 0.5,
        "token_weights": "stm",
    },
}


def mitigation(name: str, files: Path) -> dict[str, Any]:
    mitigation = MITIGATION_SETTINGS[name]
    return {**mitigation, "replay": (str(files / "old.jsonl"),)} if "replay_fraction" in mitigation else mitigation


@pytest.fixture(scope="module")
def plain(talking: Path, files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, torch.Tensor]]:
    """Weights by method of a training without any mitigation."""
    folder = tmp_path_factory.mktemp("plain")
    return {method.kind: trained(settings(talking, files, method, {}), folder / method.kind) for method in METHODS}


@pytest.mark.parametrize(
    ("name", "method"),
    [
        *((name, LORA) for name in MITIGATION_SETTINGS),
        *((name, Full()) for name in ("kl", "l2sp", "ewc", "freeze", "flow", "lines", "average", "sdft", "all")),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
def test_each_trains_and_goes_on_after_a_stop(
    talking: Path, files: Path, plain: dict[str, Any], tmp_path: Path, name: str, method: Any
) -> None:
    config = settings(talking, files, method, mitigation(name, files))
    whole = trained(config, tmp_path / "whole")
    assert not equal(whole, plain[method.kind]), "the mitigation changed nothing"
    with pytest.raises(InterruptedError):
        trained(config, tmp_path / "broken", stop)
    steps: list[int] = []
    after = trained(config, tmp_path / "broken", lambda e: steps.append(e.step) if isinstance(e, StepDone) else None)
    assert steps[0] == 4
    assert equal(after, whole)


@pytest.mark.parametrize("method", METHODS, ids=["full", "lora"])
@pytest.mark.parametrize("kind", ["gpt2", "t5"])
def test_other_models_with_all_that_a_random_one_can(
    tiny: Callable[..., Path], files: Path, tmp_path: Path, kind: str, method: Any
) -> None:
    mitigation = {"replay": (str(files / "old.jsonl"),), "replay_fraction": 0.2, "kl": 0.5, "l2sp": 0.5, "ewc": 10.0}
    config = settings(tiny(kind), files, method, {**mitigation, "freeze": 0.5, "token_weights": "talr"})
    whole = trained(config, tmp_path / "whole")
    with pytest.raises(InterruptedError):
        trained(config, tmp_path / "broken", stop)
    assert equal(trained(config, tmp_path / "broken"), whole)


@pytest.mark.parametrize("method", METHODS, ids=["full", "lora"])
def test_a_heavy_kl_leaves_no_drift(
    talking: Path, files: Path, tmp_path: Path, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the text that it is taken on, and with some of that in every step; of the whole vocabulary, where all of it
    is kept."""
    monkeypatch.setattr(kl, "LIKELIEST", 100_000)
    base = load(talking)
    encoder = Encoder(base.tokenizer, base.kind, 128)
    text: dict[str, Any] = {"kl_share": 0.3, "kl_tokens": 64}
    config = settings(talking, files, method, {"kl": 1.0, **text}, batch_size=64)
    rows = AppliedMitigations(config, encoder, 4096, silent).base_rows(
        base, encoder.rows(load_rows(config, silent).pool)
    )
    found = []
    for name, weight, gradient in (("plain", 0.0, "whole"), ("held", 1e4, "whole"), ("restored", 1e4, "restoring")):
        trained(
            settings(
                talking,
                files,
                method,
                {"kl": weight, "kl_gradient": gradient, **text},
                epochs=20.0,
                batch_size=64,
            ),
            tmp_path / name,
            keep_last=True,
        )
        tuned = Workspace(tmp_path / name).weights
        assert tuned is not None
        sums = kl_by_row(base, load(tuned), rows, 4096)
        found.append(sum(value for value, _ in sums) / sum(tokens for _, tokens in sums))
    assert found[0] > 0.1
    assert max(found[1:]) < found[0] / 20


@pytest.mark.parametrize("method", METHODS, ids=["full", "lora"])
def test_a_heavy_l2sp_leaves_the_weights_where_they_were(
    talking: Path, files: Path, tmp_path: Path, method: Any
) -> None:
    distances = []
    for name, weight in (("plain", 0.0), ("held", 1e6)):
        trained(
            settings(talking, files, method, {"l2sp": weight}, epochs=20.0, batch_size=64),
            tmp_path / name,
            keep_last=True,
        )
        distances.append(distance(talking, tmp_path / name))
    assert distances[1] < distances[0] / 20


def distance(base: Path, run: Path) -> float:
    folder = Workspace(run).weights
    assert folder is not None
    tuned = load(folder).model
    tuned = tuned.merge_and_unload() if hasattr(tuned, "peft_config") else tuned
    before = load(base).model.state_dict()
    return float(sum((tensor - before[name]).square().sum() for name, tensor in tuned.state_dict().items()) ** 0.5)


def test_frozen_weights_are_the_bases(talking: Path, files: Path, tmp_path: Path) -> None:
    found = trained(settings(talking, files, Full(), {"freeze": 0.5}), tmp_path / "full")
    base = load(talking).model.state_dict()
    frozen = [name for name in found if ".layers.0." in name or "embed_tokens" in name]
    assert len(frozen) > 5
    assert all(torch.equal(found[name], base[name]) for name in frozen)
    assert not any(torch.equal(found[name], base[name]) for name in found if ".layers.1." in name)
    adapter = trained(settings(talking, files, LORA, {"freeze": 0.5}), tmp_path / "lora")
    assert adapter
    assert all(".layers.1." in name for name in adapter)


@pytest.mark.parametrize("method", METHODS, ids=["full", "lora"])
def test_the_interpolations_ends_are_the_base_and_the_tuned_model(
    talking: Path, files: Path, tmp_path: Path, method: Any
) -> None:
    ids = torch.tensor([load(talking).tokenizer("say 1 or 2")["input_ids"]])
    found = {}
    for interpolation in (1.0, 0.0, 0.5):
        config = settings(talking, files, method, {"interpolation": interpolation})
        told: list[Any] = []
        keeptune.tune(replace(config, output=str(tmp_path / f"run-{interpolation}")), told.append)
        folder = Workspace(tmp_path / f"run-{interpolation}").weights
        assert folder is not None
        with torch.no_grad():
            found[interpolation] = load(folder).model(input_ids=ids).logits
        assert any(isinstance(event, StepDone) for event in told) == (interpolation == 1.0), "one training for all"
    with torch.no_grad():
        base = load(talking).model(input_ids=ids).logits
    assert torch.equal(found[0.0], base)
    alone = trained(settings(talking, files, method, {}), tmp_path / "alone" / "run")
    assert equal(saved(tmp_path / "run-1.0"), alone)
    assert not torch.equal(found[0.5], base)
    assert not torch.equal(found[0.5], found[1.0])


def test_an_interpolated_run_that_stands_alone_trains_for_itself(talking: Path, files: Path, tmp_path: Path) -> None:
    config = settings(talking, files, LORA, {"interpolation": 0.5})
    with pytest.raises(InterruptedError):
        trained(config, tmp_path / "only" / "run", stop)
    half = trained(config, tmp_path / "only" / "run")
    whole = trained(settings(talking, files, LORA, {}), tmp_path / "other" / "run")
    for name, tensor in half.items():
        assert torch.allclose(tensor, whole[name] * (0.5 if "lora_B" in name else 1.0)), name


@pytest.mark.parametrize(
    ("method", "mitigation", "message"),
    [
        (Adapter(kind="pissa"), {"kl": 0.1}, "--kl needs the unchanged base"),
        (Adapter(kind="prompt"), {"interpolation": 0.5}, "--interpolation scales"),
        (Adapter(kind="prompt"), {"extra": ("lines",)}, "lines scales"),
        (Full(), {"extra": ("intruders",)}, "intruders scales"),
        (LORA, {"token_weights": "dft", "extra": ("infosft",)}, "each replace the loss"),
        (Adapter(kind="pissa"), {"extra": ("sdft",)}, "sdft needs the base"),
        (LORA, {"kl": 0.1, "extra": ("sdft",)}, "and kl needs"),
        (LORA, {"extra": ("flow", "sdft")}, "and flow needs"),
        (Adapter(kind="prefix"), {"freeze": 0.5}, "--freeze leaves layers out"),
        (Adapter(kind="dora"), {"l2sp": 0.1}, "--l2sp is a penalty"),
        (LORA, {"kl": 0.1, "kl_on": "replay"}, "--kl-on replay"),
        (Adapter(kind="corda"), {}, "corda needs rows"),
    ],
)
def test_what_cannot_be_is_refused(
    talking: Path, files: Path, tmp_path: Path, method: Any, mitigation: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        trained(settings(talking, files, method, mitigation), tmp_path / "run")


def test_the_reference_is_loaded_where_it_is_used_and_must_have_the_same_tokens(
    talking: Path, files: Path, tmp_path: Path
) -> None:
    wide = load(talking)
    wide.model.resize_token_embeddings(wide.model.get_input_embeddings().num_embeddings + 8)
    wide.model.save_pretrained(tmp_path / "wide")
    wide.tokenizer.save_pretrained(tmp_path / "wide")
    reference = {"reference": str(tmp_path / "wide")}
    for held in ({"kl": 0.1}, {"self_replay": 0.1}):
        with pytest.raises(ModelError, match="their vocabularies have"):
            trained(settings(talking, files, LORA, reference | held), tmp_path / "run")
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
    (tmp_path / "wide" / "model.safetensors").unlink()
    assert trained(settings(talking, files, LORA, reference), tmp_path / "run")


def test_corda_starts_from_the_replayed_rows(talking: Path, files: Path, tmp_path: Path) -> None:
    corda, old = Adapter(kind="corda", rank=4), (str(files / "old.jsonl"),)
    some = trained(settings(talking, files, corda, {"replay": old, "replay_fraction": 0.1}), tmp_path / "some")
    more = trained(settings(talking, files, corda, {"replay": old, "replay_fraction": 0.3}), tmp_path / "more")
    assert not equal(some, more)
