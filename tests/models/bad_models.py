"""Models that must be refused: how each is made, and what its message must say."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from keeptune.config.schema import ModelConfig
from tests.tiny import byte_tokenizer, save_llama

CUT_OFF = 2000
"""Bytes that are left of a file that breaks off."""


@dataclass(frozen=True, slots=True)
class BadModel:
    """One model that must be refused. `build` makes it in a folder and gives the settings that name it."""

    name: str
    kind: str
    build: Callable[[Path], ModelConfig]
    must_say: tuple[str, ...]


def _model(folder: Path, **settings: Any) -> ModelConfig:
    return ModelConfig(name=str(folder), **({"device": "cpu", "dtype": "float32"} | settings))


def _named(name: str, **settings: Any) -> Callable[[Path], ModelConfig]:
    return lambda folder: _model(folder / name, **settings)


def _llama(change: Callable[[Path], object], **settings: Any) -> Callable[[Path], ModelConfig]:
    def build(folder: Path) -> ModelConfig:
        path = save_llama(folder / "model")
        change(path)
        return _model(path, **settings)

    return build


def _file(name: str, content: bytes) -> Callable[[Path], ModelConfig]:
    def build(folder: Path) -> ModelConfig:
        (folder / name).write_bytes(content)
        return _model(folder / name)

    return build


def _empty(*inner: str) -> Callable[[Path], ModelConfig]:
    def build(folder: Path) -> ModelConfig:
        for name in inner or (".",):
            (folder / "model" / name).mkdir(parents=True, exist_ok=True)
        return _model(folder / "model")

    return build


def _edit(name: str, **values: Any) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        kept = json.loads((path / name).read_text()) | values
        (path / name).write_text(json.dumps({key: value for key, value in kept.items() if value is not None}))

    return change


def _write(name: str, text: str) -> Callable[[Path], object]:
    return lambda path: (path / name).write_text(text)


def _remove(*patterns: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        for pattern in patterns:
            for file in path.glob(pattern):
                file.unlink()

    return change


def _cut(name: str) -> Callable[[Path], object]:
    return lambda path: (path / name).write_bytes((path / name).read_bytes()[:CUT_OFF])


def as_pickle(path: Path) -> None:
    """The weights in `path` as a pickle instead of safetensors."""
    torch.save(load_file(path / "model.safetensors"), path / "pytorch_model.bin")
    (path / "model.safetensors").unlink()


def _index(name: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        (path / "model.safetensors").rename(path / "one.safetensors")
        (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": {"a": name}}))

    return change


def _link_out(path: Path) -> None:
    (path / "model.safetensors").rename(path.parent / "outside.safetensors")
    (path / "model.safetensors").symlink_to(path.parent / "outside.safetensors")


def _without_a_layer(path: Path) -> None:
    weights = load_file(path / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if ".layers.1." not in name}
    save_file(kept, path / "model.safetensors", metadata={"format": "pt"})


def _encoder_only(folder: Path) -> ModelConfig:
    tokenizer = byte_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32
    )
    BertModel(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return _model(folder / "model")


def _endless(path: Path) -> None:
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=byte_tokenizer().backend_tokenizer, pad_token="<pad>")
    _remove("tokenizer*", "chat_template*", "special_tokens*")(path)
    tokenizer.save_pretrained(path)


def _adapter(change: Callable[[Path], object]) -> Callable[[Path], ModelConfig]:
    def build(folder: Path) -> ModelConfig:
        from keeptune.config.schema import Adapter
        from keeptune.models.adapters import attach_adapter
        from keeptune.models.load import load_model

        loaded = load_model(_model(save_llama(folder / "base")))
        attach_adapter(loaded, Adapter(rank=2), seed=0)
        loaded.model.save_pretrained(folder / "adapter")
        change(folder / "adapter")
        return _model(folder / "adapter")

    return build


def _rename_the_base(folder: Path) -> None:
    (folder.parent / "base").rename(folder.parent / "moved")


def _wider_base(folder: Path) -> None:
    shutil.rmtree(folder.parent / "base")
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4
    )
    LlamaForCausalLM(config).save_pretrained(folder.parent / "base")
    tokenizer.save_pretrained(folder.parent / "base")


def _deeper_base(folder: Path) -> None:
    """A base of which the adapter fits one layer only."""
    weights = load_file(folder / "adapter_model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if ".layers.1." not in name}
    save_file(kept, folder / "adapter_model.safetensors", metadata={"format": "pt"})


def _of_an_adapter(folder: Path) -> None:
    shutil.copytree(folder, folder.parent / "first")
    _edit("adapter_config.json", base_model_name_or_path=str(folder.parent / "first"))(folder)


def _circle(folder: Path) -> None:
    other = Path(shutil.copytree(folder, folder.parent / "other"))
    _edit("adapter_config.json", base_model_name_or_path=str(other))(folder)
    _edit("adapter_config.json", base_model_name_or_path=str(folder))(other)


def _nothing(folder: Path) -> None:
    pass


TOKENIZER_FILES = ("tokenizer*", "chat_template*", "special_tokens*")

BAD_MODELS = (
    # Files and folders
    BadModel("no such folder", "nothing-there", _named("nowhere"), ("there is no model at", "smollm2")),
    BadModel("not a hub name", "nothing-there", lambda _: _model(Path("a b")), ("there is no model at a b",)),
    BadModel("folder without a model", "no-config", _empty(), ("holds no config.json", "save_pretrained")),
    BadModel("folder above a model", "no-config", _empty("model"), ("did you mean", "model")),
    BadModel("file that is no GGUF", "not-a-model", _file("model.bin", b"weights"), ("is a file that is not a GGUF",)),
    BadModel("wrong magic", "bad-gguf", _file("model.gguf", b"GGML" + b"\0" * 64), ("is not a GGUF file", "whole")),
    BadModel("empty GGUF", "bad-gguf", _file("model.gguf", b""), ("is not a GGUF file",)),
    BadModel("GGUF cut off", "bad-gguf", _file("m.gguf", b"GGUF\3\0\0\0\7\0\0\0"), ("m.gguf", "cannot read")),
    # Config
    BadModel("broken config", "bad-config", _llama(_write("config.json", '{"model_type": "lla')), ("config.json",)),
    BadModel("config that is a list", "bad-config", _llama(_write("config.json", "[]")), ("should hold an object",)),
    BadModel("unknown kind of model", "bad-config", _llama(_edit("config.json", model_type="lama")), ("lama",)),
    BadModel(
        "config of wrong types",
        "bad-config",
        _llama(_edit("config.json", hidden_size="wide", num_hidden_layers=[2])),
        ("cannot be loaded", "again"),
    ),
    BadModel("a layer count below 0", "bad-config", _llama(_edit("config.json", num_attention_heads=0)), ("model",)),
    BadModel(
        "kind of model that is a list", "bad-config", _llama(_edit("config.json", model_type=["llama"])), ("model",)
    ),
    BadModel("config nested without end", "bad-config", _llama(_write("config.json", "[" * 99_999)), ("config.json",)),
    BadModel("encoder only", "not-generative", _encoder_only, ("a bert model does not write text", "decoder-only")),
    BadModel(
        "code of its own",
        "remote-code",
        _llama(_edit("config.json", model_type="evil", auto_map={"AutoModelForCausalLM": "evil.Model"})),
        ("its own code (AutoModelForCausalLM)", "--allow-remote-code"),
    ),
    # Weights
    BadModel("no weights", "no-weights", _llama(_remove("*.safetensors")), ("holds no weights",)),
    BadModel("pickle", "pickle", _llama(as_pickle), ("pytorch_model.bin", "can run code", "--allow-pickle")),
    BadModel(
        "pickle beside other safetensors",
        "pickle",
        _llama(lambda path: (as_pickle(path), (path / "other.safetensors").write_bytes(b""))),
        ("pytorch_model.bin", "can run code", "--allow-pickle"),
    ),
    BadModel(
        "an index that names a pickle",
        "other-files",
        _llama(_index("pytorch_model.bin")),
        ("names 'pytorch_model.bin'", "safetensors"),
    ),
    BadModel(
        "an index that names a file elsewhere",
        "other-files",
        _llama(_index("../outside.safetensors")),
        ("names '../outside.safetensors'", "next to it"),
    ),
    BadModel("weights that are a link", "other-files", _llama(_link_out), ("is a link to", "outside")),
    BadModel("weights cut off", "bad-weights", _llama(_cut("model.safetensors")), ("cannot be loaded", "again")),
    BadModel(
        "weights that are empty",
        "bad-weights",
        _llama(lambda path: (path / "model.safetensors").write_bytes(b"")),
        ("cannot be loaded",),
    ),
    BadModel("a layer missing", "missing-weights", _llama(_without_a_layer), ("lacks 9", "never filled in")),
    BadModel(
        "another shape",
        "other-shape",
        _llama(_edit("config.json", intermediate_size=80)),
        ("6 weights of", "mlp.down_proj.weight: (32, 64), not (32, 80)"),
    ),
    # Tokenizer
    BadModel("no tokenizer", "no-tokenizer", _llama(_remove(*TOKENIZER_FILES)), ("tokenizer", "next to the weights")),
    BadModel("broken tokenizer", "no-tokenizer", _llama(_write("tokenizer.json", "{")), ("tokenizer", "cannot be")),
    BadModel("no end token", "no-end-token", _llama(_endless), ("no end token", "eos_token")),
    # Adapters
    BadModel(
        "adapter without a base",
        "adapter-base",
        _adapter(_edit("adapter_config.json", base_model_name_or_path=None)),
        ("names no base model", "base_model_name_or_path"),
    ),
    BadModel("adapter whose base is gone", "adapter-base", _adapter(_rename_the_base), ("the base of the adapter",)),
    BadModel("adapter on an adapter", "adapter-base", _adapter(_of_an_adapter), ("is itself an adapter", "merge")),
    BadModel(
        "adapter that is its own base",
        "adapter-base",
        _adapter(lambda folder: _edit("adapter_config.json", base_model_name_or_path=str(folder))(folder)),
        ("is itself an adapter", "merge"),
    ),
    BadModel("two adapters that are each other's base", "adapter-base", _adapter(_circle), ("is itself an adapter",)),
    BadModel(
        "adapter of wrong types",
        "bad-config",
        _adapter(_edit("adapter_config.json", r="many", target_modules=7, lora_alpha={})),
        ("does not load on",),
    ),
    BadModel(
        "adapter with a base that is a number",
        "adapter-base",
        _adapter(_edit("adapter_config.json", base_model_name_or_path=7)),
        ("names no base model",),
    ),
    BadModel("adapter of another model", "other-adapter", _adapter(_wider_base), ("does not load on", "size mismatch")),
    BadModel("adapter that lacks a layer", "other-adapter", _adapter(_deeper_base), ("lacks", "weights")),
    BadModel(
        "adapter of a deeper model",
        "other-adapter",
        _adapter(lambda folder: _edit("config.json", num_hidden_layers=1)(folder.parent / "base")),
        ("no place for 14 weights", "layers.1."),
    ),
    BadModel(
        "adapter cut off", "bad-weights", _adapter(_cut("adapter_model.safetensors")), ("adapter cannot be read",)
    ),
    BadModel("broken adapter config", "bad-config", _adapter(_write("adapter_config.json", "{")), ("cannot be read",)),
    BadModel(
        "adapter of an unknown method",
        "bad-config",
        _adapter(_edit("adapter_config.json", peft_type="MAGIC")),
        ("does not load on", "MAGIC"),
    ),
    # Hub, device
    BadModel(
        "hub name without network",
        "offline",
        lambda _: _model(Path("someone/some-model")),
        ("hub model someone/some-model cannot be loaded", "network", "local folder"),
    ),
    BadModel("float16 on a CPU", "placement", _llama(_nothing, dtype="float16"), ("float16", "--dtype bfloat16")),
)
