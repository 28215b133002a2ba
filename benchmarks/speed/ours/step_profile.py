"""A few training steps under torch's profiler, in this process. See `measure.py` for how it is asked."""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import time
from typing import Any

from train import loop_of

GROUPS = {
    "attention": ("attention", "aten::bmm", "aten::baddbmm", "cpp_fused__softmax"),
    "matrix products": ("aten::mm", "aten::addmm", "mkldnn", "onednn", "packed_linear"),
    "optimizer": ("adamw", "optimizer", "foreach_norm", "linalg_vector_norm", "foreach_mul"),
    "loss": ("log_softmax", "nll_loss", "logsumexp", "cross_entropy", "aten::gather"),
    "fused blocks": ("fused", "compiledfx", "compiledfunction", "torch-compiled", "inductor"),
}
"""Group → parts of the names of operations, in small letters; the first that fits. While blocks are compiled, products
in batches and the softmax between them are the attention's."""
REST = "rest"
SIDE = 2048


def group_of(name: str) -> str:
    small = name.lower()
    return next((group for group, parts in GROUPS.items() if any(part in small for part in parts)), REST)


def rate_of_products(dtype: Any) -> float:
    """Floating-point operations a second of a bare product: the best of ten."""
    import torch

    left, right = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    torch.mm(left, right)
    best = float("inf")
    for _ in range(10):
        began = time.perf_counter()
        torch.mm(left, right)
        best = min(best, time.perf_counter() - began)
    return float(2 * SIDE**3 / best)


def operations(order: dict[str, Any]) -> list[float]:
    """Of each step's matrix products, plainly computed."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from keeptune.events import Event, StepDone

    aten = torch.ops.aten
    totals = [0.0]

    def hear(event: Event, /) -> None:
        if isinstance(event, StepDone):
            products = counter.get_flop_counts().get("Global", {})
            totals.append(sum(products.get(product, 0) for product in (aten.mm, aten.addmm)))

    with tempfile.TemporaryDirectory() as folder, FlopCounterMode(display=False) as counter:
        loop_of({**order, "compile": False}, folder, hear)()
    return [after - before for before, after in itertools.pairwise(totals)]


def main() -> None:
    """Seconds and operations of the timed steps, self times of the profiled ones."""
    order = json.load(sys.stdin)
    from torch._inductor import config as inductor
    from torch.profiler import ProfilerActivity, profile

    from keeptune.events import Event, Notice, StepDone

    # The compiler's own functions have names in the profile.
    inductor.cpp.enable_kernel_profile = True
    steps = order["steps"]
    counted = operations(order)
    ends: list[float] = []
    told: list[str] = []
    profiler = profile(activities=[ProfilerActivity.CPU])

    def hear(event: Event, /) -> None:
        if isinstance(event, Notice):
            told.append(event.message)
        if not isinstance(event, StepDone):
            return
        ends.append(time.perf_counter())
        if event.step == 1 + steps:
            profiler.start()
        elif event.step == 1 + 2 * steps:
            profiler.stop()

    with tempfile.TemporaryDirectory() as folder:
        loop = loop_of(order, folder, hear)
        loop()
    if not any(message.startswith("compiled in") for message in told):
        sys.exit(f"the blocks were not compiled: {'; '.join(told)}")
    groups = dict.fromkeys((*GROUPS, REST), 0.0)
    names: dict[str, float] = {}
    for event in profiler.key_averages():
        groups[group_of(event.key)] += event.self_cpu_time_total / 1e6
        names[event.key] = event.self_cpu_time_total / 1e6
    dearest = dict(sorted(names.items(), key=lambda item: -item[1])[:25])
    placement = loop.loaded.placement
    found = {
        "seconds": [after - before for before, after in itertools.pairwise(ends[: steps + 1])],
        "operations": counted[1 : steps + 1],
        "rate": rate_of_products(placement.dtype),
        "dtype": placement.dtype_name,
        "groups": groups,
        "dearest": {name: round(seconds, 4) for name, seconds in dearest.items()},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
