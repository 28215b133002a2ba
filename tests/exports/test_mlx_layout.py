"""Whether mlx-lm computes the model that transformers saved."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from keeptune.errors import ConfigError, ModelError
from keeptune.exports.formats import mlx_format
from keeptune.exports.mlx_layout import count_quantized, name_as_before
from tests.tiny import save_other

LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}
LOCAL = {"full_attention": {"rope_type": "default", "rope_theta": 1e6}, "sliding_attention": {"rope_theta": 1e4}}


@pytest.mark.parametrize(
    ("settings", "added"),
    [
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 5e5}}, {"rope_theta": 5e5}),
        ({"rope_theta": 1e4, "rope_parameters": {"rope_theta": 5e5}}, {}),
        (
            {"rope_parameters": LLAMA3},
            {"rope_theta": 5e5, "rope_scaling": {n: v for n, v in LLAMA3.items() if n != "rope_theta"}},
        ),
        ({"rope_parameters": LOCAL}, {"rope_theta": 1e6, "rope_local_base_freq": 1e4}),
        (
            {"model_type": "gpt_neox", "rope_parameters": {"rope_theta": 1e4, "partial_rotary_factor": 0.25}},
            {"rope_theta": 1e4, "partial_rotary_factor": 0.25, "rotary_emb_base": 1e4, "rotary_pct": 0.25},
        ),
        ({"model_type": "opt"}, {}),
    ],
)
def test_names_that_transformers_has_given_up(tmp_path: Path, settings: dict[str, Any], added: dict[str, Any]) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(settings | {"text_config": settings}))
    name_as_before(file)
    assert json.loads(file.read_text()) == settings | added | {"text_config": settings | added}


def test_what_is_quantised_is_counted(tmp_path: Path) -> None:
    some = {"a.weight": np.zeros((4, 4)), "a.scales": np.zeros((4, 1)), "b.weight": np.zeros((4, 3))}
    save_file(some, tmp_path / "model-1.safetensors")
    save_file({"norm.weight": np.zeros(4)}, tmp_path / "model-2.safetensors")
    assert count_quantized(tmp_path) == (1, 2)
    source: Any = SimpleNamespace(run="runs/a")
    assert mlx_format._told_of(2, 2, source) == []
    assert mlx_format._told_of(1, 2, source) == ["1 of 2 matrices stay bfloat16: their columns are no multiple of 64"]
    with pytest.raises(ConfigError, match="nothing of runs/a can be quantised"):
        mlx_format._told_of(0, 2, source)


BY_MLX = pytest.mark.skipif(importlib.util.find_spec("mlx_lm") is None, reason="mlx-lm is not installed")


@BY_MLX
@pytest.mark.parametrize("rope", [{"rope_type": "default", "rope_theta": 5e5}, LLAMA3])
def test_positions_are_computed_as_in_transformers(tiny: Callable[..., Path], tmp_path: Path, rope: Any) -> None:
    settings = AutoConfig.from_pretrained(tiny("llama"))
    settings.rope_parameters, settings.initializer_range = rope, 0.3
    folder = tmp_path / "model"
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(settings).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny("llama")).save_pretrained(folder)
    row = mlx_format._probe(folder)
    expected = mlx_format._likelihood("keeptune.exports.tools.transformers", folder, row)
    wrong = mlx_format._likelihood(mlx_format.MlxFormat.tool, folder, row)
    with pytest.raises(ModelError, match="mlx-lm makes another model of these weights"):
        mlx_format._refuse_another_model(expected / row.learned, wrong / row.learned)
    name_as_before(folder / "config.json")
    made = mlx_format._converted(folder, tmp_path / "mlx", "float32")
    assert mlx_format._likelihood(mlx_format.MlxFormat.tool, made, row) == pytest.approx(expected, abs=0.01)
    assert json.loads((made / "config.json").read_text())["dtype"] == "float32"


@BY_MLX
@pytest.mark.parametrize(
    ("kind", "settings"), [("gpt_neox", {"intermediate_size": 128}), ("stablelm", {"num_key_value_heads": 4})]
)
def test_what_mlx_lm_does_not_find_is_named(tmp_path: Path, kind: str, settings: dict[str, int]) -> None:
    folder = save_other(tmp_path / "model", kind, **settings)
    row = mlx_format._probe(folder)
    expected = mlx_format._likelihood("keeptune.exports.tools.transformers", folder, row)
    name_as_before(folder / "config.json")
    made = mlx_format._converted(folder, tmp_path / "mlx", "float32")
    assert mlx_format._likelihood(mlx_format.MlxFormat.tool, made, row) == pytest.approx(expected, abs=0.01)
