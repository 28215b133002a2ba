"""T3: peak memory of training beside TRL's, from the records of T1 and T2; nothing is run.

    python benchmarks/speed/t3_memory.py

The whole process's peak, as the system tells it when the process has ended, against the peer's in its fastest setting
that learns the same (in its fastest where none does).
"""

from __future__ import annotations

import t1_lora
import t2_full
from beside_trl import OURS
from measure import HEAD, Aim, Found, medians, ratios, read

NAME = "t3_memory"
PEAK = "peak_gib"
AIMS = {
    t1_lora.NAME: Aim("T3", "peak memory of LoRA", at_most=0.6),
    t2_full.NAME: Aim("T3", "peak memory of full fine-tuning", at_most=0.6),
}


def lines(_record: Found | None = None) -> list[str]:
    return [_line(read(name), aim) for name, aim in AIMS.items()]


def _line(record: Found | None, aim: Aim) -> str:
    if record is None:
        return aim.line()
    pairs, label = record["pairs"], record["same"] or record["best"]
    ours, peer = (f"{medians(pairs, who, PEAK):.1f} GiB" for who in (OURS, label))
    return aim.line(ours, f"TRL, {label}: {peer}", ratios(pairs, PEAK, OURS, label))


if __name__ == "__main__":
    print("\n".join([HEAD, *lines()]))
