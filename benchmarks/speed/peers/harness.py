"""Log-likelihoods of every choice by lm-evaluation-harness's `hf` model, without keeptune. See `measure.py`."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import time
from typing import Any


def main() -> None:
    """One item to warm up, then all of them; the search for an automatic batch is told apart."""
    order = json.load(sys.stdin)
    from lm_eval.models.huggingface import HFLM

    model = HFLM(pretrained=order["model"], dtype=order["dtype"], batch_size=order["batch"], device="cpu")
    asked = [
        [
            ((str(number), str(at)), row["ids"][: row["start"]], row["ids"][row["start"] :])
            for at, row in enumerate(item)
        ]
        for number, item in enumerate(order["items"])
    ]
    searching = [0.0]
    detect = model._detect_batch_size

    def timed(*arguments: Any, **more: Any) -> Any:
        began = time.perf_counter()
        try:
            return detect(*arguments, **more)
        finally:
            searching[0] += time.perf_counter() - began

    model._detect_batch_size = timed
    model._loglikelihood_tokens(asked[0], disable_tqdm=True, override_bs=len(asked[0]))
    began = time.perf_counter()
    found = model._loglikelihood_tokens([row for item in asked for row in item], disable_tqdm=True)
    seconds = time.perf_counter() - began - searching[0]
    versions = {name: importlib.metadata.version(name) for name in ("lm_eval", "transformers", "torch")}
    told = {"seconds": seconds, "searching": searching[0], "values": [value for value, _ in found]}
    print("\n" + json.dumps(told | {"versions": versions}))


if __name__ == "__main__":
    main()
