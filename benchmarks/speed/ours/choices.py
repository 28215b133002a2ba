"""Log-likelihoods of every choice by keeptune, in this process. See `measure.py` for how it is asked."""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    """One item to warm up, then all of them."""
    order = json.load(sys.stdin)
    from keeptune.config import ModelConfig
    from keeptune.events import Event, Notice
    from keeptune.inference.evaluator import load_for_inference
    from keeptune.inference.loglikelihood import loglikelihoods
    from keeptune.inference.shared_prefix import shared_loglikelihoods
    from keeptune.records import EncodedRow

    notices: list[str] = []

    def hear(event: Event, /) -> None:
        if isinstance(event, Notice):
            notices.append(event.message)

    loaded = load_for_inference(ModelConfig(name=order["model"], dtype=order["dtype"], device="cpu"))
    rows = [
        EncodedRow(str(number), tuple(row["ids"]), (), ((row["start"], len(row["ids"])),), 0)
        for number, item in enumerate(order["items"])
        for row in item
    ]
    loglikelihoods(loaded, rows[: len(order["items"][0])], 16384)
    began = time.perf_counter()
    values = shared_loglikelihoods(loaded, rows, 16384, hear)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "values": values, "notices": notices}))


if __name__ == "__main__":
    main()
