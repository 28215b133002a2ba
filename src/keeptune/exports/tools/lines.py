"""How a tool's process is told its job and says what it found: a JSON file, and lines of JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Say = Callable[[Mapping[str, Any]], None]


@contextmanager
def lines() -> Iterator[tuple[dict[str, Any], Say]]:
    """The job, and what says a line. What libraries print meanwhile goes to the other stream."""
    with open(sys.argv[1], encoding="utf-8") as file:
        job = json.load(file)
    own = os.dup(1)
    os.dup2(2, 1)

    def say(value: Mapping[str, Any]) -> None:
        os.write(own, json.dumps(value).encode() + b"\n")

    yield job, say
    os.close(own)


def turns(question: Mapping[str, Any]) -> list[dict[str, str]]:
    """As chat templates take them."""
    return [{"role": role, "content": content} for role, content in question["turns"]]


@contextmanager
def timed(reply: dict[str, Any]) -> Iterator[None]:
    """Keep the seconds of the block in `reply`."""
    began = time.monotonic()
    yield
    reply["seconds"] = time.monotonic() - began
