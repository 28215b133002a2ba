"""The model card: its metadata is what the hub reads, its text what the records say."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import EvalResult

from keeptune.records import TuneResult, Undefined
from keeptune.report.card import model_card
from tests.report.forgetting_reports import forgetting_report
from tests.report.results import RESULT, TRAINING

REPORT = forgetting_report()
CARD = model_card(REPORT, RESULT)


def results(card: str) -> list[EvalResult]:
    found = ModelCard(card, ignore_metadata_errors=False).data.eval_results
    assert found is not None
    return list(found)


def test_the_hub_reads_the_metadata() -> None:
    data = ModelCard(CARD, ignore_metadata_errors=False).data
    assert data.base_model == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert data.base_model_relation == "adapter"
    assert data.library_name == "peft"
    assert data.tags == ["keeptune", "lora"]
    assert data.model_name == "orders-lora-1"
    assert len(results(CARD)) == 2 + len(REPORT.abilities)


def test_the_task_before_and_after() -> None:
    tuned, base = results(CARD)[:2]
    assert (tuned.metric_type, tuned.metric_name, tuned.metric_value) == ("rouge1", "rouge1", 39.1)
    assert (base.metric_type, base.metric_name, base.metric_value) == ("rouge1", "rouge1, base", 23.5)
    assert tuned.dataset_revision == "77c0be41d2ff"


def test_each_ability_with_its_verdict() -> None:
    by_name = {result.dataset_type: result for result in results(CARD)[2:]}
    found = by_name["instructions"]
    assert found.metric_value == pytest.approx(49.0)
    assert found.metric_args["verdict"] == "lost"
    assert found.metric_args["base"] == pytest.approx(62.0)
    assert found.metric_args["drop"] == pytest.approx(13.0)
    assert found.metric_args["drop_95"][0] < 13.0 < found.metric_args["drop_95"][1]
    assert "drop" not in by_name["inference"].metric_args


def test_a_margin_is_told_as_it_was_given() -> None:
    abilities = tuple(dataclasses.replace(each, margin=0.25) for each in REPORT.abilities)
    assert model_card(dataclasses.replace(REPORT, abilities=abilities), RESULT).count("| 0.25 |") == len(abilities)


def test_the_text() -> None:
    assert " ".join(REPORT.sentences) in CARD
    assert "**Gate: fail.**" in CARD
    assert "| rouge1 | 23.5 | 39.1 | +15.6 | +14.0 to +17.2 | 300 |" in CARD
    assert "| instructions | exact\\_match | 62.0 | 49.0 | −13.0 | −17.8 to −8.8 | 5 | **lost** | 300 |" in CARD
    assert "| text (not declared) | token\\_loss ↓ | 2.600 | 2.605 | −0.005 | −0.007 to −0.003 | 0.05 | kept |" in CARD
    assert "| undefined | not measured: the base is not clearly above chance" in CARD
    assert f"    keeptune measure --base {REPORT.base_name} --tuned OWNER/NAME --keep " in CARD
    assert "4,884,480 of 139,399,488 weights trained" in CARD


def test_a_quantised_base_is_told_and_measured_again_as_one() -> None:
    card = model_card(dataclasses.replace(REPORT, config={"base": {"quantization": "nf4"}}), RESULT)
    assert f"- Base: {REPORT.base_name}, held in nf4" in card
    assert f"    keeptune measure --base {REPORT.base_name} --tuned OWNER/NAME --quantization nf4 --keep " in card


@pytest.mark.parametrize(("held", "told"), [("nf4", 'bnb_4bit_compute_dtype="float32"'), ("int8", "load_in_8bit=True")])
def test_an_adapter_is_loaded_on_the_base_that_was_scored(held: str, told: str) -> None:
    made = dataclasses.replace(REPORT.manifest, dtype="float32")
    held_in = {"base": {"quantization": held}}
    card = model_card(
        dataclasses.replace(REPORT, tuned_name="runs/mine-1/adapter", config=held_in, manifest=made), RESULT
    )
    code = card.partition("```python\n")[2].partition("```")[0]
    compile(code, "card", "exec")
    assert "import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig\n" in code
    assert told in code
    assert ", quantization_config=held)\n" in code


def test_every_table_row_has_the_cells_of_its_head() -> None:
    rows = [line for line in CARD.splitlines() if line.startswith("|")]
    widths = [line.replace("\\|", "").count("|") for line in rows]
    assert widths == [7] * 3 + [10] * (2 + len(REPORT.abilities))


def test_names_are_not_markup() -> None:
    nasty = dataclasses.replace(
        REPORT,
        sentences=("a | b\n# head <script>alert(1)</script> [x](y) `z` \x1b[2J",),
        abilities=(dataclasses.replace(REPORT.abilities[0], name="a|b\n---\n", title="yes: [no, {x}]"),),
    )
    card = model_card(nasty, None)
    assert "a \\| b \\# head \\<script\\>alert(1)\\</script\\> \\[x\\](y) \\`z\\` ␛\\[2J" in card
    assert "| a\\|b --- |" in card
    assert results(card)[-1].dataset_name == "yes: [no, {x}]"


def test_a_folder_as_base_is_not_sent_to_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("/models/mine", "smollm2", "./x"):
        assert "base_model" not in front(dataclasses.replace(REPORT, base_name=name))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "mine").mkdir(parents=True)
    assert "base_model" not in front(dataclasses.replace(REPORT, base_name="models/mine"))


def test_full_weights_are_no_adapter() -> None:
    for method in ("full", "dora"):
        # What is no LoRA is interpolated as full weights.
        tuned = dataclasses.replace(RESULT, training=dataclasses.replace(TRAINING, method=method))
        whole = dataclasses.replace(REPORT, tuned_name="runs/mine-1/model")
        assert front(whole, tuned)["library_name"] == "transformers"
        assert front(whole, tuned)["base_model_relation"] == "finetune"
        assert front(dataclasses.replace(REPORT, tuned_name="runs/mine-1/adapter"), tuned)["library_name"] == "peft"
    assert not {"base_model_relation", "library_name"} & set(front(REPORT, None))


def test_an_ability_without_a_score_is_told_but_no_result() -> None:
    unscored = dataclasses.replace(REPORT.abilities[0], base=None, tuned=None, drop=Undefined("no item has a score"))
    card = model_card(dataclasses.replace(REPORT, abilities=(unscored,)), RESULT)
    assert "| facts | exact\\_match | – | – | undefined | no item has a score | 5 |" in card
    assert len(results(card)) == 2


def test_a_card_without_a_task_or_abilities() -> None:
    bare = dataclasses.replace(REPORT, task=None, abilities=(), gate="nothing declared")
    card = model_card(bare, None)
    assert ModelCard(card, ignore_metadata_errors=False).data.eval_results is None
    assert "## The task" not in card
    assert "no verdict counts for the gate" in card


def front(report: object, tune: TuneResult | None = RESULT) -> dict[str, object]:
    loaded: dict[str, object] = yaml.safe_load(model_card(report, tune).split("---\n")[1])  # type: ignore[arg-type]
    return loaded
