"""CONTRIBUTING's page on adding a mitigation, followed word by word: one file, and every way to name it works."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from keeptune.config import Full, MitigationConfig, MitigationSearchConfig, TuneConfig
from keeptune.config.load import load_config
from keeptune.data.encode import Encoder
from keeptune.data.task_rows import load_rows
from keeptune.errors import ConfigError
from keeptune.events import CheckpointSaved, Observer, StepDone, silent
from keeptune.experiments.compare_advice import families
from keeptune.inference.encoding import encode_train
from keeptune.mitigation import methods
from keeptune.mitigation.active import extra
from keeptune.mitigation.candidates import candidate_config, candidates_of, refuse_other_mitigations
from keeptune.mitigation.fit import unfit
from keeptune.mitigation.registry import MITIGATIONS
from keeptune.mitigation.spec import PLAIN, parse, refuse_overridden
from keeptune.models.batch import make_batch
from keeptune.models.completion_logits import completion_logits
from keeptune.models.load import LoadedModel
from keeptune.workspace.workspace import Workspace
from tests.mitigation.talking import load
from tests.mitigation.test_trained_with import LORA, equal, rows_files, settings, trained
from tests.plugins import install_plugin

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"
CONFIDENT = {"extra": ("confidence=3",)}


def how_to() -> str:
    text = CONTRIBUTING.read_text(encoding="utf-8")
    return text[text.index("### … a mitigation") :].split("\n### ")[0]


def block(language: str) -> str:
    found = re.search(rf"^ *```{language}\n(.*?)^ *```$", how_to(), re.DOTALL | re.MULTILINE)
    assert found is not None
    return textwrap.dedent(found[1])


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The file of step 1, put where step 1 says."""
    assert "confidence" not in MITIGATIONS
    folder, before = tmp_path_factory.mktemp("methods"), dict(MITIGATIONS._entries)
    (folder / "confidence.py").write_text(block("python"), encoding="utf-8")
    methods.__path__.append(str(folder))
    importlib.import_module("keeptune.mitigation.methods.confidence")
    yield
    methods.__path__.remove(str(folder))
    sys.modules.pop("keeptune.mitigation.methods.confidence")
    MITIGATIONS._entries.clear()
    MITIGATIONS._entries.update(before)
    MITIGATIONS._origins.pop("confidence")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rows_files(tmp_path_factory.mktemp("rows"))


def entropy(loaded: LoadedModel, config: TuneConfig) -> float:
    """Nats a token, over the task's answers."""
    rows = encode_train(Encoder(loaded.tokenizer, loaded.kind, 128), load_rows(config, silent).train, silent)
    batch = make_batch(rows, loaded.kind, loaded.tokenizer.pad_token_id, loaded.placement.device)
    with torch.no_grad():
        logits = completion_logits(loaded.model, batch)
    return float(-(logits.softmax(-1) * logits.log_softmax(-1)).sum(-1).mean())


@pytest.mark.usefixtures("added")
@pytest.mark.parametrize("method", [Full(), LORA], ids=["full", "lora"])
def test_it_trains_and_does_what_it_says(talking: Path, files: Path, tmp_path: Path, method: Any) -> None:
    found = []
    for name, mitigation in (("plain", {}), ("held", CONFIDENT)):
        config = settings(talking, files, method, mitigation, epochs=4.0)
        trained(config, tmp_path / name, keep_last=True)
        tuned = Workspace(tmp_path / name).weights
        assert tuned is not None
        found.append(entropy(load(tuned), config))
    assert found[1] > 1.5 * found[0]


@pytest.mark.usefixtures("added")
def test_it_goes_on_after_a_stop_to_the_same_weights(talking: Path, files: Path, tmp_path: Path) -> None:
    def stop(event: Any) -> None:
        if isinstance(event, CheckpointSaved) and event.step == 3:
            raise InterruptedError

    config = settings(talking, files, LORA, CONFIDENT)
    whole = trained(config, tmp_path / "whole")
    with pytest.raises(InterruptedError):
        trained(config, tmp_path / "broken", stop)
    steps: list[int] = []
    observer: Observer = lambda event: steps.append(event.step) if isinstance(event, StepDone) else None  # noqa: E731
    assert equal(trained(config, tmp_path / "broken", observer), whole)
    assert steps[0] == 4


