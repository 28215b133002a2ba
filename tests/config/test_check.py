"""Settings that were made in Python: what is of another type or form is refused before anything is used of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from keeptune.config import (
    Adapter,
    DataConfig,
    EvaluationConfig,
    Full,
    Keep,
    MeasureConfig,
    MeasureRun,
    ModelConfig,
    TrainingConfig,
    TuneConfig,
)
from keeptune.config.check import check_config, check_sections
from keeptune.errors import ConfigError

OTHER: dict[str, tuple[dict[str, Any], str, str]] = {
    "a number as text": ({"data": DataConfig(limit_test="5")}, "data.limit_test is '5'", "write 5"),
    "a rate as text": ({"training": TrainingConfig(lr="1e-4")}, "training.lr is '1e-4'", "write 0.0001"),
    "no as text": ({"data": DataConfig(skip_bad="false")}, "data.skip_bad is 'false'", "write False"),
    "a word of the command line": ({"data": DataConfig(delimiter="tab")}, "data.delimiter is 'tab'", r"write '\t'"),
    "a list for a text": (
        {"method": Adapter(target_modules=["q_proj", "v_proj"])},
        "method.target_modules is ['q_proj', 'v_proj']",
        "write 'q_proj,v_proj'",
    ),
    "a method that is none": ({"method": Adapter(["lora"])}, "method.kind is ['lora']", "give one text"),
    "an ability as text": ({"measure": MeasureConfig(keep="facts:3")}, "'facts:3', not a Keep", "keeptune.Keep("),
    "no abilities": ({"measure": MeasureConfig(keep=None)}, "None, not a Keep", "keeptune.Keep("),
    "a margin as text": ({"measure": MeasureConfig(keep=[Keep("facts", margin="3")])}, "margin='3'", "as a number"),
    "a folder of no text": ({"output": 5}, "output is 5", "give one text"),
    "yes as text": ({"resume": "yes", "output": "runs/a"}, "resume is 'yes'", "write True"),
}


@pytest.mark.parametrize("name", OTHER)
def test_another_type_or_form_is_refused_with_the_right_one(name: str) -> None:
    changes, message, fix = OTHER[name]
    with pytest.raises(ConfigError) as caught:
        check_config(replace(TuneConfig(), **changes), ("rouge1",))
    assert message in caught.value.message
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"method": Full(), "output": "runs/a", "resume": True},
        {"data": DataConfig(limit_test=np.int64(5), skip_bad=np.True_, choices="auto")},
        {"training": TrainingConfig(lr=np.float32(0.5), torch_compile=True)},
        {"evaluation": EvaluationConfig(metrics="rouge1")},
        {"measure": MeasureConfig(keep=[Keep("facts", margin=2)])},
    ],
)
def test_what_means_the_same_is_taken(changes: dict[str, Any]) -> None:
    check_config(replace(TuneConfig(), **changes), ("rouge1",))


@pytest.mark.parametrize(
    ("made", "message", "fix"),
    [
        (lambda: TuneConfig(model="smollm2"), "model is 'smollm2', not a ModelConfig", "model=keeptune.ModelConfig("),
        (lambda: TuneConfig(method="full"), "not a Full or Adapter", "method=keeptune.Full(…) or method=keeptune.Ada"),
        (lambda: MeasureRun("smollm2", ModelConfig("runs/a")), "base is 'smollm2'", "base=keeptune.ModelConfig("),
    ],
)
def test_what_is_no_section_is_refused_where_it_is_given(made: Any, message: str, fix: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made()
    assert message in caught.value.message
    assert fix in caught.value.fix


def test_what_is_no_section_is_refused_by_a_verb_that_takes_one() -> None:
    with pytest.raises(ConfigError, match="model is 'runs/a', not a ModelConfig") as caught:
        check_sections({"model": "runs/a"}, ())
    assert caught.value.fix == "write keeptune.ModelConfig(…)"
