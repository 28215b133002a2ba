"""Greedy answers by the keeptune on the path, a few prompts at a time: a line of JSON for each line of prompts.

For two revisions in turn, so it knows the modules of both.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from typing import Any


def main() -> None:
    """The first line names the model, the dtype and the number of new tokens."""
    order = json.loads(sys.stdin.readline())
    from keeptune.config import ModelConfig

    try:
        load: Any = importlib.import_module("keeptune.inference.evaluator").load_for_inference
        way: Any = importlib.import_module("keeptune.inference.generate")
    except ModuleNotFoundError:
        load = importlib.import_module("keeptune.api.ask").load_for_asking
        way = importlib.import_module("keeptune.evaluation.generate")
    loaded = load(ModelConfig(name=order["model"], dtype=order["dtype"], device="cpu"))
    for line in sys.stdin:
        began = time.perf_counter()
        answers = way.generate(loaded, json.loads(line), order["new_tokens"], 16384)
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, "tokens": sum(answer.tokens for answer in answers)}), flush=True)


if __name__ == "__main__":
    main()
