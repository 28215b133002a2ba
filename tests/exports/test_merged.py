"""Whole weights, written without the device that the model was scored on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from keeptune.config import Adapter, ModelConfig
from keeptune.exports.merged import write_merged
from keeptune.models.adapters import attach_adapter
from keeptune.models.load import load_model


def test_a_gpu_is_not_asked_for(tiny: Callable[..., Path], tmp_path: Path) -> None:
    plain = load_model(ModelConfig(name=str(tiny("llama")), device="cpu", dtype="float32"))
    attach_adapter(plain, Adapter(rank=2), seed=0)
    plain.model.save_pretrained(tmp_path / "adapter")
    write_merged(ModelConfig(str(tmp_path / "adapter"), device="cuda", dtype="float16"), "bfloat16", tmp_path / "whole")
    whole = load_model(ModelConfig(str(tmp_path / "whole"), device="cpu", dtype="bfloat16"))
    assert not hasattr(whole.model, "peft_config")
    assert {weight.dtype for weight in whole.model.parameters()} == {torch.bfloat16}
