"""Whose models a chat has, and what those are told that wait for them."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from keeptune.config import ModelConfig
from keeptune.events import silent
from keeptune.serving.refused import Refused
from keeptune.ui.open_chat import OpenChat

WEIGHTS = ("tickets-1", 1, 1)


class Loading(OpenChat):
    """Loads when it is let, and models that tell when they are closed."""

    may_end = threading.Event()
    closed = threading.Event()

    def _load(self, run: Path) -> Any:
        assert self.may_end.wait(60)
        return SimpleNamespace(worker=SimpleNamespace(is_alive=True), close=self.closed.set)


def test_another_run_of_the_same_name_is_not_answered_from_the_weights_before() -> None:
    chat = Loading(ModelConfig(), silent)
    chat.may_end.set()
    service = asyncio.run(chat.open(WEIGHTS, Path("tickets-1")))
    assert chat.opened(WEIGHTS) is service
    with pytest.raises(Refused, match="the chat of another run") as refused:
        chat.opened(("tickets-1", 2, 1))
    assert refused.value.code == "not_open"


def test_a_server_that_ends_does_not_wait_for_models() -> None:
    chat = Loading(ModelConfig(), silent)
    chat.may_end.clear()

    async def ended() -> None:
        opening = asyncio.create_task(chat.open(WEIGHTS, Path("tickets-1")))
        await asyncio.sleep(0.1)
        opening.cancel()
        with pytest.raises(Refused, match="the server is stopping"):
            await opening

    asyncio.run(ended())
    chat.may_end.set()
    assert chat.closed.wait(60)
