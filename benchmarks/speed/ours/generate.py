"""Greedy answers by keeptune, in this process. See `measure.py` for how it is asked."""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any


def main() -> None:
    """Two short answers to warm up, then all of them, as token ids."""
    order = json.load(sys.stdin)
    from keeptune.config import ModelConfig
    from keeptune.inference.evaluator import load_for_inference

    way: Any = importlib.import_module("keeptune.inference.generate")
    read = way._read
    # An answer is text; its token ids are wanted beside it.
    way._read = lambda loaded, ids: (read(loaded, ids), ids)
    loaded = load_for_inference(ModelConfig(name=order["model"], dtype=order["dtype"], device="cpu"))
    way.generate(loaded, order["prompts"][:2], 4, 16384)
    began = time.perf_counter()
    found = way.generate(loaded, order["prompts"], order["new_tokens"], 16384)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "answers": [ids[: answer.tokens] for answer, ids in found]}))


if __name__ == "__main__":
    main()
