"""T9: LoRA, QLoRA and full fine-tuning of models of 0.36 to 7.6 billion weights, beside TRL, peft and bitsandbytes.

    KEEPTUNE_DATA=<folder> python benchmarks/speed/t9_shapes.py [--shape NAME] [--pairs 1] [--steps 3] [--draft]
    python benchmarks/speed/t9_shapes.py --table          print from the record alone

The weights are random, in the shapes of published models, and of the built-in model's tokenizer: speed and memory are
those of the shapes, losses mean nothing but that both learn alike. Otherwise as T1 and T2. A setting of the peer that
the system ends for want of memory is recorded as failed. Full fine-tuning holds the moments in 8 bits on both sides.
It takes hours on two cores: a second start goes on, shape by shape.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import beside_trl
from beside_trl import OURS
from measure import BUILD, Aim, Found, medians, ratios, read, script
from rows import MODEL, model_folder

NAME = "t9_shapes"
PEAK = "peak_gib"
SIZES = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
)
SHAPES: Mapping[str, tuple[int, ...]] = {
    "360M": (960, 2560, 32, 15, 5),
    "1.7B": (2048, 8192, 24, 32, 32),
    "3B": (3072, 8192, 28, 24, 8),
    "7B": (4096, 14336, 32, 32, 8),
}
"""SmolLM2 360M and 1.7B, Llama 3.2 3B, Mistral 7B; all with the vocabulary of the built-in model's tokenizer."""
_FLOAT32 = {"weights": "float32", "autocast": False}
_AUTOCAST = {"weights": "float32", "autocast": True}
_BFLOAT16 = {"weights": "bfloat16", "autocast": True}


def _grid(*bases: Mapping[str, Any], **more: Any) -> dict[str, Mapping[str, Any]]:
    """Each with eight rows a pass, and with one and gradient checkpointing, which takes least memory."""
    found = {}
    for base in bases:
        label = f"{base['weights']} weights{', autocast' * base['autocast']}"
        found[f"{label}, 8 rows"] = {**base, **more, "rows": 8}
        found[f"{label}, 1 row x 8, checkpointing"] = {**base, **more, "rows": 1, "checkpointing": True}
    return found


@dataclass(frozen=True, slots=True)
class Way:
    """A method, what ours is told beside it, and the peer's settings."""

    method: str
    shapes: tuple[str, ...]
    ours: Mapping[str, Any]
    grid: Mapping[str, Mapping[str, Any]]


WAYS: Mapping[str, Way] = {
    "LoRA": Way("lora", ("360M", "1.7B", "3B"), {}, _grid(_FLOAT32, _AUTOCAST, _BFLOAT16)),
    "QLoRA": Way("lora", ("360M", "1.7B", "3B", "7B"), {"quantization": "nf4"}, _grid(_FLOAT32, _BFLOAT16, nf4=True)),
    "full": Way(
        "full", ("360M", "1.7B"), {"optimizer": "adamw_8bit"}, _grid(_FLOAT32, _AUTOCAST, optim="adamw_bnb_8bit")
    ),
}
SPEED = Aim("T9", "tokens/s", at_least=1.5)
MEMORY = Aim("T9", "peak memory", at_most=0.7)


def shape_folder(name: str) -> str:
    """A model of this shape with random weights in bfloat16, made now if it is not there."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

    folder = BUILD / "shapes" / name
    if not folder.exists():
        tokenizer = AutoTokenizer.from_pretrained(model_folder(MODEL))
        made = folder.with_suffix(".partial")
        shutil.rmtree(made, ignore_errors=True)
        ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
        sizes = dict(zip(SIZES, SHAPES[name], strict=True))
        words = {"vocab_size": len(tokenizer), "tie_word_embeddings": True, "max_position_embeddings": 4096}
        config = LlamaConfig(**sizes, **words, **ends)
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        model.save_pretrained(made, max_shard_size="2GB")
        tokenizer.save_pretrained(made)
        made.rename(folder)
    return str(folder)


def measure(options: argparse.Namespace) -> Found:
    """Every way of the shapes that are asked for; the others as they were."""
    found: Found = dict((read(NAME) or {}).get("shapes", {}))
    for shape in [options.shape] if options.shape else SHAPES:
        model = shape_folder(shape)
        ways = {}
        for name, way in WAYS.items():
            if shape in way.shapes:
                print(f"{shape}, {name}", flush=True)
                lr = {"lora": 2e-4, "full": 2e-5}[way.method]
                case = beside_trl.Case(way.method, lr, model, grid=way.grid, compile=None, ours=way.ours)
                ways[name] = beside_trl.measure(case, options)
        found[shape] = ways
        if not options.keep_models:
            shutil.rmtree(Path(model))
    return {"shapes": found}


def lines(record: Found | None) -> list[str]:
    """Speed and memory of each shape and way."""
    if record is None:
        return [SPEED.line(), MEMORY.line()]
    found = []
    for shape, ways in record["shapes"].items():
        for name, way in ways.items():
            found += beside_trl.lines(way, Aim("T9", f"{name} of {shape}", at_least=SPEED.at_least))
            pairs, label = way["pairs"], way["same"] or way["best"]
            ours, peer = (f"{medians(pairs, who, PEAK):.1f} GiB" for who in (OURS, label))
            aim = Aim("T9", f"peak memory of {name} of {shape}", at_most=MEMORY.at_most)
            found.append(aim.line(ours, f"TRL, {label}: {peer}", ratios(pairs, PEAK, OURS, label)))
    return found


if __name__ == "__main__":
    parser = beside_trl.options_of_training(__doc__)
    parser.set_defaults(pairs=1, steps=3)
    parser.add_argument("--shape", choices=SHAPES, help="this shape alone")
    parser.add_argument("--keep-models", action="store_true", help="leave the random models in build/speed/shapes")
    script(NAME, parser, measure, lines)
