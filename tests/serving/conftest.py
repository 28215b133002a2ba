"""An endpoint in a thread, asked by OpenAI's own client."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from keeptune.config import DataConfig, ModelConfig
from keeptune.events import silent
from keeptune.serving.server import Server, start_server
from keeptune.serving.settings import ServeSettings
from tests.running import running
from tests.serving.models import CPU, adapted, varied

Open = Callable[..., contextlib.AbstractContextManager[Server]]


@contextlib.contextmanager
def opened(model: Path, base: Path | None = None, **settings: Any) -> Iterator[Server]:
    """A server that answers while the block runs."""
    data = settings.pop("data", DataConfig())
    given = ServeSettings(port=0, **settings)
    server = start_server(ModelConfig(name=str(model), **CPU), str(base) if base else None, data, given, silent)
    with running(server):
        yield server


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return varied(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return adapted(base, tmp_path_factory.mktemp("adapter"))


@pytest.fixture(scope="session")
def server(adapter: Path) -> Iterator[Server]:
    pytest.importorskip("uvicorn")
    with opened(adapter) as found:
        yield found


@pytest.fixture
def client(server: Server) -> Any:
    return ask(server)


@pytest.fixture(scope="session")
def long(server: Server) -> str:
    """A text that the base goes on with for 400 tokens."""
    asking = ask(server).completions.create
    texts = (f"text {n}" for n in range(100))
    ended = ((text, asking(model="base", prompt=text, max_tokens=400).choices[0].finish_reason) for text in texts)
    return next(text for text, finish in ended if finish == "length")


def ask(server: Server, key: str = "none") -> Any:
    """OpenAI's client of this server."""
    openai = pytest.importorskip("openai")
    return openai.OpenAI(base_url=server.url, api_key=key, max_retries=0, timeout=120)
