"""Choices and answers under torch's profiler, in this process. See `measure.py` for how it is asked."""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from step_profile import GROUPS, REST, group_of, rate_of_products

BYTES = 1 << 28


def rate_of_reading() -> float:
    """Bytes a second of a bare sum over memory: the best of ten."""
    import torch

    values = torch.zeros(BYTES // 4)
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        values.sum()
        best = min(best, time.perf_counter() - began)
    return BYTES / best


def main() -> None:
    """Seconds of a run of its own, self times of a profiled one; the operations of passes over several tokens a row,
    and the bytes that steps of one token must read: the weights, and the keys and values that are not padding."""
    order = json.load(sys.stdin)
    import torch
    from torch.profiler import ProfilerActivity, profile
    from torch.utils.flop_counter import FlopCounterMode

    from keeptune.config import ModelConfig
    from keeptune.events import silent
    from keeptune.inference.evaluator import load_for_inference
    from keeptune.inference.generate import generate
    from keeptune.inference.shared_prefix import shared_loglikelihoods
    from keeptune.models.key_values import read_prefix
    from keeptune.records import EncodedRow

    loaded = load_for_inference(ModelConfig(name=order["model"], dtype="auto", device="cpu"))
    rows = [
        EncodedRow(str(number), tuple(row["ids"]), (), ((row["start"], len(row["ids"])),), 0)
        for number, item in enumerate(order.get("items", ()))
        for row in item
    ]

    def ask() -> None:
        if rows:
            shared_loglikelihoods(loaded, rows, 16384, silent)
        else:
            generate(loaded, order["prompts"], order["new_tokens"], 16384)

    ask()
    began = time.perf_counter()
    ask()
    seconds = time.perf_counter() - began
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        ask()
    groups = dict.fromkeys((*GROUPS, REST), 0.0)
    for event in profiler.key_averages():
        groups[group_of(event.key)] += event.self_cpu_time_total / 1e6
    with torch.inference_mode():
        a_token = read_prefix(loaded, [1, 2]).bytes_a_token
    weights = sum(parameter.nbytes for parameter in loaded.model.parameters())
    counted = {"operations": 0.0, "bytes": 0.0}
    own: Callable[..., Any] = loaded.inner.forward

    @functools.wraps(own)
    def forward(*arguments: Any, **given: Any) -> Any:
        if given["input_ids"].shape[1] == 1:
            counted["bytes"] += weights + int(given["attention_mask"].sum()) * a_token
            return own(*arguments, **given)
        with FlopCounterMode(display=False) as counter:
            found = own(*arguments, **given)
        products = counter.get_flop_counts()["Global"]
        counted["operations"] += sum(products.get(each, 0) for each in (torch.ops.aten.mm, torch.ops.aten.addmm))
        return found

    loaded.inner.forward = forward
    ask()
    rates = {"rate": rate_of_products(loaded.placement.dtype), "bytes_rate": rate_of_reading()}
    dtype = loaded.placement.dtype_name
    print(json.dumps({"seconds": [seconds], **counted, **rates, "dtype": dtype, "groups": groups}))


if __name__ == "__main__":
    main()
