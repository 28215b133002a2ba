"""Shared by all tests: no network, a cache of their own, quiet libraries."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

# A pause of a busy machine is no slow example.
hypothesis.settings.register_profile("tests", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
# Compiled kernels, which torch finds by what they compute, are shared by all tests, unlike what keeptune keeps.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(tempfile.gettempdir()) / "keeptune-test-kernels"))


@pytest.fixture(autouse=True)
def _own_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch) -> None:
    """Scores and tokenizers are cached per test; the converted built-in model is shared, since its weights never
    change."""
    from keeptune.models import tokenizer

    monkeypatch.setattr(tokenizer, "_SHARED", {})
    if "real" not in request.keywords:
        monkeypatch.setenv("KEEPTUNE_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folder of a tiny model by kind: ``llama``, ``plain-llama`` (no chat template), ``gpt2``, ``t5``."""
    from tests import tiny as make

    makers: dict[str, Callable[[Path], Path]] = {
        "llama": make.save_llama,
        "plain-llama": lambda folder: make.save_llama(folder, chat=False),
        "gpt2": make.save_gpt2,
        "t5": make.save_t5,
    }
    made: dict[str, Path] = {}

    def folder(kind: str) -> Path:
        if kind not in made:
            made[kind] = makers[kind](tmp_path_factory.mktemp(kind))
        return made[kind]

    return folder
