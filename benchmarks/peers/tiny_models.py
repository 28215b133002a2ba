"""Tiny random models with room for long prompts, and rows, for the peers' scripts: seconds on one core."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", CUDA_VISIBLE_DEVICES="")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests import tiny

CONTEXT = 4096


def llama(folder: Path, seed: int = 0) -> str:
    """A two-layer Llama of random weights that takes long prompts."""
    tiny.save_other(folder, "llama", seed=seed, max_position_embeddings=CONTEXT, num_key_value_heads=2)
    settings = folder / "tokenizer_config.json"
    changed = json.loads(settings.read_text(encoding="utf-8")) | {"model_max_length": CONTEXT}
    settings.write_text(json.dumps(changed), encoding="utf-8")
    return str(folder)


def t5(folder: Path) -> str:
    """A two-layer T5 of random weights."""
    return str(tiny.save_t5(folder))


def rows(file: Path, prompt: str = "prompt", answer: str = "completion") -> str:
    """Sums, as JSONL or CSV by the file's suffix."""
    sums = [{prompt: f"What is {number} + {number}?", answer: f"It is {2 * number}."} for number in range(16)]
    if file.suffix == ".csv":
        lines = [f"{prompt},{answer}", *(",".join(row.values()) for row in sums)]
    else:
        lines = [json.dumps(row) for row in sums]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(file)
