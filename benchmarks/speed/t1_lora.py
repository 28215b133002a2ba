"""T1: LoRA beside TRL's SFTTrainer on the same rows, batches and learning rates.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/t1_lora.py [--pairs 3] [--steps 12] [--draft]
    python benchmarks/speed/t1_lora.py --table          print from the record alone

SmolLM2-135M, DialogSum rows, 8 rows a step, completion-only loss, AdamW; rank 16 on all linear layers, no dropout. The
record, results/speed/t1_lora.json, holds every setting of the peer that was tried, the pairs, and for each run the
losses, the end of each step, the time of compiling, and the peak memory. How they are compared: `beside_trl.py`.
"""

from __future__ import annotations

from functools import partial

import beside_trl
from measure import Aim, Found, script

NAME = "t1_lora"
AIM = Aim("T1", "LoRA, 8 rows a step", at_least=3)
CASE = beside_trl.Case("lora", lr=1e-3)


def lines(record: Found | None) -> list[str]:
    return beside_trl.lines(record, AIM)


if __name__ == "__main__":
    script(NAME, beside_trl.options_of_training(__doc__), partial(beside_trl.measure, CASE), lines)