@pytest.mark.usefixtures("added")
def test_every_way_of_step_2_names_it() -> None:
    flag, methods_named, candidate = re.findall(
        r"--mitigation (\S+?)`|--methods\s+(\S+?)`|--candidates (\S+?)`", how_to()
    )
    by_flag = load_config(None, {"mitigation": (flag[0],)}, methods=("lora",), metrics=())
    assert by_flag.mitigation == MitigationConfig(extra=("confidence=0.5",))
    plain, with_it = methods_named[1].split(",")
    assert parse(with_it).apply(TuneConfig()) == replace(by_flag, method=Full())
    assert parse(plain).apply(TuneConfig()) == TuneConfig(method=Full())
    config = TuneConfig(mitigation_search=MitigationSearchConfig(candidates=(candidate[2],)))
    assert candidates_of(config) == (PLAIN, parse("confidence=0.5"))
    assert candidate_config(parse("confidence"), config).mitigation.extra == ("confidence=0.1",), "its default"


@pytest.mark.usefixtures("added")
def test_what_it_cannot_be_is_refused_and_the_way_out_named() -> None:
    refused = {"confidence=-1": "at least 0", "confidense=1": "confidence", "kl=0.5": "--kl", "plain": "leave it out"}
    for text, word in refused.items():
        error = unfit(TuneConfig(mitigation=MitigationConfig(extra=(text,))))
        assert error is not None
        assert word in error.fix
    with pytest.raises(ConfigError, match="confidence twice"):
        extra(TuneConfig(mitigation=MitigationConfig(extra=("confidence=1", "confidence=2"))))
    with pytest.raises(ConfigError, match=r"--candidates confidence=2, or"):
        refuse_other_mitigations(TuneConfig(mitigation=MitigationConfig(extra=("confidence=2",))))
    with pytest.raises(ConfigError, match="given as 2"):
        refuse_overridden(parse("full+confidence"), TuneConfig(mitigation=MitigationConfig(extra=("confidence=2",))))
    assert parse("confidence=2").apply(TuneConfig(mitigation=MitigationConfig(extra=("confidence=1",)))).mitigation == (
        MitigationConfig(extra=("confidence=2",))
    )


@pytest.mark.usefixtures("added")
def test_a_comparison_knows_which_of_its_values_is_stronger() -> None:
    (family,) = families(["full", "full+confidence=0.5", "full+confidence=0.1"])
    assert (family.setting, family.reference) == ("confidence", "full")
    assert [value for value, _ in family.settings] == [0.1, 0.5]


def test_a_package_adds_it_by_the_entry_point_of_step_1(tmp_path: Path) -> None:
    """In a process of its own, so that the package is installed before keeptune looks."""
    group, (name, target) = block("toml").split('"')[1], entry()
    module = f"{target.partition(':')[0].replace('.', '/')}.py"
    install_plugin(tmp_path, "my-package", {module: block("python")}, {group: {name: target}}, version="2.1")
    code = """
from keeptune.config import MitigationConfig, TuneConfig
from keeptune.mitigation.active import active, packages
from keeptune.training.resume import deciding_weights

config = TuneConfig(mitigation=MitigationConfig(extra=("confidence=2",)))
((mitigation, value),) = (found for found in active(config) if found[0].name == "confidence")
assert (value, mitigation.source) == (2.0, "arXiv:1701.06548")
assert packages(config) == ["my-package 2.1"]
assert ["my-package 2.1"] in deciding_weights(config).values()
"""
    path = os.pathsep.join((str(tmp_path), *sys.path))
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def entry() -> tuple[str, str]:
    """The entry point's name and what it names."""
    found = re.search(r'^(\w+) = "(.+?)"', block("toml"), re.MULTILINE)
    assert found is not None
    return found[1], found[2]
