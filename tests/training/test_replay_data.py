"""What must not be replayed: what is asked afterwards, by whoever asks it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from keeptune.config.schema import Keep, MeasureConfig, MitigationConfig, ModelConfig, TuneConfig
from keeptune.data.encode import Encoder
from keeptune.data.task_metrics import Metrics
from keeptune.data.task_rows import Rows
from keeptune.events import silent
from keeptune.mitigation.methods.replay import replay_examples
from keeptune.models.tokenizer import load_tokenizer
from keeptune.training.replay_data import replay_data
from keeptune.training.session import Session
from keeptune.workspace.workspace import Workspace

TASKS = Path(__file__).parents[1] / "data" / "lm_eval"


def test_items_of_a_harness_task_are_not_replayed(
    tiny: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    pytest.importorskip("lm_eval")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.chdir(TASKS)
    old = tmp_path / "old.jsonl"
    pairs = [("A ladle is a kind of", "spoon"), ("A cello is made of", "wood"), ("Bread is made of", "flour")]
    old.write_text("\n".join(json.dumps({"prompt": prompt, "completion": answer}) for prompt, answer in pairs))
    config = TuneConfig(
        measure=MeasureConfig(keep=(Keep("kinds", "lm-eval:kinds.yaml"),)),
        mitigation=MitigationConfig(replay=(str(old),)),
    )
    tokenizer, kind, _ = load_tokenizer(ModelConfig(name=str(tiny("llama"))))
    rows, encoder = Rows((), (), (), "", ""), Encoder(tokenizer, kind, 256)
    session = Session(config, Workspace(tmp_path), rows, encoder, Metrics((), ""), silent)
    sources, _, forbidden = replay_data(session)
    found = replay_examples(3, sources, forbidden, seed=0)
    assert sorted(example.completion for example in found) == ["flour", "wood"]
