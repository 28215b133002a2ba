"""From a name to a folder: the built-in model, GGUF, folders, adapters, hub names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keeptune.config import Adapter, ModelConfig
from keeptune.errors import ModelError
from keeptune.models.adapters import attach_adapter
from keeptune.models.find import FoundModel, find_model
from keeptune.models.load import load_model


def test_a_folder_is_itself(tiny: Callable[..., Path]) -> None:
    folder = tiny("llama")
    weights = (folder / "model.safetensors",)
    found = FoundModel(str(folder), str(folder), None, local=True, weights=weights)
    assert find_model(ModelConfig(name=str(folder))) == found


@pytest.mark.parametrize("name", ["gpt2", "Qwen/Qwen3-0.6B", "some-one/a.b_c"])
def test_other_names_are_of_the_hub(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model(ModelConfig(name=name)) == FoundModel(name, name, None, local=False)


@pytest.mark.parametrize("name", ["/no/where", "./model", "~/model", "a/b/c", "what is this", ""])
def test_what_cannot_be_a_hub_name_is_not_looked_up(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ModelError):
        find_model(ModelConfig(name=name))


def test_an_adapter_brings_its_base(tiny: Callable[..., Path], tmp_path: Path) -> None:
    loaded = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    attach_adapter(loaded, Adapter(rank=2), seed=0)
    loaded.model.save_pretrained(tmp_path)
    found = find_model(ModelConfig(name=str(tmp_path)))
    assert (found.source, found.adapter, found.local) == (str(tiny("llama")), str(tmp_path), True)
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = "someone/a-base"
    (tmp_path / "adapter_config.json").write_text(json.dumps(settings))
    found = find_model(ModelConfig(name=str(tmp_path)))
    assert (found.source, found.adapter, found.local) == ("someone/a-base", str(tmp_path), False)


def test_a_folder_named_as_the_built_in_model_comes_first(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smollm2").symlink_to(tiny("llama"))
    assert find_model(ModelConfig(name="smollm2")).source == "smollm2"
