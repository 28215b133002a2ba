"""T7: LoRA and full fine-tuning on one CUDA GPU beside TRL, Liger and flash attention.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/t7_gpu.py --model NAME [--pairs 3] [--steps 12] [--draft]
    python benchmarks/speed/t7_gpu.py --table          print from the record alone

A model of about a billion weights, a hub name or a folder; bfloat16; otherwise as T1 and T2. The peer's settings with
Liger and flash attention count where its environment has liger-kernel and flash-attn, and are recorded as failed where
not. Peak memory is torch's own. Without a GPU it ends with a message. The record is results/speed/t7_gpu.json.
"""

from __future__ import annotations

import argparse
import os
import sys

import beside_trl
from measure import Aim, Found, script

NAME = "t7_gpu"
AIMS = {
    "lora": Aim("T7", "LoRA of a 1B model on one GPU", at_least=1.2),
    "full": Aim("T7", "full fine-tuning of a 1B model on one GPU", at_least=1.2),
}
LR = {"lora": 2e-4, "full": 2e-5}
_AUTOCAST = {"weights": "float32", "autocast": True, "rows": 8}
_BFLOAT16 = {"weights": "bfloat16", "autocast": True, "rows": 8}
_FLASH = {"attention": "flash_attention_2", "padding_free": True}
GRID = {
    "bf16 autocast": _AUTOCAST,
    "bf16 autocast, Liger": {**_AUTOCAST, "liger": True},
    "bf16 autocast, Liger, flash attention, padding-free": {**_AUTOCAST, **_FLASH, "liger": True},
    "bf16 weights": _BFLOAT16,
    "bf16 weights, Liger": {**_BFLOAT16, "liger": True},
    "bf16 weights, flash attention, padding-free": {**_BFLOAT16, **_FLASH},
    "bf16 weights, Liger, flash attention, padding-free": {**_BFLOAT16, **_FLASH, "liger": True},
}


def measure(options: argparse.Namespace) -> Found:
    import torch

    if torch.cuda.device_count() != 1:
        seen = torch.cuda.device_count()
        sys.exit(f"{NAME}: it needs one CUDA GPU (CUDA_VISIBLE_DEVICES), {seen} can be seen: nothing was measured")
    if not options.model:
        sys.exit(
            f"{NAME}: --model, or KEEPTUNE_BENCH_MODEL, names a model of about a billion weights: nothing was measured"
        )
    found: Found = {"gpu": torch.cuda.get_device_name(0)}
    for method, lr in LR.items():
        case = beside_trl.Case(method, lr, options.model, "cuda", "bfloat16", GRID, compile=None)
        found[method] = beside_trl.measure(case, options)
    return found


def lines(record: Found | None) -> list[str]:
    return [line for method, aim in AIMS.items() for line in beside_trl.lines(record and record[method], aim)]


if __name__ == "__main__":
    parser = beside_trl.options_of_training(__doc__)
    named = os.environ.get("KEEPTUNE_BENCH_MODEL")
    parser.add_argument("--model", default=named, help="hub name or folder  [KEEPTUNE_BENCH_MODEL]")
    script(NAME, parser, measure, lines)
