"""Which files are loaded: those that are named, in the folder, without pickle; and every one of them is hashed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from keeptune.config import Adapter, ModelConfig
from keeptune.errors import KeeptuneError, ModelError
from keeptune.models.adapters import attach_adapter
from keeptune.models.find import find_model, hash_model
from keeptune.models.load import load_model
from keeptune.models.weight_files import adapter_files, model_files
from tests.tiny import save_llama

INDEX = "model.safetensors.index.json"


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Puts a pickle at a path; the test fails where anything unpickles it."""

    def unpickled(*_: Any, **__: Any) -> None:
        raise AssertionError("a pickle was loaded")

    monkeypatch.setattr(torch, "load", unpickled)
    return lambda path: path.write_bytes(b"\x80\x04.")


def load(path: Path) -> Any:
    return load_model(ModelConfig(name=str(path), device="cpu", dtype="float32"))


def adapter_of(folder: Path) -> Path:
    loaded = load(save_llama(folder / "base"))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    loaded.model.save_pretrained(folder / "adapter")
    return folder / "adapter"


def sharded(folder: Path, *names: str, **more: Any) -> Path:
    """A model whose weights an index says are in `names`."""
    path = save_llama(folder)
    weights = load_file(path / "model.safetensors")
    (path / "model.safetensors").unlink()
    keys = sorted(weights)
    where = {key: names[number % len(names)] for number, key in enumerate(keys)}
    for name in names:
        if name.endswith(".safetensors") and not {"/", "\0"} & set(name):
            save_file({key: weights[key] for key in keys if where[key] == name}, path / name, {"format": "pt"})
    (path / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": where} | more))
    return path


def test_a_pickled_adapter_beside_any_safetensors(tmp_path: Path, trap: Callable[[Path], None]) -> None:
    adapter = adapter_of(tmp_path)
    (adapter / "adapter_model.safetensors").rename(adapter / "other.safetensors")
    trap(adapter / "adapter_model.bin")
    with pytest.raises(ModelError, match="pickle"):
        load(adapter)


def test_pickled_weights_beside_any_safetensors(tmp_path: Path, trap: Callable[[Path], None]) -> None:
    path = save_llama(tmp_path / "model")
    (path / "model.safetensors").rename(path / "other.safetensors")
    trap(path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickle"):
        load(path)


@pytest.mark.parametrize(
    "name",
    [
        *("pytorch_model.bin", "a.pt", "", "../outside.safetensors", "/etc/outside.safetensors"),
        *("in/side.safetensors", "..\\outside.safetensors", "a\0.safetensors"),
    ],
)
def test_an_index_that_names_something_else(name: str, tmp_path: Path, trap: Callable[[Path], None]) -> None:
    path = sharded(tmp_path / "model", "one.safetensors", name)
    if name.endswith((".bin", ".pt")):
        trap(path / name)
    with pytest.raises(ModelError, match="names"):
        load(path)


@pytest.mark.parametrize("index", [[], {}, {"weight_map": []}, {"weight_map": {"a": 3}}, {"weight_map": {}}])
def test_an_index_that_is_none(index: Any, tmp_path: Path) -> None:
    path = sharded(tmp_path / "model", "one.safetensors")
    (path / INDEX).write_text(json.dumps(index))
    with pytest.raises(ModelError, match=INDEX):
        load(path)


def test_every_shard_is_hashed(tmp_path: Path) -> None:
    path = sharded(tmp_path / "model", "one.safetensors", "two.safetensors")
    assert [file.name for file in model_files(path)] == ["one.safetensors", "two.safetensors"]
    before = load(path).hash
    weights = load_file(path / "two.safetensors")
    save_file({name: weight + 1 for name, weight in weights.items()}, path / "two.safetensors", {"format": "pt"})
    assert load(path).hash != before


def test_a_file_that_is_not_loaded_is_neither_hashed_nor_a_hindrance(tmp_path: Path) -> None:
    path = save_llama(tmp_path / "model")
    before = load(path).hash
    for name in ("optimizer.bin", "other.safetensors", "training_args.bin"):
        (path / name).write_bytes(b"x")
    assert load(path).hash == before


def test_one_file_comes_before_an_index_for_all_that_read_weights(tmp_path: Path) -> None:
    """As transformers reads them: what is interpolated is what was loaded."""
    path = sharded(tmp_path / "model", "one.safetensors")
    save_llama(tmp_path / "other", seed=1)
    shutil.copy(tmp_path / "other" / "model.safetensors", path)
    assert [file.name for file in model_files(path)] == ["model.safetensors"]
    assert torch.equal(
        load(path).model.state_dict()["model.norm.weight"],
        load_file(path / "model.safetensors")["model.norm.weight"],
    )


@pytest.mark.parametrize("named", ["adapter_model.bin", "../outside.safetensors", "pytorch_model.bin", 3])
def test_a_config_that_names_its_weights(named: Any, tmp_path: Path, trap: Callable[[Path], None]) -> None:
    path = save_llama(tmp_path / "model")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"transformers_weights": named}))
    trap(path / "adapter_model.bin")
    with pytest.raises(ModelError, match="names"):
        load(path)


