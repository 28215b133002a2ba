"""The command that loads an adapter is of a tool that takes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeptune.config import ModelConfig
from keeptune.exports.format import Source
from keeptune.exports.formats.adapter_format import AdapterFormat
from keeptune.workspace.workspace import Workspace

LORA = {"peft_type": "LORA", "base_model_name_or_path": "org/base", "r": 8}


def loaded_by(settings: dict[str, Any], folder: Path) -> str:
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    return AdapterFormat().load_command(Source(Workspace(folder), ModelConfig(), "causal", "float32"), folder)


def test_vllm_loads_a_lora_of_any_of_its_ranks(tmp_path: Path) -> None:
    start = "vllm serve org/base --enable-lora"
    assert loaded_by(LORA, tmp_path) == f"{start} --lora-modules mine={tmp_path}"
    assert loaded_by(LORA | {"r": 24, "revision": "1"}, tmp_path).startswith("vllm serve org/base --revision 1 ")
    assert "--max-lora-rank 32 " in loaded_by(LORA | {"r": 24, "use_rslora": True}, tmp_path)


@pytest.mark.parametrize(
    "more",
    [
        {"use_dora": True},
        {"modules_to_save": ["lm_head"]},
        {"trainable_token_indices": {"embed_tokens": [3]}},
        {"r": 1024},
        {"peft_type": "IA3"},
    ],
)
def test_what_vllm_refuses_is_loaded_by_peft(more: dict[str, Any], tmp_path: Path) -> None:
    assert loaded_by(LORA | more, tmp_path).startswith("python -c 'from peft import AutoPeftModelForCausalLM; ")
