"""docs/messages.md quotes messages that the source has; docs/coming-from.md names keys that `import` reads so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from keeptune.bridges.foreign.llama_factory import LLAMA_FACTORY
from keeptune.bridges.foreign.rule import METHOD, ROWS, TIMES, Rule
from keeptune.bridges.foreign.trl import TRL
from keeptune.config.settings import FLAGS, SETTINGS
from tests.surface.test_suggestions import SOURCES, texts

DOCS = Path(__file__).resolve().parents[2] / "docs"
QUOTED = re.findall(r"^(`+)(\S.*?)\1$", (DOCS / "messages.md").read_text(encoding="utf-8"), re.M)
SAID = [text for file in SOURCES for _, text in texts(file)]


def test_there_are_messages() -> None:
    assert len(QUOTED) >= 15


@pytest.mark.parametrize("quoted", [message for _, message in QUOTED])
def test_the_source_says_so(quoted: str) -> None:
    assert any(quoted.replace("…", "X") in text for text in SAID)


def rows() -> list[list[str]]:
    table = (DOCS / "coming-from.md").read_text(encoding="utf-8")
    cells = (line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ") and "`" in line)
    return [[cell.strip() for cell in row] for row in cells]


def becomes(rules: Mapping[str, Rule], cell: str) -> set[str]:
    """The settings that the keys of a cell become, by the rules of `keeptune import`."""
    found: set[str] = set()
    for key in re.findall(r"`(\w+)`", cell):
        sample = {"finetuning_type": "full", "dataset": ["a"], "warmup_steps": 0.5, "quantization_bit": 4}.get(key, "1")
        found |= set(rules[key](sample).settings)
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_keys_become_what_the_table_says(row: list[str], tmp_path: Path) -> None:
    _, trl, factory, _, here = row
    (tmp_path / "dataset_info.json").write_text('{"a": {"file_name": "a.json"}}')
    setting = re.search(r"`(\w+\.\w+)`", here)
    flag = re.search(r"`--([\w-]+)`", here)
    assert flag is None or flag[1] == "report-to" or setting is None or FLAGS[flag[1]].key == setting[1]
    for trainer, cell in ((TRL, trl), (LLAMA_FACTORY, trl if factory == "the same" else factory)):
        found = becomes(trainer.rules({"dataset_dir": str(tmp_path)}, tmp_path), cell)
        found = {
            {METHOD: "method.kind", ROWS: "training.batch_size", TIMES: "training.batch_size"}.get(x, x) for x in found
        }
        assert (setting[1] in found and setting[1] in SETTINGS) if setting else not found, (trainer.name, found)
