"""The embedded model can do what its suites ask, on a few dev items of each kind of form."""

from __future__ import annotations

import pytest

from keeptune.abilities.table import SUITES
from keeptune.config import ModelConfig
from keeptune.data.encode import Encoder
from keeptune.events import silent
from keeptune.inference.answers import AnswerSettings, evaluate_model
from keeptune.inference.evaluator import load_for_inference
from keeptune.models.load import LoadedModel
from keeptune.scoring.table import get_metric

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def smollm2() -> LoadedModel:
    return load_for_inference(ModelConfig(name="smollm2", device="cpu", dtype="float32"))


@pytest.mark.parametrize(("name", "at_least"), [("topic", 50.0), ("entity_recognition", 25.0)])
def test_a_few_dev_items_score_above_chance(smollm2: LoadedModel, name: str, at_least: float) -> None:
    ability = SUITES[name].ability()
    answer_settings = AnswerSettings(Encoder(smollm2.tokenizer, smollm2.kind, 2048), ability.max_new_tokens, 2048)
    metrics = [get_metric(metric) for metric in ability.metrics]
    records, scores = evaluate_model(smollm2, answer_settings, ability.dev[:20], metrics, silent, "smollm2")
    assert [record.cluster for record in records] == [example.cluster for example in ability.dev[:20]]
    assert scores[ability.metrics[0]] >= at_least, scores
    assert max(record.answer.prompt_tokens for record in records) <= 320
