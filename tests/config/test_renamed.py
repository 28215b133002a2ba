"""Files of earlier versions are read under today's names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keeptune.config import MitigationConfig, MitigationSearchConfig, TrainingConfig, TuneConfig
from keeptune.config.renamed import upgraded
from keeptune.records import ForgettingReport, from_plain, to_plain

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "claims"


def test_settings_of_an_earlier_version() -> None:
    old: dict[str, Any] = to_plain(TuneConfig())
    del old["mitigation"], old["mitigation_search"]
    old["training"]["search"] = old["training"].pop("hyperparameter_search") + 4
    old["mend"] = {"type": "MendConfig", "dial": 0.5, "kl": 1.0}
    old["ladder"] = {"type": "LadderConfig", "rungs": ["dial=0.5", "replay=0.05+dial"], "max_rungs": 3}
    old["ladder"]["ladder_minutes"] = 20.0
    assert from_plain(TuneConfig, upgraded(old)) == TuneConfig(
        training=TrainingConfig(hyperparameter_search=4),
        mitigation=MitigationConfig(
            plain=True, interpolation=0.5, kl=1.0, kl_share=0.1, kl_tokens=64, kl_gradient="whole"
        ),
        mitigation_search=MitigationSearchConfig(
            candidates=("interpolation=0.5", "replay=0.05+interpolation"), max_candidates=3, search_minutes=20.0
        ),
    )


FILES = [*sorted(RESULTS.glob("mitigation-search*.json")), RESULTS / "full-seed1.json"]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_a_report_of_an_earlier_version(file: Path) -> None:
    old = json.loads(file.read_text(encoding="utf-8"))["forgetting"]
    report = from_plain(ForgettingReport, upgraded(old))
    assert [each.output_type for each in report.abilities] == [each["form"] for each in old["abilities"]]
    search = report.mitigation_search
    assert (search is None) == (old["ladder"] is None)
    if search is not None:
        told = [each.candidate.replace("interpolation", "dial") for each in search.candidates]
        assert told == [each["rung"] for each in old["ladder"]["rungs"]]


def test_todays_files_stay_as_they_are() -> None:
    plain = to_plain(TuneConfig(output="form"))
    assert upgraded(plain) == plain


def test_names_that_users_chose_are_left_alone() -> None:
    plain = {"form": 1, "ladder": {"dial": [{"mend": "dial"}]}}
    assert upgraded(plain) == plain


def test_variants_of_an_earlier_version() -> None:
    names = ("wording-2", "few-shot", "wording-x")
    found = [upgraded({"type": "VariantDrop", "name": name})["name"] for name in names]
    assert found == ["template-2", "few-shot", "wording-x"]
    assert upgraded({"type": "AbilityReport", "name": "wording-2"})["name"] == "wording-2", "a name that a user chose"
