"""GGUF files, dequantised once to float32 safetensors in the user's cache."""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from keeptune.errors import ModelError, StoreError, first_line
from keeptune.models.loading import LOADING
from keeptune.models.memory import out_of_memory
from keeptune.workspace.atomic import atomic_folder
from keeptune.workspace.hashing import hash_file
from keeptune.workspace.path_part import readable_part
from keeptune.workspace.places import cache_folder
from keeptune.workspace.sums import write_sums

LAYOUT_VERSION = 2
"""Part of the cached folder's name; raised when its content changes."""
WORDS = "The words of a sentence, read back."

UNREADABLE = (
    *(ValueError, OSError, LookupError, NotImplementedError, RuntimeError, TypeError, AttributeError),
    *(ArithmeticError, MemoryError, struct.error),
)
"""Errors of readers of binary files on a truncated or damaged file."""


def convert_gguf(path: Path) -> Path:
    """The folder with `path` as safetensors and tokenizer files; made on the first call.

    Raises:
        ModelError: the file is not a GGUF, or of a kind that transformers cannot read.
    """
    with path.open("rb") as handle:
        if handle.read(4) != b"GGUF":
            raise ModelError(f"{path} is not a GGUF file", "check that the download is whole")
    folder = cache_folder() / "models" / f"{readable_part(path.stem)}-{hash_file(path)[:16]}-v{LAYOUT_VERSION}"
    if (folder / "config.json").exists():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not (folder / "config.json").exists():
                _convert(path, folder)
    except (OSError, StoreError) as error:
        raise ModelError(
            f"{path} cannot be converted into the cache {cache_folder()}: {first_line(error)}",
            "make room there, or name another folder in the environment variable KEEPTUNE_CACHE",
        ) from error
    return folder


@contextmanager
def _alone(path: Path) -> Iterator[Path]:
    """`path` in a separate folder, because transformers would attach an adapter next to it, pickled or not."""
    with tempfile.TemporaryDirectory() as folder:
        only = Path(folder) / "model.gguf"
        try:
            only.symlink_to(path.resolve())
        except OSError:
            # On Windows, not every user may create links.
            shutil.copy2(path, only)
        yield only


def _convert(path: Path, folder: Path) -> None:
    import gguf
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # On Python 3.10, older transformers find the version of gguf nowhere else, and refuse it.
    gguf.__version__ = version("gguf")  # type: ignore[attr-defined]
    try:
        with LOADING, _alone(path) as only:
            model = AutoModelForCausalLM.from_pretrained(only.parent, gguf_file=only.name, dtype=torch.float32)
            tokenizer = AutoTokenizer.from_pretrained(only.parent, gguf_file=only.name)
    except UNREADABLE as error:
        # A damaged file may claim to be of any size.
        free = "free memory, as the weights are read in float32; or " if out_of_memory(error) else ""
        raise ModelError(
            f"transformers cannot read {path}: {first_line(error)}",
            f"{free}check that the download is whole; or use the model's safetensors, or another quantization",
        ) from error
    if not _reads_back(tokenizer):
        raise ModelError(
            f"transformers {version('transformers')} converts the tokenizer of {path} wrongly",
            "pip install --upgrade transformers; or use the model's safetensors",
        )
    # The weights are plain float32 from here on; left in place, this would make `save_pretrained` quantise.
    for holder in (model.config, model):
        for name in ("quantization_config", "hf_quantizer"):
            if getattr(holder, name, None) is not None:
                delattr(holder, name)
    model.is_quantized = False  # type: ignore[assignment]
    with atomic_folder(folder) as partial:
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        write_sums(partial, "*")


def _reads_back(tokenizer: Any) -> bool:
    """Whether its tokens give back a text. From some files, transformers before 5.20 makes a tokenizer of another
    kind, which marks spaces by a letter."""
    decoded = tokenizer.decode(tokenizer(WORDS, add_special_tokens=False)["input_ids"])
    return str(decoded).strip() == WORDS