def test_a_config_that_names_another_file_of_its_folder(tmp_path: Path) -> None:
    path = save_llama(tmp_path / "model")
    (path / "model.safetensors").rename(path / "mine.safetensors")
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"transformers_weights": "mine.safetensors"}))
    assert [file.name for file in find_model(ModelConfig(name=str(path))).weights] == ["mine.safetensors"]
    assert load(path).parameters


def test_a_planted_shard_of_a_distributed_checkpoint(tmp_path: Path) -> None:
    """Beside one, transformers loads every safetensors file there is."""
    path = save_llama(tmp_path / "model")
    shutil.copy(path / "model.safetensors", path / "shard-00001-model-00001-of-00001.safetensors")
    with pytest.raises(ModelError, match="distributed"):
        load(path)


@pytest.mark.parametrize(
    "beyond",
    [{"megatron_config": {"a": 1}, "megatron_core": "antigravity"}, {"adapters": {"a": "/elsewhere"}}],
    ids=["a module", "other adapters"],
)
def test_an_adapter_that_asks_for_more_than_its_files(beyond: dict[str, Any], tmp_path: Path) -> None:
    adapter = adapter_of(tmp_path)
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | beyond))
    with pytest.raises(ModelError, match="beyond"):
        load(adapter)


def test_a_link_out_of_the_folder(tmp_path: Path) -> None:
    path = save_llama(tmp_path / "model")
    shutil.move(path / "model.safetensors", tmp_path / "outside.safetensors")
    (path / "model.safetensors").symlink_to(tmp_path / "outside.safetensors")
    with pytest.raises(ModelError, match="link"):
        load(path)


def test_links_of_the_hubs_cache_and_within_a_folder(tmp_path: Path) -> None:
    saved = save_llama(tmp_path / "saved")
    snapshot = tmp_path / "models--a--b" / "snapshots" / "0123abc"
    blobs = tmp_path / "models--a--b" / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    for file in saved.iterdir():
        shutil.copy(file, blobs / f"blob-of-{file.name}")
        (snapshot / file.name).symlink_to(Path("../../blobs") / f"blob-of-{file.name}")
    assert load(snapshot).hash == load(saved).hash
    (tmp_path / "local_dir").mkdir()
    for file in saved.iterdir():
        (tmp_path / "local_dir" / file.name).symlink_to(blobs / f"blob-of-{file.name}")
    assert load(tmp_path / "local_dir").hash == load(saved).hash
    (tmp_path / "short").symlink_to(snapshot)
    assert load(tmp_path / "short").hash == load(saved).hash
    (saved / "model.safetensors").rename(saved / "real.safetensors")
    (saved / "model.safetensors").symlink_to("real.safetensors")
    assert load(saved).parameters


def test_pickles_that_are_no_weights_are_not_taken_for_them(tmp_path: Path) -> None:
    path, adapter = save_llama(tmp_path / "model"), adapter_of(tmp_path)
    (path / "model.safetensors").unlink()
    (adapter / "adapter_model.safetensors").unlink()
    for folder, files in ((path, model_files), (adapter, adapter_files)):
        torch.save({}, folder / "training_args.bin")
        with pytest.raises(ModelError, match=r"holds no weights \(.*model\.safetensors"):
            files(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"])
def test_a_pipe_in_the_place_of_a_file(name: str, tmp_path: Path) -> None:
    path = save_llama(tmp_path / "model")
    (path / name).unlink(missing_ok=True)
    os.mkfifo(path / name)
    with pytest.raises(ModelError, match=name):
        load(path)


@pytest.mark.parametrize("name", ["chat_template.jinja", "generation_config.json", "added.txt", "code/inner.py"])
def test_what_is_read_beside_the_weights_is_hashed(name: str, tmp_path: Path) -> None:
    path = save_llama(tmp_path / "model")
    before = hash_model(find_model(ModelConfig(name=str(path))))
    (path / name).parent.mkdir(exist_ok=True)
    (path / name).write_text("{}")
    assert hash_model(find_model(ModelConfig(name=str(path)))) != before


def test_pickles_that_were_allowed_are_named_and_hashed(tmp_path: Path) -> None:
    adapter = adapter_of(tmp_path)
    torch.save(load_file(adapter / "adapter_model.safetensors"), adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    assert [file.name for file in adapter_files(adapter, allow_pickle=True)] == ["adapter_model.bin"]
    loaded = load_model(ModelConfig(name=str(adapter), device="cpu", dtype="float32", allow_pickle=True))
    assert loaded.found.adapter_weights == (adapter / "adapter_model.bin",)


def test_a_name_that_no_disk_holds() -> None:
    for name in ("x" * 300, "/" + "y" * 300, "a\0b"):
        with pytest.raises(KeeptuneError):
            find_model(ModelConfig(name=name))
