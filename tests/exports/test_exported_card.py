"""The card beside exported files says how these are loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from keeptune.config import ModelConfig
from keeptune.exports.exported_card import Use, adapt_card, in_shell, of_scored
from keeptune.exports.format import Source
from keeptune.exports.formats import safetensors_format
from keeptune.report.card import PublishedBase, loads_whole, model_card
from keeptune.workspace.workspace import Workspace
from tests.report.forgetting_reports import forgetting_report
from tests.report.results import RESULT


def test_the_library_the_relation_and_the_code_are_of_the_export(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    before = model_card(forgetting_report(), RESULT, PublishedBase("org/base"))
    card.write_text(before)
    numbers = of_scored("float32", "4bit")
    adapt_card(card, Use("mlx", "finetune", in_shell("mlx_lm.chat --model OWNER/NAME"), numbers))
    text = card.read_text()
    front, was = (yaml.safe_load(each.split("---")[1]) for each in (text, before))
    assert front == was | {"library_name": "mlx", "base_model_relation": "finetune"}
    assert "## How to use it\n\n```\nmlx_lm.chat --model OWNER/NAME\n```\n" in text
    assert "from_pretrained" not in text
    assert "keeptune measure --base org/base --tuned OWNER/NAME" in before
    assert "keeptune measure" not in text
    assert f"## Measure it again\n\n{numbers}\n" in text
    assert (
        text.split("## How to use it")[0].partition("---\n\n")[2]
        == before.split("## How to use it")[0].partition("---\n\n")[2]
    )
    adapt_card(card, Use("", "finetune", loads_whole("encoder-decoder")))
    text = card.read_text()
    assert "library_name" not in yaml.safe_load(text.split("---")[1])
    assert 'AutoModelForSeq2SeqLM.from_pretrained("OWNER/NAME")' in text


def test_a_card_of_somebody_else_stays(tmp_path: Path) -> None:
    for words in ("# mine", "---\ntags: [a]\n---\n# mine"):
        (tmp_path / "README.md").write_text(words)
        adapt_card(tmp_path / "README.md", Use("mlx", "finetune", in_shell("x")))
        assert (tmp_path / "README.md").read_text() == words


@pytest.mark.parametrize(
    ("held", "told"), [("none", ""), ("nf4", "in float32 on a base in nf4; here they are in bfloat16.")]
)
def test_whole_weights_of_a_base_in_few_bits_say_whose_the_numbers_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: str, told: str
) -> None:
    uses: list[Use] = []
    monkeypatch.setattr(safetensors_format, "write_merged", lambda *_: None)
    monkeypatch.setattr(safetensors_format, "copy_beside", lambda source, folder, use: uses.append(use))
    source = Source(Workspace(tmp_path), ModelConfig("tuned", quantization=held), "causal", "float32")
    safetensors_format.SafetensorsFormat().write(source, "bfloat16", tmp_path)
    assert [use.numbers.partition("scored, ")[2] for use in uses] == [told]
