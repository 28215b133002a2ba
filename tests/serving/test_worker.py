"""Who waits for models that are let go is told why."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from keeptune.inference.task_format import PLAIN
from keeptune.serving.refused import Refused
from keeptune.serving.rule import Rule
from keeptune.serving.service import Service
from keeptune.serving.worker import Worker


def test_a_request_that_comes_too_late_is_told_why() -> None:
    side: Any = None
    asked: Any = type("Asked", (), {"model": "base"})
    service = Service({"base": side}, Rule(PLAIN), Worker({}))
    service.close(lambda: Refused(409, "others came"))
    with pytest.raises(Refused, match="others came"):
        asyncio.run(service.ask(asked))
