"""T2: full fine-tuning beside TRL's SFTTrainer on the same rows, batches and learning rates.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/t2_full.py [--pairs 3] [--steps 12] [--draft]
    python benchmarks/speed/t2_full.py --table          print from the record alone

SmolLM2-135M, DialogSum rows, 8 rows a step, completion-only loss, AdamW; ours keeps float32 weights and computes in
bfloat16. The record, results/speed/t2_full.json, holds what `t1_lora.py`'s does. How they are compared:
`beside_trl.py`.
"""

from __future__ import annotations

from functools import partial

import beside_trl
from measure import Aim, Found, script

NAME = "t2_full"
AIM = Aim("T2", "full fine-tuning, 8 rows a step", at_least=2.5)
CASE = beside_trl.Case("full", lr=1e-4)


def lines(record: Found | None) -> list[str]:
    return beside_trl.lines(record, AIM)


if __name__ == "__main__":
    script(NAME, beside_trl.options_of_training(__doc__), partial(beside_trl.measure, CASE), lines)
